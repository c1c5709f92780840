"""The way back to a caller, kept for a test to look at."""

from apifold.core.values import JSON, JSONObject


class KeptChannel:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, float | None, str]] = []
        self.logged: list[tuple[str, JSON, str]] = []
        self.detached: list[float] = []

    async def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        self.reports.append((progress, total, message))

    async def log(self, level: str, data: JSON, logger: str = "") -> None:
        self.logged.append((level, data, logger))

    async def request(self, method: str, params: JSONObject) -> JSONObject:
        raise AssertionError(f"nobody is to be asked {method} {params}")

    async def detach(self, retry_seconds: float) -> None:
        self.detached.append(retry_seconds)
