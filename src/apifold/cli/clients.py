"""How each MCP client is told about a server: commands, files and links, and what it can authenticate with."""

import base64
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlsplit

LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|\[?::1\]?|.*\.localhost")
CURSOR_LINK_CHARACTERS = 8_000
"""The longest link that Cursor opens."""


class SnippetKind(StrEnum):
    COMMAND = "command"
    """Paste it into a shell."""
    FILE = "file"
    """Goes into the file at `path`, merged with what is there."""
    LINK = "link"
    """Open it on the machine that the client runs on."""
    STEPS = "steps"
    """What to click."""


@dataclass(frozen=True, slots=True)
class Snippet:
    kind: SnippetKind
    title: str
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The server that a client is to know."""

    name: str
    url: str
    token_env: str = ""
    """The environment variable that holds the bearer token; empty for a server without one."""
    spec: str = ""
    """A document, for clients that start the server themselves over stdio."""

    @property
    def is_loopback(self) -> bool:
        return LOOPBACK.fullmatch(urlsplit(self.url).hostname or "") is not None


@dataclass(frozen=True, slots=True)
class Client:
    key: str
    title: str
    authentication: str
    """One sentence: what it can present to a server."""
    snippets: Callable[[Target], tuple[Snippet, ...]]
    needs_public_url: bool = False
    """It connects from its vendor's machines."""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _bearer(target: Target, reference: str) -> dict[str, dict[str, str]]:
    """A `headers` member that refers to the token's variable the way a client writes it; nothing without a token."""
    return {"headers": {"Authorization": f"Bearer {reference}"}} if target.token_env else {}


def _stdio(target: Target) -> dict[str, object]:
    return {"command": "apifold", "args": ["serve", target.spec or "SPEC", "--transport", "stdio"]}


def claude_code(target: Target) -> tuple[Snippet, ...]:
    header = f' --header "Authorization: Bearer ${target.token_env}"' if target.token_env else ""
    server = {"type": "http", "url": target.url, **_bearer(target, f"${{{target.token_env}}}")}
    return (
        Snippet(
            SnippetKind.COMMAND,
            "In a shell",
            f"claude mcp add --transport http {target.name} {shlex.quote(target.url)}{header}",
        ),
        Snippet(
            SnippetKind.FILE,
            "Or for everyone who works on a project",
            _json({"mcpServers": {target.name: server}}),
            ".mcp.json",
        ),
    )


def claude_desktop(target: Target) -> tuple[Snippet, ...]:
    bridge: dict[str, object] = {"command": "npx", "args": ["-y", "mcp-remote", target.url]}
    if target.token_env:
        # No space after the colon: the Windows build splits arguments at spaces.
        bridge["args"] = ["-y", "mcp-remote", target.url, "--header", "Authorization:${AUTH}"]
        bridge["env"] = {"AUTH": f"Bearer <the value of {target.token_env}>"}
    path = "claude_desktop_config.json"
    return (
        Snippet(
            SnippetKind.FILE,
            "The app starts APIFold itself, over stdio",
            _json({"mcpServers": {target.name: _stdio(target)}}),
            path,
        ),
        Snippet(
            SnippetKind.FILE,
            "Or a bridge to the running server (needs Node)",
            _json({"mcpServers": {target.name: bridge}}),
            path,
        ),
        Snippet(
            SnippetKind.STEPS,
            "Or as a connector, for a public https URL with OAuth or without authentication",
            f"Customize → Connectors → + → Add custom connector: {target.url}",
        ),
    )


def cursor(target: Target) -> tuple[Snippet, ...]:
    server = {"url": target.url, **_bearer(target, f"${{env:{target.token_env}}}")}
    config = base64.b64encode(_compact(server).encode()).decode()
    link = f"cursor://anysphere.cursor-deeplink/mcp/install?name={quote(target.name)}&config={quote(config, safe='')}"
    file = Snippet(SnippetKind.FILE, "In a file", _json({"mcpServers": {target.name: server}}), ".cursor/mcp.json")
    return (file,) if len(link) > CURSOR_LINK_CHARACTERS else (Snippet(SnippetKind.LINK, "One click", link), file)


