"""A plan and arguments to the request that goes upstream. Pure: what a dry run shows is what would be sent."""

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.limits import CALL
from apifold.core.requests.arguments import InvalidArguments, Problem, pointer
from apifold.core.requests.binary import looks_binary
from apifold.core.requests.content import NO_BODY, Payload
from apifold.core.requests.model import BodyKind, UpstreamRequest
from apifold.core.requests.plan import PathSlot, RequestPlan, Slot
from apifold.core.requests.repair import Repairs, to_wire_names, with_legal_names
from apifold.core.requests.serialize import Unwritable
from apifold.core.requests.servers import Base
from apifold.core.requests.template import check_path
from apifold.core.tools.naming import CONTENT_TYPE
from apifold.core.values import JSON, JSONObject

_MEDIA_TYPE_NAMES = frozenset({"accept", "content-type", CONTENT_TYPE.lower()})


class RequestTooLarge(AppError):
    category = ErrorCategory.TOO_LARGE

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            "request.too_large", f"The call was not sent: its {what} has {size:,} bytes, at most {limit:,} go."
        )


def build_request(
    plan: RequestPlan, arguments: JSONObject, *, base: Base | None = None, repairs: list[str] | None = None
) -> UpstreamRequest:
    """The request for a call, byte-exact but for credentials and framing.

    `base` stands over the plan's. What had to be set right in the arguments is appended to `repairs`. Raises
    `InvalidArguments` and `RequestTooLarge`.
    """
    values = check_arguments(plan, arguments, repairs)
    where = base or plan.base
    target = _target(plan, where.path, values)
    if len(target) > CALL.header_bytes:
        raise RequestTooLarge("URL", len(target), CALL.header_bytes)
    payload = _payload(plan, values)
    if len(payload.body) > CALL.request_bytes:
        raise RequestTooLarge("body", len(payload.body), CALL.request_bytes)
    headers = _headers(plan, values, payload.content_type)
    return UpstreamRequest(plan.method, where.origin, target, headers, payload.body, payload.kind, plan.idempotent)


def check_arguments(plan: RequestPlan, arguments: JSONObject, repairs: list[str] | None = None) -> JSONObject:
    """Arguments that fit the schema, under legal names at the top and wire names inside.

    The common call passes the validator as it is and is returned unchanged. Raises `InvalidArguments`.
    """
    schema = plan.arguments
    if plan.renames or plan.defaults:
        arguments = with_legal_names(arguments, plan.legal_names, plan.renames)
        missing = {name: value for name, value in plan.defaults.items() if arguments.get(name) is None}
        arguments |= missing
    for name in plan.never_empty:
        if arguments.get(name) == "":
            arguments = {key: value for key, value in arguments.items() if key != name}
            if repairs is not None:
                repairs.append(f"{pointer(name)}: an empty string left out")
    if not schema.accepts(arguments):
        arguments, content_type = _repaired(plan, arguments, repairs)
        if not schema.accepts(arguments) and not _accepts_files(plan, arguments):
            problems = schema.problems(arguments)
            if problems:
                raise InvalidArguments(problems)
        if content_type:
            arguments = {**arguments, CONTENT_TYPE: content_type}
    if not plan.renames:
        return arguments
    return {
        name: to_wire_names(value, branch) if (branch := plan.renames.get(name)) is not None else value
        for name, value in arguments.items()
    }


def _accepts_files(plan: RequestPlan, arguments: JSONObject) -> bool:
    """Whether the arguments fit when each file in the body counts as a string.

    Documents describe uploads as plain strings (Stripe's `POST /v1/files`): a file there is right nevertheless.
    """
    body = plan.body
    if body is None or not body.may_hold_files or body.argument not in arguments:
        return False
    value = _without_files(arguments[body.argument], depth=2)
    return plan.arguments.accepts({**arguments, body.argument: value})


def _without_files(value: JSON, *, depth: int) -> JSON:
    """The body with a string for each file: the body itself, a part, or a member of a part that is a list."""
    if isinstance(value, dict) and looks_binary(value):
        return "file"
    if isinstance(value, dict) and depth == 2:
        return {name: _without_files(item, depth=1) for name, item in value.items()}
    if isinstance(value, list) and depth:
        return [_without_files(item, depth=0) for item in value]
    return value


