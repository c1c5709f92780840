"""Which of the operator's secrets go with a call, and where on the request they are put.

The document says what an operation needs (alternatives of schemes that go together); the operator says what there is
(`--auth NAME=SOURCE`, see `parse_auth`). A call is never held back because a secret is missing: many documents declare
security that the API at hand (a mock, an open instance) does not ask for. It is sent with what there is, and when the
API then answers 401 or 403, the answer names the scheme and the flag. The caller's own Authorization never comes near here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec

from apifold.core.nearest import nearest
from apifold.core.openapi.model import Location, Operation, SecurityKind, SecurityRequirement, SecurityScheme
from apifold.core.requests.model import UpstreamRequest
from apifold.core.requests.placement import AuthRefused, Placement, place, place_by_hand, put, secret_texts
from apifold.core.requests.scrub import Scrubber
from apifold.core.requests.secret import Secret

__all__ = [
    "AuthRefused",
    "AuthSpec",
    "Credentials",
    "Grant",
    "SchemeNeed",
    "apply",
    "describe",
    "parse_auth",
    "scheme_needs",
    "suggest_flag",
]


class AuthSpec(msgspec.Struct, frozen=True):
    """One `--auth NAME=SOURCE`, taken apart. Where the value comes from is read by the composition root."""

    name: str
    kind: str
    """`env`, `file` or `literal`."""
    source: str
    """Variable name, path, or the value itself."""

    def __repr__(self) -> str:
        return f"AuthSpec({self.name!r}, {self.kind!r}, …)"  # the source may be the secret


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


class Grant(msgspec.Struct, frozen=True):
    """What one operation gets."""

    placements: tuple[Placement, ...] = ()
    missing: tuple[str, ...] = ()
    """Names of the schemes the operation needs and nobody gave; empty when it can do without them."""
    used: tuple[str, ...] = ()
    """What was given, by scheme or `--auth` name."""

    def masked(self) -> "Grant":
        shown = tuple(Placement(p.location, p.name, p.masked, p.masked) for p in self.placements)
        return Grant(shown, self.missing, self.used)


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
        texts: list[str] = []
        for name, secret in secrets:
            scheme = _find_scheme(schemes, name)
            placement = place(scheme, secret) if scheme is not None else _place_named(name, secret, schemes)
            # A cookie and a query carry it encoded, each in its own way: an upstream may echo that form too.
            texts += (*secret_texts(secret.reveal(), basic=_is_basic(name, scheme)), placement.value)
            if scheme is not None:
                self._by_scheme[scheme.name] = placement
            if scheme is None or not document_requires:
                always.append((name if scheme is None else scheme.name, placement))
        self._always = tuple(always)
        self.scrubber = Scrubber(texts)
        self._grants: dict[str, Grant] = {}
        self._alike: dict[tuple[SecurityRequirement, ...], Grant] = {}

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        return self._schemes

    def grant(self, operation: Operation) -> Grant:
        found = self._grants.get(operation.key)
        if found is None:
            found = self._alike.get(operation.security)
            if found is None:
                found = self._alike[operation.security] = self._choose(operation.security)
            self._grants[operation.key] = found
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


class SchemeNeed(msgspec.Struct, frozen=True):
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


def _find_scheme(schemes: Mapping[str, SecurityScheme], name: str) -> SecurityScheme | None:
    if name in schemes:
        return schemes[name]
    same = [scheme for key, scheme in schemes.items() if key.lower() == name.lower()]
    return same[0] if len(same) == 1 else None


def _place_named(name: str, secret: Secret, schemes: Mapping[str, SecurityScheme]) -> Placement:
    """A placement for a name that is no scheme. Raises `AuthRefused` with the names there are."""
    placement = place_by_hand(name, secret)
    if placement is not None:
        return placement
    known = ", ".join(schemes) if schemes else "none"
    near = nearest(name, schemes)
    hint = f"Did you mean --auth {near}=…?" if near else "A header can be set with --auth header:X-Name=env:VARIABLE."
    raise AuthRefused(f"The document has no security scheme {name!r}. It has: {known}.", hint=hint)


def _is_basic(name: str, scheme: SecurityScheme | None) -> bool:
    return name == "basic" if scheme is None else scheme.kind is SecurityKind.BASIC


def apply(request: UpstreamRequest, grant: Grant) -> UpstreamRequest:
    """The request with the grant's secrets on it; the same request when there are none."""
    return put(request, grant.placements) if grant.placements else request
