"""The whole of a read document: its operations, and what was left out and why."""

from collections.abc import Mapping

import msgspec

from apifold.core.diagnostics import Diagnostic
from apifold.core.openapi.model import Dialect, DocumentInfo, Operation, SecurityScheme, Server
from apifold.core.openapi.references import Resolver


class Document(msgspec.Struct, frozen=True):
    dialect: Dialect
    info: DocumentInfo
    servers: tuple[Server, ...]
    security_schemes: Mapping[str, SecurityScheme]
    tags: Mapping[str, str]
    """Tag name to its description."""
    operations: tuple[Operation, ...]
    """In document order; only those that can be called."""
    declared_operations: int
    """How many operations the document declares, callable or not."""
    diagnostics: tuple[Diagnostic, ...]
    resolver: Resolver
    source_hash: str
    """SHA-256 (hex) over the bytes of all files, for caches and for telling versions apart."""
    source_url: str = ""
    """Where the root was found on the web, after redirects: relative servers start there. Empty for a local file."""
