"""A resolver that answers what a test tells it to, and remembers what it was asked."""

from collections.abc import Sequence

from apifold.gateway.upstream.resolver import NameNotFound


class ScriptedResolver:
    """Each question about a name gets the next of its answers; the last one is repeated. Unknown names do not exist."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        """Names are written with `_` for each dot: `api_test=[["192.0.2.1"], ["127.0.0.1"]]`."""
        self._answers = {name.replace("_", "."): list(rows) for name, rows in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        rows = self._answers.get(host)
        if not rows:
            raise NameNotFound(host)
        return rows.pop(0) if len(rows) > 1 else rows[0]
