"""A secret in its place on a request: a header, the query or a cookie, in the form that its scheme asks for."""

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import quote, unquote_plus

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.openapi.model import Location, SecurityKind, SecurityScheme
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.secret import Secret, SecretRefused

MASK = "***"
_PLACES = {"header": Location.HEADER, "query": Location.QUERY, "cookie": Location.COOKIE}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})


class AuthRefused(AppError):
    """What was said with `--auth` cannot be used."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("auth.invalid", message, hint=hint)


class Placement(msgspec.Struct, frozen=True):
    """A secret in its place on the request, in its final form."""

    location: Location
    name: str
    value: str
    masked: str
    """The same with the secret part as `***`, for showing."""

    def __repr__(self) -> str:
        return f"Placement({self.location.value!r}, {self.name!r}, {self.masked!r})"


def place(scheme: SecurityScheme, secret: Secret) -> Placement:
    """Where and in which form a scheme wants its secret (OpenAPI 3.2 4.30, RFC 7617, RFC 6750). Raises `AuthRefused`."""
    match scheme.kind:
        case SecurityKind.API_KEY:
            return _place_at(scheme.location or Location.HEADER, scheme.parameter, secret)
        case SecurityKind.BASIC:
            return _authorization("Basic", _basic(secret.reveal()))
        case SecurityKind.BEARER | SecurityKind.OAUTH2 | SecurityKind.OPEN_ID:
            return _authorization("Bearer", _ascii(secret, "An Authorization header"))
        case SecurityKind.HTTP:
            return _authorization(scheme.scheme or "Bearer", _ascii(secret, "An Authorization header"))
        case SecurityKind.MUTUAL_TLS:
            raise AuthRefused(
                f"{scheme.name} is mutual TLS: it takes a client certificate, which cannot be configured yet.",
                hint="Put a proxy that holds the certificate in front of the API and give its address with --base-url.",
            )


def _authorization(scheme: str, value: str) -> Placement:
    """`scheme value`; a value that already starts with the scheme keeps it (people paste the whole header)."""
    head, space, rest = value.partition(" ")
    if space and head.lower() == scheme.lower():
        value = rest.strip()
    shown = scheme if scheme in {"Basic", "Bearer"} else scheme.capitalize()
    return Placement(Location.HEADER, "Authorization", f"{shown} {value}", f"{shown} {MASK}")


def _basic(value: str) -> str:
    """`user:password`, the pair already encoded, or a lone key, which is a user name with an empty password (Stripe)."""
    head, space, rest = value.partition(" ")
    if space and head.lower() == "basic" and _decoded_pair(rest.strip()):
        return rest.strip()
    if ":" not in value:
        if _decoded_pair(value):
            return value
        value += ":"
    return base64.b64encode(value.encode()).decode()


def _decoded_pair(value: str) -> str:
    """The `user:password` that `value` is the base64 of; empty when it is not (a random key decodes to no text)."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text if ":" in text and text.isprintable() else ""


def _place_at(location: Location, name: str, secret: Secret) -> Placement:
    if location is Location.HEADER:
        if not name or not _TOKEN.issuperset(name) or name.lower() in _FRAMING:
            raise AuthRefused(f"{name!r} is not a header that a secret can be sent in.")
        return Placement(location, name, _ascii(secret, f"The header {name}"), MASK)
    if location is Location.COOKIE:
        if not name or not _TOKEN.issuperset(name):
            raise AuthRefused(f"{name!r} is not a cookie name.")
        # RFC 6265 4.1.1: what a cookie value may not hold is percent-encoded, the rest stays as it is.
        return Placement(location, name, quote(secret.reveal(), safe="!#$%&'()*+-./:<=>?@[]^_`{|}~"), MASK)
    if not name:
        raise AuthRefused("A query parameter without a name cannot carry a secret.")
    return Placement(Location.QUERY, quote(name, safe=""), quote(secret.reveal(), safe=""), MASK)


def _ascii(secret: Secret, where: str) -> str:
    value = secret.reveal()
    if not value.isascii():
        raise SecretRefused(f"{where} takes ASCII characters only, and the secret has others.")
    return value.strip()


def place_by_hand(name: str, secret: Secret) -> Placement | None:
    """A placement for `header:…`, `query:…`, `cookie:…`, `bearer` or `basic`; `None` for any other name."""
    kind, colon, target = name.partition(":")
    if colon and kind in _PLACES:
        return _place_at(_PLACES[kind], target, secret)
    if name == "bearer":
        return _authorization("Bearer", _ascii(secret, "An Authorization header"))
    if name == "basic":
        return _authorization("Basic", _basic(secret.reveal()))
    return None


def secret_texts(value: str, *, basic: bool) -> tuple[str, ...]:
    """What counts as secret in a value: itself, and of a pair its password and the form it has on the wire."""
    scheme, _, rest = value.partition(" ")
    rest = rest.strip()
    if not (basic or scheme.lower() == "basic"):
        # `Bearer abc` was given: `abc` alone is the secret as well.
        return (value, rest) if rest else (value,)
    encoded = _basic(value)
    pair = _decoded_pair(encoded)
    user, _, password = pair.partition(":")
    return (value, encoded, pair, password or user)


def put(request: UpstreamRequest, placements: Sequence[Placement]) -> UpstreamRequest:
    """The request with secrets in their places. What it had in the same place is replaced: the operator's secret wins
    over anything a model could pass.
    """
    target, headers = request.target, request.headers
    for placement in placements:
        if placement.location is Location.HEADER:
            headers = _with_header(headers, placement)
        elif placement.location is Location.COOKIE:
            headers = _with_cookie(headers, placement)
        else:
            target = _with_query(target, placement)
    return UpstreamRequest(
        request.method, request.origin, target, headers, request.body, request.body_kind, request.idempotent
    )


def _with_header(headers: tuple[tuple[str, str], ...], placement: Placement) -> tuple[tuple[str, str], ...]:
    name = placement.name.lower()
    for given, _ in headers:
        if given.lower() == name:
            headers = tuple(pair for pair in headers if pair[0].lower() != name)
            break
    return (*headers, (placement.name, placement.value))


def _with_cookie(headers: tuple[tuple[str, str], ...], placement: Placement) -> tuple[tuple[str, str], ...]:
    cookies = [value for name, value in headers if name.lower() == "cookie"]
    pairs = [pair.strip() for value in cookies for pair in value.split(";") if pair.strip()]
    kept = [pair for pair in pairs if pair.partition("=")[0].strip() != placement.name]
    others = tuple(pair for pair in headers if pair[0].lower() != "cookie")
    return (*others, ("Cookie", "; ".join([*kept, f"{placement.name}={placement.value}"])))


def _with_query(target: str, placement: Placement) -> str:
    path, mark, query = target.partition("?")
    name = unquote_plus(placement.name)
    kept = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) != name] if mark and query else []
    return f"{path}?{'&'.join([*kept, f'{placement.name}={placement.value}'])}"
