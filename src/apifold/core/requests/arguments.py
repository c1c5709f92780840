"""What is wrong with the arguments of a call, said so that a model can correct itself."""

from collections.abc import Sequence

import msgspec

from apifold.core.errors import AppError, ErrorCategory


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with the arguments."""

    pointer: str
    """JSON pointer into the arguments (RFC 6901): `/body/name`; empty for the arguments as a whole."""
    message: str
    """What is expected. Never repeats a value: it may be a secret, and messages are logged."""

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class InvalidArguments(AppError):
    """The call was not made. The message names each argument, what is expected and what is allowed."""

    category = ErrorCategory.INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [f"- {problem}" for problem in problems]
        text = str(problems[0]) if len(lines) == 1 else "\n".join([f"{len(lines)} arguments are wrong:", *lines])
        super().__init__(
            "arguments.invalid",
            f"The call was not sent. {text}",
            details={"problems": [{"pointer": problem.pointer, "message": problem.message} for problem in problems]},
        )
        self.problems = tuple(problems)


def pointer(*steps: str | int) -> str:
    """A JSON pointer from its unescaped steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
