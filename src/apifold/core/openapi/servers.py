"""Server Objects, tolerantly: a server that cannot be read is left out, the next level up is used instead."""

import re

from apifold.core.openapi.model import Dialect, Node, Server, ServerVariable
from apifold.core.openapi.reading import Reading, child, flag_of, items, kind_of, members, text_of, texts_of
from apifold.core.openapi.report import Unusable, place
from apifold.core.openapi.upgrade import host_servers
from apifold.core.values import JSONObject

_BARE_HOST = re.compile(
    r"(?:(?P<local>localhost|127\.0\.0\.1)|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})(?::[0-9]+)?(?:/|$)"
)
_VARIABLE = re.compile(r"\{([^{}]+)\}")


def document_servers(reading: Reading, root: Node) -> tuple[Server, ...]:
    """The servers of a document, whichever version wrote them; never empty."""
    said = members(root)
    if isinstance(said.get("x-ms-parameterized-host"), dict):
        return (_parameterized(reading, root, child(root, "x-ms-parameterized-host")),)
    if "servers" not in said and (reading.dialect is Dialect.SWAGGER_2_0 or "host" in said):
        return host_servers(said, schemes_of(said))
    return read_servers(reading, child(root, "servers")) or (Server("/"),)


def schemes_of(holder: JSONObject) -> tuple[str, ...]:
    """`schemes` of Swagger 2.0."""
    return tuple(scheme.lower() for scheme in texts_of(holder.get("schemes")))


def _parameterized(reading: Reading, root: Node, node: Node) -> Server:
    """Azure's host template: what its parameters are in Swagger 2.0, server variables are since."""
    host = members(node)
    said: JSONObject = {**members(root), "host": text_of(host.get("hostTemplate"))}
    url = host_servers(said, schemes_of(said))[0].url
    if not flag_of(host.get("useSchemePrefix"), default=True):
        url = url.partition("://")[2]
    variables: dict[str, ServerVariable] = {}
    for entry in items(child(node, "parameters")):
        try:
            found = reading.follow(entry)
        except Unusable as problem:
            reading.report.warning(problem.code, problem.place, problem.message, problem.advice)
            continue
        name = text_of(members(found).get("name"))
        if name:
            variables[name] = _variable(reading, found)
    return Server(url, "", variables)


def read_servers(reading: Reading, node: Node) -> tuple[Server, ...]:
    """A `servers` list; empty when there is none."""
    if node.value is None:
        return ()
    entries = [node] if isinstance(node.value, dict) else items(node)
    if not isinstance(node.value, list):
        reading.report.warning(
            "server.malformed", place(node), f"'servers' should be a list and is {kind_of(node.value)}"
        )
    found = (_server(reading, entry) for entry in entries)
    return tuple(server for server in found if server is not None)


def _server(reading: Reading, node: Node) -> Server | None:
    said = {"url": node.value} if isinstance(node.value, str) else members(node)
    url = said.get("url")
    if not isinstance(url, str):
        reading.report.warning("server.malformed", place(node), "a server has no URL; it is left out")
        return None
    url = _with_scheme(reading, node, url.strip())
    holder = child(node, "variables")
    variables = {name: _variable(reading, child(holder, name)) for name in members(holder)}
    for name in _VARIABLE.findall(url):
        if name not in variables:
            message = f"the server URL has a variable {name[:80]!r} that is not described; it has no value"
            reading.report.warning(
                "server.variable_undeclared", place(node), message, "Describe it under 'variables' with a default."
            )
    return Server(url, text_of(said.get("description")), variables)


def _with_scheme(reading: Reading, node: Node, url: str) -> str:
    """A host without a scheme would be a relative path (RFC 3986 4.2), and hardly anybody means that."""
    match = _BARE_HOST.match(url)
    if match is None:
        return url
    scheme = "http" if match["local"] else "https"
    message = f"the server {url[:80]!r} has no scheme; {scheme} is taken"
    reading.report.warning("server.no_scheme", place(node), message, f"Write {scheme}://{url[:80]}")
    return f"{scheme}://{url}"


def _variable(reading: Reading, node: Node) -> ServerVariable:
    said = members(node)
    enum = said.get("enum")
    values = tuple(text_of(value) for value in enum if text_of(value)) if isinstance(enum, list) else ()
    default = text_of(said.get("default"))
    if "default" not in said:
        default = values[0] if values else ""
        message = f"the server variable has no default; {default!r} is taken"
        reading.report.warning("server.variable_without_default", place(node), message)
    return ServerVariable(default, values, text_of(said.get("description")))
