"""`apifold connect`: what to give each MCP client so that it knows a server."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from apifold.cli.arguments import UsageMistake
from apifold.cli.clients import CLIENTS, Client, Snippet, SnippetKind, Target
from apifold.cli.invocation import Invocation
from apifold.cli.program import runnable
from apifold.cli.terminal import Terminal
from apifold.core.nearest import nearest

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def run(asked: Invocation) -> int:
    terminal = asked.terminal
    target = _target(asked)
    chosen = _chosen(asked.options.client)
    if asked.as_json:
        terminal.json([_as_json(client, target) for client in chosen])
        return 0
    for index, client in enumerate(chosen):
        if index:
            terminal.line()
        _print(client, target, terminal)
    return 0


def _target(asked: Invocation) -> Target:
    options = asked.options
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not options.url.isprintable():
        raise UsageMistake(f"{options.url!r} is not an http(s) URL", "e.g. --url http://127.0.0.1:8080/mcp")
    if not NAME.fullmatch(options.name):
        raise UsageMistake(
            f"{options.name!r} is not a name that every client accepts",
            "a letter, then letters, digits, - and _, at most 32 in all; clients put it in front of tool names.",
        )
    if options.token_env and not VARIABLE.fullmatch(options.token_env):
        raise UsageMistake(
            f"{options.token_env!r} is not the name of an environment variable",
            "give the name of the variable, not the token itself, e.g. --token-env SHOP_TOKEN",
        )
    if not options.spec:
        return Target(options.name, options.url, options.token_env)
    return Target(options.name, options.url, "", _spec(options.spec), runnable(asked.program))


def _spec(spec: str) -> str:
    """A client starts programs wherever it is, so a path has to be whole."""
    if spec == "-":
        raise UsageMistake("a client has no standard input to give", "name a path or URL: --spec openapi.yaml")
    return spec if "://" in spec else str(Path(spec).absolute())


def _chosen(name: str | None) -> tuple[Client, ...]:
    if name is None:
        return tuple(CLIENTS.values())
    key = name.lower().replace(" ", "-")
    if key not in CLIENTS:
        near = nearest(key, CLIENTS)
        raise UsageMistake(
            f"there is no client {name!r}", f"did you mean {near}?" if near else f"there are {', '.join(CLIENTS)}."
        )
    return (CLIENTS[key],)


def _warning(client: Client, target: Target) -> str:
    """Why it will not work as it stands; empty when it will."""
    if client.needs_public_url and target.spec:
        return f"{client.title} starts no programs: serve the document under a public https URL instead."
    if client.needs_public_url and target.is_loopback:
        return f"{client.title} connects from the internet and cannot reach {target.url}: give it a public https URL."
    return ""


def _as_json(client: Client, target: Target) -> dict[str, object]:
    return {
        "client": client.key,
        "title": client.title,
        "authentication": client.authentication,
        "warning": _warning(client, target),
        "snippets": [
            {"kind": snippet.kind.value, "title": snippet.title, "path": snippet.path, "text": snippet.text}
            for snippet in client.snippets(target)
        ],
    }


def _print(client: Client, target: Target, terminal: Terminal) -> None:
    terminal.line(terminal.paint(client.title, "bold"))
    terminal.line(f"  Takes: {client.authentication}")
    warning = _warning(client, target)
    if warning:
        terminal.line("  " + terminal.paint(warning, "yellow"))
    for snippet in client.snippets(target):
        terminal.line()
        terminal.line(terminal.paint(f"  {_heading(snippet)}:", "dim"))
        for line in snippet.text.splitlines():
            terminal.line(f"    {line}")


def _heading(snippet: Snippet) -> str:
    return f"{snippet.title} ({snippet.path})" if snippet.kind is SnippetKind.FILE else snippet.title
