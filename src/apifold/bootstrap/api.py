"""From options to one API that can be called: its document read, compiled, selected from, and given its credentials.

Every way to use an API from the terminal starts here; what listens on a socket is in `bootstrap.serve`.
"""

from collections.abc import Mapping

import msgspec

from apifold.bootstrap.effects import SystemClock, SystemEntropy
from apifold.bootstrap.loading import destination_policy, is_loopback, load_document
from apifold.bootstrap.options import Options, OptionsRefused
from apifold.bootstrap.secrets import open_secrets
from apifold.core.mcp.server import ServerDescription
from apifold.core.openapi.document import Document
from apifold.core.policy.access import Principal
from apifold.core.requests.credentials import Credentials
from apifold.core.requests.servers import InvalidServer, ServerChoice, choose_base, variable_problem
from apifold.core.snapshot import ServerSnapshot
from apifold.core.tools import guide
from apifold.core.tools.compiler import Catalogue, CompileOptions, compile_tools
from apifold.core.tools.model import Tool
from apifold.core.tools.selection import Selected, select
from apifold.core.tools.text import clean_line
from apifold.gateway.execute import Effects
from apifold.gateway.openapi_backend import OpenAPIBackend
from apifold.gateway.pipeline import CallEngine
from apifold.gateway.plans import Plans
from apifold.gateway.ports import Upstream
from apifold.gateway.upstream.client import UpstreamClient

__all__ = [
    "API",
    "OperatorCredentials",
    "assemble",
    "build_backend",
    "build_engine",
    "connect",
    "describe",
    "destination_policy",
    "is_loopback",
    "load_document",
]


class API(msgspec.Struct, frozen=True):
    """An API and everything decided about it. Nothing is connected yet."""

    options: Options
    snapshot: ServerSnapshot
    selected: Selected
    """The tools that are offered, and selectors that match nothing."""
    credentials: Credentials

    @property
    def catalogue(self) -> Catalogue:
        return self.snapshot.catalogue

    @property
    def document(self) -> Document:
        return self.snapshot.document

    @property
    def server(self) -> str:
        """Where the API is, as far as the document and the options say: a URL, a path, or nothing."""
        return self.snapshot.server


class OperatorCredentials(msgspec.Struct, frozen=True):
    """Every caller uses the operator's secrets."""

    one: Credentials

    async def credentials(self, principal: Principal) -> Credentials:  # noqa: ARG002  the same for all
        return self.one


def assemble(options: Options, document: Document, variables: Mapping[str, str]) -> API:
    """Compile and select the tools, fetch the secrets (`variables` is the environment). Raises `AppError`."""
    catalogue = compile_tools(document, CompileOptions(profile=options.profile))
    requires = any(requirement.schemes for operation in document.operations for requirement in operation.security)
    credentials = Credentials(
        document.security_schemes, open_secrets(options.auth, variables), document_requires=requires
    )
    servers = _servers(options, document)
    if options.base_url:
        try:
            choose_base((), servers)  # a base URL that cannot be used is found now, not at the first call
        except InvalidServer as error:
            hint = "For example: --base-url https://api.example.com/v1"
            raise OptionsRefused(error.message, hint=hint) from error
    selected = select(catalogue.tools, options.selection)
    server = _where(document, servers)
    description = _describe(document, selected.tools, server=server, shared=options.token is None)
    snapshot = ServerSnapshot(1, description, catalogue, selected.tools, servers, server)
    return API(options, snapshot, selected, credentials)


def _servers(options: Options, document: Document) -> ServerChoice:
    variables = dict(options.server_variables)
    if variables:
        lists = {id(one): one for one in (document.servers, *(operation.servers for operation in document.operations))}
        problem = variable_problem((server for servers in lists.values() for server in servers), variables)
        if problem:
            raise OptionsRefused(problem, hint="--server-var NAME=VALUE sets a variable of the document's server URLs.")
    return ServerChoice(base_url=options.base_url, document_url=document.source_url, variables=variables)


def _where(document: Document, servers: ServerChoice) -> str:
    base = choose_base(document.servers, servers)
    if base.problem:
        return ""
    return f"{base.origin or ''}{base.path}"


def connect(options: Options) -> UpstreamClient:
    """The client that calls go out through. Belongs to the event loop it is first used on; close it in the end."""
    return UpstreamClient(policy=destination_policy(options), call_limits=options.limits)


def build_engine(api: API, upstream: Upstream) -> CallEngine:
    return CallEngine(
        Plans(api.snapshot, most=api.options.limits.plans),
        upstream,
        OperatorCredentials(api.credentials),
        effects=Effects(SystemClock(), SystemEntropy()),
        limits=api.options.limits,
    )


def build_backend(api: API, engine: CallEngine) -> OpenAPIBackend:
    return OpenAPIBackend(api.snapshot, engine)


def describe(api: API) -> ServerDescription:
    return api.snapshot.description


def _describe(document: Document, tools: tuple[Tool, ...], *, server: str, shared: bool) -> ServerDescription:
    info = document.info
    title = clean_line(info.title, 100) or "API"
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in title.lower()).split())
    return ServerDescription(
        name=slug[:48].strip("-") or "api",
        version=clean_line(info.version, 50) or "0",
        title=title,
        instructions=guide.instructions(document, tools, server=server),
        shared=shared,
        list_changed=frozenset({"tools", "resources"}),
        resource_subscriptions=True,
    )
