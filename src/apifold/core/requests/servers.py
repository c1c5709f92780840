"""Which server a request goes to, and the base path under which everything stays.

The document gives servers per operation (operation over path over document); the first usable one is taken.
A base URL from the command line stands over all of them. A server that stays relative has no origin: such a
request can be shown but not sent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.openapi.model import Server
from apifold.core.requests.model import Origin

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_HOST: Final = re.compile(r"[a-z0-9._~!$&'()*+,;=-]+|[0-9a-f:.]+")
_ODD: Final = re.compile(r"[\x00-\x20\x7f\\]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_AFTER_HOST: Final = re.compile(r"^[^/?#]*//[^/?#]*(/[^?#]*)")
_USER_INFO: Final = re.compile(r"//[^/?#]*@")
_PORTS: Final = {"http": 80, "https": 443}
_LITERAL: Final = "/:@!$&'()*+,;=-._~%"


class InvalidServer(AppError):
    """No request can be sent to what the document, or the caller, names as the server."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str) -> None:
        super().__init__("server.invalid", message, hint="Name the server with --base-url.")


class Base(msgspec.Struct, frozen=True):
    """Where requests go: an origin, or `None` for a relative server, and the path before the template."""

    origin: Origin | None
    path: str
    """Percent-encoded, starts with `/` unless empty, never ends with one."""
    problem: str = ""
    """Why there is no origin, where the document named one that cannot be used."""


class ServerChoice(msgspec.Struct, frozen=True):
    """What may be said about servers from outside the document."""

    base_url: str = ""
    """Stands over every server: scheme, host and base path, or a path where the document was found."""
    document_url: str = ""
    """Where the document was found, if on the web: relative servers start there (RFC 3986 5)."""
    variables: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Values of server variables, over their defaults."""
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Other origins to use in place of the document's (`https://api.example.com` to `http://127.0.0.1:8080`);
    base paths stay. For test environments and proxies."""


_NOTHING_SAID: Final = ServerChoice()


def choose_base(servers: Sequence[Server], choice: ServerChoice = _NOTHING_SAID) -> Base:
    """The base of an operation's requests: the first server that can be called, else the first that is relative.

    Where none is either, the base still has the path of the first one and says what the problem is, so that a request
    can be shown. Raises `InvalidServer` for a base URL that cannot be used.
    """
    if choice.base_url:
        return parse_base(_located(choice.base_url, choice))
    relative: Base | None = None
    problem = "The document names no server."
    for server in servers:
        try:
            base = _replaced(parse_base(_located(fill_variables(server, choice.variables), choice)), choice)
        except InvalidServer as error:
            problem = error.message
            continue
        if base.origin is not None:
            return base
        relative = relative or base
    return relative or Base(None, _path_alone(servers), problem)


def _path_alone(servers: Sequence[Server]) -> str:
    """The path of the first server, whatever is wrong with what stands before it."""
    match = _AFTER_HOST.search(servers[0].url) if servers else None
    return _base_path(match[1]) if match else ""


def fill_variables(server: Server, given: Mapping[str, str]) -> str:
    """The URL with its variables filled in: the given value, else the default, else the only allowed one."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        declared = server.variables.get(name)
        value = given.get(name, "")
        if value and declared is not None and declared.enum and value not in declared.enum:
            allowed = ", ".join(declared.enum)
            raise InvalidServer(f"The server variable {name!r} must be one of: {allowed}.")
        value = value or (declared.default if declared is not None else "")
        if not value and declared is not None and declared.enum:
            value = declared.enum[0]
        if not value and declared is None:
            raise InvalidServer(f"The server URL {server.url!r} has no value for {{{name}}}.")
        return value

    return _VARIABLE.sub(value_of, server.url)


def variable_problem(servers: Iterable[Server], given: Mapping[str, str]) -> str:
    """What is wrong with values given for server variables: a name that no server has, or a value that none allows."""
    allowed: dict[str, list[str] | None] = {}
    for server in servers:
        for name in _VARIABLE.findall(server.url):
            declared = server.variables.get(name)
            known = allowed.get(name, [])
            # Any value goes as soon as one server lists none.
            allowed[name] = None if known is None or declared is None or not declared.enum else [*known, *declared.enum]
    for name, value in given.items():
        if name not in allowed:
            return f"No server of the document has a variable {name!r}. There are: {', '.join(allowed) or 'none'}."
        values = allowed[name]
        if values is not None and value not in values:
            return f"The server variable {name!r} must be one of: {', '.join(dict.fromkeys(values))}."
    return ""


def parse_base(url: str) -> Base:
    """An absolute http(s) URL or a path. Query and fragment are dropped (Server Object: they MUST NOT be there)."""
    url = url.strip()
    if url.startswith("//"):  # as old as the web: "the scheme of this page", and no page is known here
        url = "https:" + url
    if _ODD.search(url):
        raise InvalidServer(f"The server URL {_shown(url)!r} holds spaces, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidServer(f"The server URL {_shown(url)!r} is not a URL: {error}.") from error
    if not parts.scheme and not parts.netloc:
        return Base(None, _base_path(parts.path))
    if parts.scheme not in _PORTS:
        raise InvalidServer(
            f"The server URL {_shown(url)!r} has the scheme {parts.scheme!r}; only http and https can be called."
        )
    if parts.username is not None or parts.password is not None:
        # Shown in dry runs and logs, and forwarded by redirects: credentials have their own place.
        raise InvalidServer("The server URL holds a user name or password; give credentials with --auth.")
    origin = Origin(parts.scheme, _host(parts.hostname or "", url), _PORTS[parts.scheme] if port is None else port)
    return Base(origin, _base_path(parts.path))


def _located(url: str, choice: ServerChoice) -> str:
    """The server's URL made absolute where it is known where the document was found."""
    if not choice.document_url or _SCHEME.match(url):
        return url
    return urljoin(choice.document_url, url or "/")


def _replaced(base: Base, choice: ServerChoice) -> Base:
    if base.origin is None or not choice.origins:
        return base
    for name, other in choice.origins.items():
        if parse_base(name).origin == base.origin:
            return Base(parse_base(other).origin, base.path)
    return base


def _host(host: str, url: str) -> str:
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise InvalidServer(f"The host of {_shown(url)!r} is not a name.") from error
    if not _HOST.fullmatch(host):
        raise InvalidServer(f"The server URL {_shown(url)!r} has no usable host.")
    return host


def _shown(url: str) -> str:
    """A URL as it may be shown: without what stands before `@`."""
    return _USER_INFO.sub("//", url)


def _base_path(path: str) -> str:
    """The path without a trailing slash, dot segments resolved, encoded: `/api/` and `/x` make `/api/x`, not `/x`."""
    kept: list[str] = []
    for text in path.split("/"):
        segment = text if "%2" not in text else text.replace("%2e", ".").replace("%2E", ".")
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(text)
    encoded = quote("/".join(kept).strip("/"), safe=_LITERAL)
    return "/" + encoded if encoded else ""
