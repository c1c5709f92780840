"""Request plans by tool: compiled at a tool's first call, kept while it is used, bounded."""

from collections import OrderedDict

from apifold.core.requests.plan import RequestPlan, compile_plan
from apifold.core.snapshot import ServerSnapshot
from apifold.core.tools.model import Tool


class Plans:
    """The least recently used go first when there are more than `most`."""

    def __init__(self, snapshot: ServerSnapshot, *, most: int) -> None:
        self._snapshot = snapshot
        self._most = most
        self._plans: OrderedDict[str, RequestPlan] = OrderedDict()

    def plan(self, tool: Tool) -> RequestPlan:
        """Raises `UncallableOperation`."""
        found = self._plans.get(tool.key)
        if found is not None:
            self._plans.move_to_end(tool.key)
            return found
        snapshot = self._snapshot
        plan = compile_plan(tool, snapshot.catalogue.input(tool), snapshot.document.resolver, servers=snapshot.servers)
        self._plans[tool.key] = plan
        if len(self._plans) > self._most:
            self._plans.popitem(last=False)
        return plan
