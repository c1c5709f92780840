"""Which of the operator's secrets go with a call, and where on the request they are put.

The document says what an operation needs (alternatives of schemes that go together); the operator says what there is
(`--auth NAME=SOURCE`, see `parse_auth`). A call is never held back because a secret is missing: many documents declare
security that the API at hand (a mock, an open instance) does not ask for. It is sent with what there is, and when the
API then answers 401 or 403, the answer names the scheme and the flag. The caller's own Authorization never comes near here.
"""

import base64
import binascii
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never
from urllib.parse import quote, unquote_plus

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.openapi.model import Location, Operation, SecurityKind, SecurityRequirement, SecurityScheme
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.scrub import Scrubber
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


@dataclass(frozen=True, slots=True)
class AuthSpec:
    """One `--auth NAME=SOURCE`, taken apart. Where the value comes from is read by the composition root."""

    name: str
    kind: str
    """`env`, `file` or `literal`."""
    source: str = field(repr=False)
    """Variable name, path, or the value itself."""


def parse_auth(text: str) -> AuthSpec:
    """`NAME=env:VAR`, `NAME=file:PATH`, `NAME=literal:VALUE` or `NAME=VALUE`. Raises `AuthRefused`.

    NAME is a security scheme of the document, or `header:X-Name`, `query:name`, `cookie:name`, or `bearer` or `basic`.
    """
    name, equals, source = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise AuthRefused("--auth takes NAME=SOURCE.", hint="For example: --auth api_key=env:API_KEY")
    kind, colon, rest = source.partition(":")
    if not colon or kind not in {"env", "file", "literal"}:
        kind, rest = "literal", source
    if not rest:
        raise AuthRefused(f"--auth {name} names no value.", hint=f"For example: --auth {name}=env:API_KEY")
    return AuthSpec(name, kind, rest)


@dataclass(frozen=True, slots=True)
class Placement:
    """A secret in its place on the request, in its final form."""

    location: Location
    name: str
    value: str = field(repr=False)
    masked: str
    """The same with the secret part as `***`, for showing."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one operation gets."""

    placements: tuple[Placement, ...] = ()
    missing: tuple[str, ...] = ()
    """Names of the schemes the operation needs and nobody gave; empty when it can do without them."""
    used: tuple[str, ...] = ()
    """What was given, by scheme or `--auth` name."""

    def masked(self) -> "Grant":
        shown = tuple(Placement(p.location, p.name, p.masked, p.masked) for p in self.placements)
        return Grant(shown, self.missing, self.used)


NO_GRANT = Grant()


class Credentials:
    """The operator's secrets against one document. Grants are computed once per distinct `Operation.security`."""

    def __init__(
        self,
        schemes: Mapping[str, SecurityScheme],
        secrets: Sequence[tuple[str, Secret]] = (),
        *,
        document_requires: bool = True,
    ) -> None:
        """`secrets` pairs an `--auth` name with its value; raises `AuthRefused` for a name nobody knows.

        `document_requires` is False when no operation says which scheme it needs: then every secret goes with every call.
        """
        self._schemes = schemes
        self._by_scheme: dict[str, Placement] = {}
        always: list[tuple[str, Placement]] = []
        for name, secret in secrets:
            scheme = _find_scheme(schemes, name)
            if scheme is None:
                always.append((name, _place_named(name, secret, schemes)))
                continue
            placement = place(scheme, secret)
            self._by_scheme[scheme.name] = placement
            if not document_requires:
                always.append((scheme.name, placement))
        self._always = tuple(always)
        self.scrubber = Scrubber(
            text
            for name, secret in secrets
            for text in _secret_texts(secret.reveal(), basic=_is_basic(name, _find_scheme(schemes, name)))
        )
        self._grants: dict[tuple[SecurityRequirement, ...], Grant] = {}

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        return self._schemes

    def grant(self, operation: Operation) -> Grant:
        found = self._grants.get(operation.security)
        if found is None:
            found = self._grants[operation.security] = self._choose(operation.security)
        return found

    def _choose(self, security: tuple[SecurityRequirement, ...]) -> Grant:
        wanted, missing = _best(security, self._by_scheme)
        chosen: dict[tuple[Location, str], tuple[str, Placement]] = {}
        for name, placement in (*((name, self._by_scheme[name]) for name in wanted), *self._always):
            key = placement.name.lower() if placement.location is Location.HEADER else placement.name
            chosen[placement.location, key] = (name, placement)
        if self._always:
            # The operator placed something by hand; whether the document calls it by another name we cannot know.
            missing = ()
        return Grant(
            tuple(placement for _, placement in chosen.values()), missing, tuple(name for name, _ in chosen.values())
        )

    def explain_refusal(self, grant: Grant) -> str:
        """What to tell model and person when the upstream answered 401 or 403; empty when nothing is known."""
        if grant.missing:
            needs = " and ".join(describe(self._schemes.get(name), name) for name in grant.missing)
            flags = " ".join(suggest_flag(name, known=name in self._schemes) for name in grant.missing)
            return (
                f"This operation needs {needs}, and no secret was given for it. "
                f"The person who runs this server can add it: {flags}"
            )
        if grant.used:
            names = ", ".join(grant.used)
            return (
                f"The API did not accept the configured credential ({names}). Trying again will not help; "
                "the person who runs this server has to check its value and rights."
            )
        return ""


