"""A value that must never be shown: it hides itself wherever it is printed, and cannot smuggle a line break into a header."""

from apifold.core.errors import AppError, ErrorCategory

_DELETE = 0x7F
_PRINTABLE = 0x20


class SecretRefused(AppError):
    """A secret cannot be used as it is; the message says why without showing it."""

    category = ErrorCategory.INVALID

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("auth.secret_refused", message, hint=hint)


class Secret:
    """Holds one secret text. Only `reveal()` gives it away, so every place that does can be found by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Raises `SecretRefused` when the value is empty or holds control characters (RFC 9110 5.5 forbids CR, LF, NUL)."""
        if not value:
            raise SecretRefused("A secret is empty.")
        if any(ord(character) < _PRINTABLE or ord(character) == _DELETE for character in value):
            raise SecretRefused("A secret holds a line break or another control character.")
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be copied out of the process")
