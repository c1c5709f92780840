"""Security schemes and requirements. What cannot be read is left out and named; it never costs an operation."""

from apifold.core.openapi.model import Dialect, Location, Node, SecurityKind, SecurityRequirement, SecurityScheme
from apifold.core.openapi.reading import Reading, child, items, kind_of, members, text_of, texts_of
from apifold.core.openapi.references import Unresolved
from apifold.core.openapi.report import Unusable, place
from apifold.core.openapi.upgrade import upgrade_security_scheme
from apifold.core.openapi.wire import name_problem
from apifold.core.values import JSONObject

_KEY_LOCATIONS = {location.value: location for location in (Location.HEADER, Location.QUERY, Location.COOKIE)}
_KINDS = {kind.value.lower(): kind for kind in SecurityKind}


def read_schemes(reading: Reading, root: Node) -> dict[str, SecurityScheme]:
    """The schemes of the document by name."""
    if reading.dialect is Dialect.SWAGGER_2_0:
        holder = reading.object_at(root, "securityDefinitions", "security.malformed")
    else:
        components = reading.object_at(root, "components", "document.malformed")
        holder = reading.object_at(components, "securitySchemes", "security.malformed") if components else None
    schemes: dict[str, SecurityScheme] = {}
    for name in members(holder) if holder else ():
        scheme = read_scheme(reading, name, child(holder, name)) if holder and not name.startswith("x-") else None
        if scheme is not None:
            schemes[name] = scheme
    return schemes


def read_scheme(reading: Reading, name: str, node: Node) -> SecurityScheme | None:
    try:
        found = reading.follow(node)
        said = found.value
        if not isinstance(said, dict):
            raise Unusable("security.malformed", place(found), f"the scheme should be an object and is {kind_of(said)}")
        return _scheme(name, upgrade_security_scheme(said), found)
    except Unusable as problem:
        message = f"the security scheme {name[:80]!r} is left out: {problem.message}"
        reading.report.warning(problem.code, problem.place, message, problem.advice)
        return None


def _scheme(name: str, said: JSONObject, node: Node) -> SecurityScheme:
    wanted = text_of(said.get("type")).strip()
    kind = _KINDS.get(wanted.lower())
    if kind is None:
        raise Unusable("security.type_unknown", place(node), f"there is no security scheme type {wanted[:40]!r}")
    location: Location | None = None
    parameter = ""
    word = ""
    if kind is SecurityKind.API_KEY:
        location = _KEY_LOCATIONS.get(text_of(said.get("in")).strip().lower())
        parameter = text_of(said.get("name"))
        if location is None:
            raise Unusable("security.malformed", place(node), "an API key needs 'in': header, query or cookie")
        problem = name_problem(parameter, location)
        if problem:
            raise Unusable("security.malformed", place(node), problem)
    elif kind is SecurityKind.HTTP:
        word = text_of(said.get("scheme")).strip().lower()
        if not word:
            raise Unusable("security.malformed", place(node), "an http scheme needs 'scheme', e.g. bearer")
        kind = {"basic": SecurityKind.BASIC, "bearer": SecurityKind.BEARER}.get(word, kind)
    return SecurityScheme(
        name=name,
        kind=kind,
        description=text_of(said.get("description")),
        location=location,
        parameter=parameter,
        scheme=word or (kind.value if kind in (SecurityKind.BASIC, SecurityKind.BEARER) else ""),
        bearer_format=text_of(said.get("bearerFormat")),
        flows=said.get("flows") if kind is SecurityKind.OAUTH2 else None,
    )


def read_requirements(
    reading: Reading, node: Node, schemes: dict[str, SecurityScheme]
) -> tuple[SecurityRequirement, ...] | None:
    """A `security` list: alternatives of schemes that are needed together. `None` when the list is absent or no list."""
    if not isinstance(node.value, list):
        if node.value is not None:
            message = f"'security' should be a list and is {kind_of(node.value)}; it is ignored"
            reading.report.warning("security.malformed", place(node), message)
        return None
    found = (_requirement(reading, entry, schemes) for entry in items(node))
    return tuple(requirement for requirement in found if requirement is not None)


def _requirement(reading: Reading, node: Node, schemes: dict[str, SecurityScheme]) -> SecurityRequirement | None:
    if not isinstance(node.value, dict):
        message = f"a security requirement should be an object and is {kind_of(node.value)}; it is ignored"
        reading.report.warning("security.malformed", place(node), message)
        return None
    needed: list[tuple[str, tuple[str, ...]]] = []
    for name, scopes in node.value.items():
        known = _known_name(reading, name, node, schemes)
        if known is None:
            message = f"there is no security scheme {name[:80]!r}; this alternative is left out"
            reading.report.warning("security.unknown_scheme", place(node), message, "Define it, or correct the name.")
            return None
        if not isinstance(scopes, list):
            reading.report.note(
                "security.scopes_malformed", place(node), f"the scopes of {name[:80]!r} should be a list"
            )
        needed.append((known, texts_of(scopes)))
    return SecurityRequirement(tuple(needed))


def _known_name(reading: Reading, name: str, node: Node, schemes: dict[str, SecurityScheme]) -> str | None:
    """The scheme a requirement names: by its key, or since 3.2 by a URI reference to it."""
    if name in schemes:
        return name
    if "/" not in name and "#" not in name:
        return None
    try:
        target = reading.resolver.resolve(name, node.base)
    except Unresolved:
        return None
    scheme = read_scheme(reading, name, target)
    if scheme is not None:
        schemes[name] = scheme
    return name if scheme is not None else None