@dataclass(frozen=True, slots=True)
class SchemeNeed:
    """One scheme of the document, for the start of a server: how many operations need it, and whether there is a secret."""

    name: str
    description: str
    flag: str
    operations: int
    given: bool


def scheme_needs(credentials: Credentials, operations: Iterable[Operation]) -> tuple[SchemeNeed, ...]:
    """The schemes that operations would miss, and those that are given, in document order."""
    counts: dict[str, int] = {}
    given: dict[str, bool] = {}
    for operation in operations:
        grant = credentials.grant(operation)
        for name in {*grant.missing, *grant.used} & credentials.schemes.keys():
            counts[name] = counts.get(name, 0) + 1
            given[name] = given.get(name, False) or name in grant.used
    return tuple(
        SchemeNeed(name, describe(scheme, name), suggest_flag(name), counts[name], given[name])
        for name, scheme in credentials.schemes.items()
        if name in counts
    )


def describe(scheme: SecurityScheme | None, name: str) -> str:
    """A scheme in words, e.g. `api_key (API key in header X-API-Key)`."""
    if scheme is None:
        return f"{name} (a scheme that the document does not define)"
    return f"{name} ({_kind_in_words(scheme)})"


def _kind_in_words(scheme: SecurityScheme) -> str:
    match scheme.kind:
        case SecurityKind.API_KEY:
            return f"API key in {scheme.location.value if scheme.location else 'header'} {scheme.parameter}"
        case SecurityKind.BASIC:
            return "HTTP Basic, user:password"
        case SecurityKind.BEARER:
            return "HTTP bearer token"
        case SecurityKind.OAUTH2 | SecurityKind.OPEN_ID:
            return "OAuth access token"
        case SecurityKind.MUTUAL_TLS:
            return "a TLS client certificate, which cannot be configured yet"
        case SecurityKind.HTTP:
            return f"HTTP {scheme.scheme}"
        case _ as never:
            assert_never(never)


def suggest_flag(name: str, *, known: bool = True) -> str:
    variable = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_").upper() or "API_KEY"
    target = name if known else "header:Authorization"
    quoted = f"'{target}=env:{variable}'" if any(c.isspace() for c in target) else f"{target}=env:{variable}"
    return f"--auth {quoted}"


def _best(
    security: tuple[SecurityRequirement, ...], available: Mapping[str, Placement]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The schemes to use and those that are missing.

    The first alternative that is wholly there wins over one that needs nothing, which wins over the one that misses
    least (of that one, what there is goes along: some APIs accept a part).
    """
    fewest: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    anonymous = not security
    for requirement in security:
        names = tuple(name for name, _ in requirement.schemes)
        missing = tuple(name for name in names if name not in available)
        if not names:
            anonymous = True
        elif not missing:
            return names, ()
        elif fewest is None or len(missing) < len(fewest[1]):
            fewest = (tuple(name for name in names if name in available), missing)
    return ((), ()) if anonymous or fewest is None else fewest


# --- from a secret to its place --------------------------------------------------------------------------------------


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


def _find_scheme(schemes: Mapping[str, SecurityScheme], name: str) -> SecurityScheme | None:
    if name in schemes:
        return schemes[name]
    same = [scheme for key, scheme in schemes.items() if key.lower() == name.lower()]
    return same[0] if len(same) == 1 else None


def _place_named(name: str, secret: Secret, schemes: Mapping[str, SecurityScheme]) -> Placement:
    """A placement for a name that is no scheme: `header:…`, `query:…`, `cookie:…`, `bearer`, `basic`."""
    kind, colon, target = name.partition(":")
    if colon and kind in _PLACES:
        return _place_at(_PLACES[kind], target, secret)
    if name == "bearer":
        return _authorization("Bearer", _ascii(secret, "An Authorization header"))
    if name == "basic":
        return _authorization("Basic", _basic(secret.reveal()))
    known = ", ".join(schemes) if schemes else "none"
    near = difflib.get_close_matches(name, schemes, n=1)
    hint = (
        f"Did you mean --auth {near[0]}=…?" if near else "A header can be set with --auth header:X-Name=env:VARIABLE."
    )
    raise AuthRefused(f"The document has no security scheme {name!r}. It has: {known}.", hint=hint)


def _is_basic(name: str, scheme: SecurityScheme | None) -> bool:
    return name == "basic" if scheme is None else scheme.kind is SecurityKind.BASIC


def _secret_texts(value: str, *, basic: bool) -> tuple[str, ...]:
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


# --- from a place to the request -------------------------------------------------------------------------------------


def apply(request: UpstreamRequest, grant: Grant) -> UpstreamRequest:
    """The request with the grant's secrets on it. What the request had in the same place is replaced: the operator's
    secret wins over anything a model could pass.
    """
    if not grant.placements:
        return request
    target, headers = request.target, request.headers
    for placement in grant.placements:
        match placement.location:
            case Location.QUERY | Location.QUERYSTRING:
                target = _with_query(target, placement)
            case Location.COOKIE:
                headers = _with_cookie(headers, placement)
            case _:
                headers = _with_header(headers, placement)
    return UpstreamRequest(
        request.method, request.origin, target, headers, request.body, request.body_kind, request.idempotent
    )


def _with_header(headers: tuple[tuple[str, str], ...], placement: Placement) -> tuple[tuple[str, str], ...]:
    name = placement.name.lower()
    kept = tuple(pair for pair in headers if pair[0].lower() != name)
    return (*kept, (placement.name, placement.value))


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
