"""Request plans by tool: compiled at a tool's first call, kept while it is used, bounded."""

from collections import OrderedDict
from collections.abc import Callable

from apifold.core.openapi.references import Resolver
from apifold.core.requests.plan import RequestPlan, compile_plan
from apifold.core.requests.servers import ServerChoice
from apifold.core.tools.model import Tool, ToolInput


class Plans:
    """The least recently used go first when there are more than `most`."""

    def __init__(
        self, input_of: Callable[[Tool], ToolInput], resolver: Resolver, servers: ServerChoice, *, most: int
    ) -> None:
        self._input_of = input_of
        self._resolver = resolver
        self._servers = servers
        self._most = most
        self._plans: OrderedDict[str, RequestPlan] = OrderedDict()

    def plan(self, tool: Tool) -> RequestPlan:
        """Raises `InvalidServer`."""
        found = self._plans.get(tool.key)
        if found is not None:
            self._plans.move_to_end(tool.key)
            return found
        plan = compile_plan(tool, self._input_of(tool), self._resolver, servers=self._servers)
        self._plans[tool.key] = plan
        if len(self._plans) > self._most:
            self._plans.popitem(last=False)
        return plan
