"""How many callers fit into this process: each is a file descriptor, and calls to APIs need some too.

A server that gives all of them to its callers cannot reach the API any more, for anybody.
"""

try:
    import resource
except ImportError:  # there is no such limit on Windows
    resource = None  # type: ignore[assignment]  # the one other value

_RESERVED = 1_024
"""For connections to APIs, files and pipes."""


def plan(wanted: int, soft: int, hard: int) -> tuple[int, int]:
    """The limit to ask for, and how many of the `wanted` callers it has room for. -1 is no limit."""
    limit = soft
    if soft >= 0:
        enough = wanted + _RESERVED
        limit = max(soft, enough if hard < 0 else min(enough, hard))
    return limit, room(wanted, limit)


def room(wanted: int, limit: int) -> int:
    if limit < 0:
        return wanted
    return max(1, min(wanted, limit - min(_RESERVED, limit // 4)))


def make_room(wanted: int) -> int:
    """Raise the limit of this process as far as it may go; how many of the `wanted` callers fit under it."""
    if resource is None:
        return wanted
    soft, hard = (
        -1 if limit == resource.RLIM_INFINITY else limit for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    limit, fitting = plan(wanted, soft, hard)
    if limit != soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.RLIM_INFINITY if hard < 0 else hard))
        except (OSError, ValueError):  # macOS has a lower limit of its own
            return room(wanted, soft)
    return fitting