def vscode(target: Target) -> tuple[Snippet, ...]:
    server: dict[str, object] = {"type": "http", "url": target.url}
    asked: dict[str, object] = {}
    if target.token_env:
        server |= {"headers": {"Authorization": "Bearer ${input:token}"}}
        question = {"type": "promptString", "id": "token", "description": f"Token for {target.name}", "password": True}
        asked = {"inputs": [question]}
    named = {"name": target.name, **server, **asked}
    web = quote(_compact({**server, **asked}), safe="")
    return (
        Snippet(SnippetKind.COMMAND, "In a shell", f"code --add-mcp {shlex.quote(_compact(named))}"),
        Snippet(SnippetKind.LINK, "One click", f"vscode:mcp/install?{quote(_compact(named), safe='')}"),
        Snippet(
            SnippetKind.LINK,
            "The same from a web page",
            f"https://insiders.vscode.dev/redirect/mcp/install?name={quote(target.name)}&config={web}",
        ),
        Snippet(SnippetKind.FILE, "In a file", _json({"servers": {target.name: server}, **asked}), ".vscode/mcp.json"),
    )


def windsurf(target: Target) -> tuple[Snippet, ...]:
    server = {"serverUrl": target.url, **_bearer(target, f"${{env:{target.token_env}}}")}
    return (
        Snippet(
            SnippetKind.FILE,
            "In a file",
            _json({"mcpServers": {target.name: server}}),
            "~/.codeium/windsurf/mcp_config.json",
        ),
    )


def gemini(target: Target) -> tuple[Snippet, ...]:
    header = f' --header "Authorization: Bearer ${target.token_env}"' if target.token_env else ""
    server = {"httpUrl": target.url, **_bearer(target, f"${target.token_env}"), "timeout": 30_000}
    return (
        Snippet(
            SnippetKind.COMMAND,
            "In a shell",
            f"gemini mcp add --scope user --transport http{header} {target.name} {shlex.quote(target.url)}",
        ),
        Snippet(SnippetKind.FILE, "In a file", _json({"mcpServers": {target.name: server}}), "~/.gemini/settings.json"),
    )


def codex(target: Target) -> tuple[Snippet, ...]:
    flag = f" --bearer-token-env-var {target.token_env}" if target.token_env else ""
    lines = [f"[mcp_servers.{target.name}]", f"url = {json.dumps(target.url)}"]
    if target.token_env:
        lines.append(f"bearer_token_env_var = {json.dumps(target.token_env)}")
    return (
        Snippet(
            SnippetKind.COMMAND, "In a shell", f"codex mcp add {target.name} --url {shlex.quote(target.url)}{flag}"
        ),
        Snippet(SnippetKind.FILE, "In a file", "\n".join(lines), "~/.codex/config.toml"),
    )


def chatgpt(target: Target) -> tuple[Snippet, ...]:
    return (
        Snippet(
            SnippetKind.STEPS,
            "In the app, with developer mode on",
            f"Settings → Apps → Create: URL {target.url}, authentication OAuth, none or mixed",
        ),
    )


_CLIENTS = (
    Client("claude-code", "Claude Code", "A header with a token, OAuth, or nothing.", claude_code),
    Client(
        "claude-desktop",
        "Claude Desktop",
        "As a connector only OAuth or nothing: no token of yours. Its file starts programs over stdio.",
        claude_desktop,
    ),
    Client("cursor", "Cursor", "A header with a token, OAuth, or nothing.", cursor),
    Client("vscode", "VS Code", "A header with a token that it asks for once, OAuth, or nothing.", vscode),
    Client("windsurf", "Windsurf", "A header with a token, OAuth, or nothing.", windsurf),
    Client("gemini", "Gemini CLI", "A header with a token, OAuth, or nothing.", gemini),
    Client("codex", "Codex", "A bearer token from an environment variable, OAuth, or nothing.", codex),
    Client("chatgpt", "ChatGPT", "Only OAuth or nothing: it takes no token of yours.", chatgpt, needs_public_url=True),
)

CLIENTS: Mapping[str, Client] = {client.key: client for client in _CLIENTS}
