"""What a server is to be, from three sources: flags over the configuration file over defaults.

Whatever can be seen to be wrong without reading the document is refused here.
"""

import math
import re
from enum import StrEnum
from typing import TypeVar

import msgspec
import msgspec.structs

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import CALL, CallLimits
from apifold.core.requests.credentials import AuthSpec, parse_auth
from apifold.core.requests.destination import DestinationPolicy
from apifold.core.requests.secret import Secret
from apifold.core.tools.model import Profile
from apifold.core.tools.selection import Selection

DEFAULT_SELECTION = Selection()
LEAST_BYTES = 1_000
_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s]+/?")
_WEB = ("http://", "https://")


class Transport(StrEnum):
    HTTP = "http"
    STDIO = "stdio"


class OptionsRefused(AppError):
    """The options contradict each other or lack something."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("options.invalid", message, hint=hint)


class SelectLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which operations become tools (`select:` in the file). `None` is: not said here."""

    tags: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    exclude_tags: tuple[str, ...] | None = None
    exclude_paths: tuple[str, ...] | None = None
    exclude_operations: tuple[str, ...] | None = None
    read_only: bool | None = None
    deprecated: bool | None = None


class LimitsLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on one call (`limits:` in the file)."""

    timeout_seconds: float | None = None
    retries: int | None = None
    response_bytes: int | None = None
    result_bytes: int | None = None


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of options: the flags of a command, or a configuration file. `None` is: not said here."""

    spec: str | None = None
    """Path or URL of the document; `-` is standard input."""
    base_url: str | None = None
    server_variables: dict[str, str] | None = None
    """Values for the variables in the document's server URLs."""
    auth: tuple[str, ...] | None = None
    """`NAME=SOURCE`; in the file a map of NAME to value or SOURCE."""
    transport: Transport | None = None
    host: str | None = None
    port: int | None = None
    token: str | None = None
    public: bool | None = None
    profile: Profile | None = None
    select: SelectLayer | None = None
    limits: LimitsLayer | None = None
    remote_refs: bool | None = None
    """`$ref`s to other hosts are fetched."""
    private_upstreams: bool | None = None
    allow_upstreams: tuple[str, ...] | None = None
    """Addresses, networks or host:port that are allowed in spite of the destination policy."""
    allow_hosts: tuple[str, ...] | None = None
    """Host names under which callers may reach this server, besides its own address."""
    allow_origins: tuple[str, ...] | None = None
    """Web origins whose pages may call this server from a browser."""

    def __repr__(self) -> str:
        return "Layer(…)"  # it holds secrets


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything decided."""

    spec: str
    base_url: str = ""
    server_variables: tuple[tuple[str, str], ...] = ()
    auth: tuple[AuthSpec, ...] = ()
    transport: Transport = Transport.HTTP
    host: str = "127.0.0.1"
    port: int = 8080
    token: Secret | None = None
    public: bool = False
    profile: Profile = Profile.PORTABLE
    selection: Selection = DEFAULT_SELECTION
    limits: CallLimits = CALL
    remote_refs: bool = False
    private_upstreams: bool | None = None
    """`None`: allowed on a loopback bind and over stdio, refused on any other."""
    allow_upstreams: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    public_url: str = ""


NOTHING_SAID = Layer()


def decide(flags: Layer, file: Layer = NOTHING_SAID, *, token: str = "", public_url: str = "") -> Options:
    """Flags over file over defaults; `token` and `public_url` are what the environment says, the last resort.

    Lists replace; in `auth` and `server_variables` names are merged. Raises `OptionsRefused` and `AuthRefused`.
    """
    spec = _first(flags.spec, file.spec, "")
    if not spec:
        raise OptionsRefused(
            "No document was given.",
            hint="Name the path or URL of an OpenAPI document: SPEC, or `spec:` in the configuration file.",
        )
    return Options(
        spec=spec,
        base_url=_base_url(_first(flags.base_url, file.base_url, "").strip()),
        server_variables=tuple({**(file.server_variables or {}), **(flags.server_variables or {})}.items()),
        auth=_merge_auth(file.auth or (), flags.auth or ()),
        transport=_first(flags.transport, file.transport, Transport.HTTP),
        host=_first(flags.host, file.host, "127.0.0.1"),
        port=_port(_first(flags.port, file.port, 8080)),
        token=_token(_first(flags.token, file.token or None, token or None)),
        public=_first(flags.public, file.public, False),
        profile=_first(flags.profile, file.profile, Profile.PORTABLE),
        selection=_selection(flags.select or SelectLayer(), file.select or SelectLayer()),
        limits=_limits(flags.limits or LimitsLayer(), file.limits or LimitsLayer()),
        remote_refs=_first(flags.remote_refs, file.remote_refs, False),
        private_upstreams=flags.private_upstreams if flags.private_upstreams is not None else file.private_upstreams,
        allow_upstreams=_upstreams(_first(flags.allow_upstreams, file.allow_upstreams, ())),
        allow_hosts=_hosts(_first(flags.allow_hosts, file.allow_hosts, ())),
        allow_origins=_origins(_first(flags.allow_origins, file.allow_origins, ())),
        public_url=_public_url(public_url),
    )


T = TypeVar("T")


def _first(flag: T | None, file: T | None, default: T) -> T:
    if flag is not None:
        return flag
    return default if file is None else file


def _merge_auth(file: tuple[str, ...], flags: tuple[str, ...]) -> tuple[AuthSpec, ...]:
    merged = {spec.name: spec for spec in map(parse_auth, (*file, *flags))}
    return tuple(merged.values())


def _port(port: int) -> int:
    if not 0 <= port <= 65535:
        raise OptionsRefused(f"{port} is not a port.", hint="Ports are 1 to 65535; 0 takes any that is free.")
    return port


def _base_url(url: str) -> str:
    """A path alone is good too: it is relative to where the document comes from."""
    if url and not url.lower().startswith((*_WEB, "/")):
        hint = "For example: --base-url https://api.example.com/v1" if ":" in url else f"Try --base-url https://{url}"
        raise OptionsRefused(f"--base-url {url} is no http(s) URL.", hint=hint)
    return url


def _public_url(url: str) -> str:
    if url and not url.lower().startswith(_WEB):
        raise OptionsRefused(f"APIFOLD_PUBLIC_URL={url} is no http(s) URL.", hint="e.g. https://mcp.example.com")
    return url


def _token(token: str | None) -> Secret | None:
    if token is None:
        return None
    if not token:  # `--token "$NAME"` without NAME; in a file, `${NAME:-}` says that there may be none
        raise OptionsRefused("The token is empty.", hint="Is the variable set that it comes from?")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise OptionsRefused(
            "The token has characters that do not go through a header.",
            hint="Take letters, digits and signs without spaces, as `openssl rand -hex 32` prints them.",
        )
    return Secret(token)


def _upstreams(entries: tuple[str, ...]) -> tuple[str, ...]:
    try:
        DestinationPolicy.allowing(entries)
    except AppError as error:
        raise OptionsRefused(f"--allow-upstream: {error.message}", hint="For example: 127.0.0.1:8081") from error
    return entries


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if "/" in name or (":" in name and not name.startswith("[")):
            hint = "It is what stands in a URL between // and the port: --allow-host mcp.example.com"
            raise OptionsRefused(f"--allow-host {name} is no host name.", hint=hint)
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            hint = "It is scheme and host: --allow-origin https://app.example.com"
            raise OptionsRefused(f"--allow-origin {origin} is no origin.", hint=hint)
    return origins


def _selection(flags: SelectLayer, file: SelectLayer) -> Selection:
    return Selection(
        tags=_first(flags.tags, file.tags, ()),
        methods=_first(flags.methods, file.methods, ()),
        paths=_first(flags.paths, file.paths, ()),
        operations=_first(flags.operations, file.operations, ()),
        exclude_tags=_first(flags.exclude_tags, file.exclude_tags, ()),
        exclude_paths=_first(flags.exclude_paths, file.exclude_paths, ()),
        exclude_operations=_first(flags.exclude_operations, file.exclude_operations, ()),
        read_only=_first(flags.read_only, file.read_only, False),
        include_deprecated=_first(flags.deprecated, file.deprecated, False),
    )


def _limits(flags: LimitsLayer, file: LimitsLayer) -> CallLimits:
    limits = msgspec.structs.replace(
        CALL,
        timeout_seconds=_first(flags.timeout_seconds, file.timeout_seconds, CALL.timeout_seconds),
        retries=_first(flags.retries, file.retries, CALL.retries),
        response_bytes=_first(flags.response_bytes, file.response_bytes, CALL.response_bytes),
        result_bytes=_first(flags.result_bytes, file.result_bytes, CALL.result_bytes),
    )
    if not 0 < limits.timeout_seconds < math.inf:
        raise OptionsRefused(
            f"A timeout of {limits.timeout_seconds:g} seconds is out of range.", hint="It has to be more than 0."
        )
    if limits.retries < 0:
        raise OptionsRefused(f"{limits.retries} retries are out of range.", hint="0 is for never.")
    for name, size in (("response_bytes", limits.response_bytes), ("result_bytes", limits.result_bytes)):
        if size < LEAST_BYTES:
            raise OptionsRefused(f"{name} of {size} is out of range.", hint=f"{LEAST_BYTES} is the least.")
    return limits
