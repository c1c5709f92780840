"""A decoded document to its operations: the one walk over `paths`. Each operation is read by itself, so that what is
wrong with one never costs another; what is left out is named in the diagnostics with its key.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from apifold.core.diagnostics import Diagnostic
from apifold.core.limits import DOCUMENT, DocumentLimits
from apifold.core.openapi.content import body_of_schema, read_body, read_responses
from apifold.core.openapi.dialect import recognise
from apifold.core.openapi.document import Document
from apifold.core.openapi.model import (
    Dialect,
    DocumentInfo,
    Location,
    Node,
    Operation,
    RequestBody,
    SecurityKind,
    SecurityRequirement,
    SecurityScheme,
    Server,
)
from apifold.core.openapi.parameters import Declared, bind_to_path, read_parameters
from apifold.core.openapi.reading import Reading, child, flag_of, items, kind_of, members, members_at, text_of, texts_of
from apifold.core.openapi.references import Resolver, is_reference
from apifold.core.openapi.report import Report, Unusable, place
from apifold.core.openapi.security import read_requirements, read_schemes
from apifold.core.openapi.servers import document_servers, read_servers, schemes_of
from apifold.core.openapi.upgrade import form_body, host_servers
from apifold.core.openapi.wire import is_token
from apifold.core.values import JSON, JSONObject

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_PATH_WORDS = frozenset(("$ref", "summary", "description", "servers", "parameters", "additionalOperations"))


class _Defaults(msgspec.Struct, frozen=True):
    """What the document says for every operation that does not say otherwise."""

    servers: tuple[Server, ...]
    security: tuple[SecurityRequirement, ...]
    schemes: dict[str, SecurityScheme]
    consumes: tuple[str, ...]
    produces: tuple[str, ...]


class _Path(msgspec.Struct, frozen=True):
    """A path item: what its operations share."""

    template: str
    node: Node
    servers: tuple[Server, ...]
    declared: Declared | Unusable


def read_document(
    files: Mapping[str, JSON],
    *,
    limits: DocumentLimits = DOCUMENT,
    source_hash: str = "",
    source_url: str = "",
    diagnostics: Sequence[Diagnostic] = (),
) -> Document:
    """Everything that can be called in a document. `files` maps a base to its decoded value, "" is the root.

    `diagnostics` are those of loading the files; they come first. Raises `DocumentRefused` when the root is no OpenAPI
    document, and nothing else.
    """
    report = Report(limit=limits.diagnostics)
    resolver = Resolver(files, chain=limits.reference_chain)
    root = Node(files.get(""))
    reading = Reading(resolver, recognise(root.value, report), limits, report)
    defaults = _defaults(reading, root)
    walk = _Walk(reading, defaults)
    operations = walk.read(root)
    _note_unused(reading, root, walk.declared)
    return Document(
        dialect=reading.dialect,
        info=_info(reading, root),
        servers=defaults.servers,
        security_schemes=defaults.schemes,
        tags=_tags(reading, root),
        operations=operations,
        declared_operations=walk.declared,
        diagnostics=(*diagnostics, *report.diagnostics()),
        resolver=resolver,
        source_hash=source_hash,
        source_url=source_url,
    )


def _info(reading: Reading, root: Node) -> DocumentInfo:
    info = reading.object_at(root, "info", "document.malformed")
    said: JSONObject = members(info) if info else {}
    title, version, description, summary = (
        text_of(said.get(key)) for key in ("title", "version", "description", "summary")
    )
    return DocumentInfo(title, version, description, summary)


def _tags(reading: Reading, root: Node) -> dict[str, str]:
    tags: dict[str, str] = {}
    for entry in items(child(root, "tags")):
        name = text_of(members(entry).get("name")) or text_of(entry.value)
        if name:
            tags[name] = text_of(members(entry).get("description")) or text_of(members(entry).get("summary"))
        else:
            reading.report.note("tag.malformed", place(entry), "a tag has no name; it is ignored")
    return tags


def _defaults(reading: Reading, root: Node) -> _Defaults:
    said = members(root)
    schemes = read_schemes(reading, root)
    servers = document_servers(reading, root)
    security = read_requirements(reading, child(root, "security"), schemes) or ()
    return _Defaults(servers, security, schemes, texts_of(said.get("consumes")), texts_of(said.get("produces")))


def _note_unused(reading: Reading, root: Node, declared: int) -> None:
    webhooks = members_at(root, "webhooks")
    if webhooks:
        message = f"{len(webhooks)} webhooks are calls that the API makes, not tools"
        reading.report.note("webhook.ignored", "/webhooks", message)
    if not declared:
        message = "the document has no operation, so there will be no tools"
        reading.report.warning("document.no_operations", "", message, "Add operations under 'paths'.")


class _Walk:
    """Reads every operation of a document once, in document order."""

    def __init__(self, reading: Reading, defaults: _Defaults) -> None:
        self._reading = reading
        self._defaults = defaults
        self._root: JSONObject = {}
        self._operations: list[Operation] = []
        self._keys: set[str] = set()
        self.declared = 0

    def read(self, root: Node) -> tuple[Operation, ...]:
        self._root = members(root)
        for holder_name in ("paths", "x-ms-paths"):
            holder = self._reading.object_at(root, holder_name, "paths.malformed")
            for template in members(holder) if holder else ():
                if holder and not template.startswith("x-"):
                    self._path(template, child(holder, template))
        if self.declared > self._reading.limits.operations:
            limit = self._reading.limits.operations
            message = f"{self.declared:,} operations, more than the {limit:,} allowed; the rest is left out"
            self._reading.report.error("document.too_many_operations", "/paths", message)
        return tuple(self._operations)

    def _path(self, template: str, node: Node) -> None:
        report = self._reading.report
        try:
            merged = self._merged(node)
        except Unusable as problem:
            message = f"nothing of {template} can be read: {problem.message}"
            report.error(problem.code, problem.place, message, problem.advice)
            return
        if not isinstance(merged.value, dict):
            if merged.value is not None:
                report.error(
                    "path.malformed", place(merged), f"{template} should be an object and is {kind_of(merged.value)}"
                )
            return
        path = _Path(template, merged, read_servers(self._reading, child(merged, "servers")), self._shared(merged))
        for method, entry in _entries(self._reading, merged):
            self._declared(path, method, entry)

    def _merged(self, node: Node) -> Node:
        """A path item, or an operation, with what its `$ref` brings; its own members win (3.1 leaves the conflict open)."""
        if not is_reference(node.value):
            return node
        found = self._reading.follow(node)
        own = {key: value for key, value in node.value.items() if key != "$ref"}
        if not own or not isinstance(found.value, dict):
            return found
        return Node({**found.value, **own}, found.base, found.pointer)

    def _shared(self, node: Node) -> Declared | Unusable:
        try:
            return read_parameters(self._reading, child(node, "parameters"))
        except Unusable as problem:
            return problem

    def _declared(self, path: _Path, method: str, node: Node) -> None:
        self.declared += 1
        if self.declared > self._reading.limits.operations:
            return
        report = self._reading.report
        report.operation = f"{method} {path.template}"
        try:
            self._operations.append(self._operation(path, method, node))
        except Unusable as problem:
            report.left_out(problem)
        finally:
            report.operation = ""

    def _operation(self, path: _Path, method: str, node: Node) -> Operation:
        key = f"{method} {path.template}"
        if key in self._keys:
            raise Unusable("operation.duplicate", place(node), "the path has this method twice; the first one counts")
        if not is_token(method):
            raise Unusable("operation.malformed", place(node), f"{method[:40]!r} is not an HTTP method")
        found = self._merged(node)
        if not isinstance(found.value, dict):
            if found.value is not None:
                message = f"the operation should be an object and is {kind_of(found.value)}"
                raise Unusable("operation.malformed", place(found), message)
            found = Node({}, found.base, found.pointer)
        if isinstance(path.declared, Unusable):
            raise path.declared.again()
        operation = self._built(key, path, method, found, path.declared)
        self._keys.add(key)
        return operation

    def _built(self, key: str, path: _Path, method: str, node: Node, shared: Declared) -> Operation:
        reading = self._reading
        said = members(node)
        declared = shared
        if "parameters" in said:
            declared = read_parameters(reading, child(node, "parameters")).over(shared)
        security = self._security(node, declared)
        if members_at(node, "callbacks"):
            reading.report.note("callback.ignored", place(node), "callbacks are calls that the API makes, not tools")
        return Operation(
            key=key,
            method=method,
            path=path.template,
            operation_id=text_of(said.get("operationId")),
            summary=text_of(said.get("summary")) or text_of(members(path.node).get("summary")),
            description=text_of(said.get("description")) or text_of(members(path.node).get("description")),
            tags=texts_of(said.get("tags")),
            deprecated=flag_of(said.get("deprecated")),
            parameters=bind_to_path(reading, declared, path.template, node),
            body=self._body(node, declared),
            responses=read_responses(
                reading, child(node, "responses"), _media(said, "produces", self._defaults.produces)
            ),
            security=security,
            servers=self._servers(node) or path.servers or self._defaults.servers,
            pointer=node.pointer,
            base=node.base,
        )

    def _servers(self, node: Node) -> tuple[Server, ...]:
        said = members(node)
        if self._reading.dialect is Dialect.SWAGGER_2_0 and "schemes" in said and "host" in self._root:
            return host_servers(self._root, schemes_of(said))
        return read_servers(self._reading, child(node, "servers")) if "servers" in said else ()

    def _security(self, node: Node, declared: Declared) -> tuple[SecurityRequirement, ...]:
        schemes = self._defaults.schemes
        said = None
        if "security" in members(node):
            said = read_requirements(self._reading, child(node, "security"), schemes)
        security = self._defaults.security if said is None else said
        if security or said is not None or declared.authorization is None:
            return security
        # The header is not a parameter (it SHALL be ignored); without a scheme nobody could call this operation at all.
        header = declared.authorization
        name = text_of(members(header).get("name"))
        message = f"the header {name} is taken as a security scheme, for the document declares none"
        self._reading.report.warning("security.from_header", place(header), message, "Declare a security scheme.")
        scheme = SecurityScheme(name, SecurityKind.API_KEY, "", location=Location.HEADER, parameter=name)
        schemes.setdefault(name, scheme)
        needed = SecurityRequirement(((name, ()),))
        return (needed,) if flag_of(members(header).get("required")) else (needed, SecurityRequirement(()))

    def _body(self, node: Node, declared: Declared) -> RequestBody | None:
        said = members(node)
        if said.get("requestBody") is not None:
            return read_body(self._reading, child(node, "requestBody"))
        consumes = _media(said, "consumes", self._defaults.consumes)
        if declared.body is not None:
            return body_of_schema(self._reading, declared.body, consumes)
        return form_body(declared.form, consumes) if declared.form else None


def _media(said: JSONObject, word: str, default: tuple[str, ...]) -> tuple[str, ...]:
    return texts_of(said[word]) if word in said else default


def _entries(reading: Reading, node: Node) -> Iterator[tuple[str, Node]]:
    """The operations of a path item as method and node."""
    for word in members(node):
        if word.lower() in _METHODS:
            yield word.upper(), child(node, word)
        elif word not in _PATH_WORDS and not word.startswith("x-"):
            reading.report.note(
                "path.unknown_word", place(child(node, word)), f"{word[:40]!r} is no method and is ignored"
            )
    additional = reading.object_at(node, "additionalOperations", "path.malformed")
    for method in members(additional) if additional else ():
        if additional:
            yield method, child(additional, method)