def _repaired(plan: RequestPlan, arguments: JSONObject, repairs: list[str] | None) -> tuple[JSONObject, str]:
    """The arguments with what leaves no doubt set right, and the media type of the body if they name one."""
    named = with_legal_names(arguments, plan.legal_names, {})
    work = Repairs(plan.arguments.schema)
    content_type = _take_media_types(plan, named, work)
    result = work.repaired(named, [plan.arguments.schema])
    if repairs is not None:
        repairs.extend(work.done)
    return (result if isinstance(result, dict) else arguments), content_type


def _take_media_types(plan: RequestPlan, named: JSONObject, work: Repairs) -> str:
    """Take out `Accept`, `Content-Type` and `_contentType` where they are no arguments, as some documents have it.

    The specification ignores such header parameters. A media type that the body can be sent in is used, though.
    """
    known = plan.arguments.schema.get("properties")
    found = ""
    for name in list(named):
        if name.lower() not in _MEDIA_TYPE_NAMES or not isinstance(known, dict) or name in known:
            continue
        value = named.pop(name)
        if name.lower() != "accept" and plan.body is not None and isinstance(value, str) and plan.body.admits(value):
            found = value
        else:
            work.done.append(f"/{name}: left out, media types decide it")
    return found


def _target(plan: RequestPlan, base_path: str, values: JSONObject) -> str:
    path = base_path + plan.literals[0]
    for segment, literal in zip(plan.path, plan.literals[1:], strict=True):
        path += _segment(segment, values) + literal
    try:
        check_path(path, base_path.count("/") + plan.slashes)
    except Unwritable as error:
        raise InvalidArguments([Problem("", str(error))]) from error
    query = list(plan.query_literals)
    for slot in plan.query:
        text = _written(slot, values)
        if text:
            query.append(text)
    return f"{path}?{'&'.join(query)}" if query else path


def _problem(argument: str, error: Unwritable) -> Problem:
    return Problem(pointer(argument, *error.path), str(error))


def _segment(slot: PathSlot, values: JSONObject) -> str:
    value = values.get(slot.argument)
    if value is None:
        raise InvalidArguments([Problem(pointer(slot.argument), "is required: it is part of the URL's path")])
    try:
        return slot.write(value)
    except Unwritable as error:
        raise InvalidArguments([_problem(slot.argument, error)]) from error


def _written(slot: Slot, values: JSONObject) -> str | None:
    """The text of an argument in its place; `None` when nothing is to be sent: a `null` is not given."""
    value = values.get(slot.argument)
    if value is None:
        return slot.fallback
    try:
        return slot.write(value)
    except Unwritable as error:
        raise InvalidArguments([_problem(slot.argument, error)]) from error


def _payload(plan: RequestPlan, values: JSONObject) -> Payload:
    body = plan.body
    if body is None or body.argument not in values:
        return NO_BODY
    chosen: JSON = values.get(CONTENT_TYPE) if body.is_selectable else None
    try:
        payload = body.write(values[body.argument], chosen if isinstance(chosen, str) else "")
    except Unwritable as error:
        raise InvalidArguments([_problem(body.argument, error)]) from error
    if not payload.body and payload.kind is BodyKind.FORM and plan.method in ("GET", "HEAD"):
        return NO_BODY  # generated documents give every GET an empty form
    return payload


def _headers(plan: RequestPlan, values: JSONObject, content_type: str) -> tuple[tuple[str, str], ...]:
    fixed = plan.static_headers
    if content_type:
        fixed = (*fixed, ("Content-Type", content_type))
    if not plan.headers and not plan.cookies:
        return fixed
    headers = list(fixed)
    for slot in plan.headers:
        text = _written(slot, values)
        if text is not None:
            headers.append((slot.wire_name, text))
    cookies = [text for slot in plan.cookies if (text := _written(slot, values))]
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    return tuple(headers)
