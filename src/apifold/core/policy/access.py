"""Who is calling us, and which tools they may see and call."""

from enum import StrEnum

import msgspec


class PrincipalKind(StrEnum):
    ANONYMOUS = "anonymous"
    TOKEN = "token"
    OAUTH = "oauth"
    KEY = "key"
    SESSION = "session"


class Principal(msgspec.Struct, frozen=True):
    """The caller of one request, as authentication found it. Never holds a secret."""

    kind: PrincipalKind
    subject: str = ""
    """Who, in the words of whoever vouches for them: a token id, a user id; empty for anonymous."""
    workspace: str = ""
    server: str = ""
    tools: frozenset[str] | None = None
    """Operation keys the caller may use; `None` means all."""
    scopes: frozenset[str] = frozenset()


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)
