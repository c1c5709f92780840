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
    """A document, for a server that the client starts itself over stdio; empty for one that is reached by its URL."""
    program: tuple[str, ...] = ("apifold",)
    """What such a client runs."""

    @property
    def is_loopback(self) -> bool:
        return LOOPBACK.fullmatch(urlsplit(self.url).hostname or "") is not None

    @property
    def command(self) -> tuple[str, ...]:
        return (*self.program, "serve", self.spec or "SPEC", "--transport", "stdio")


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
    program, *arguments = target.command
    return {"command": program, "args": arguments}


def _in_a_shell(line: str) -> Snippet:
    return Snippet(SnippetKind.COMMAND, "In a shell", line)


def _in_a_file(path: str, value: object, title: str = "In a file") -> Snippet:
    return Snippet(SnippetKind.FILE, title, _json(value), path)


def claude_code(target: Target) -> tuple[Snippet, ...]:
    if target.spec:
        line = f"claude mcp add {target.name} -- {shlex.join(target.command)}"
        server: dict[str, object] = {"type": "stdio", **_stdio(target)}
    else:
        header = f' --header "Authorization: Bearer ${target.token_env}"' if target.token_env else ""
        line = f"claude mcp add --transport http {target.name} {shlex.quote(target.url)}{header}"
        server = {"type": "http", "url": target.url, **_bearer(target, f"${{{target.token_env}}}")}
    shared = _in_a_file(".mcp.json", {"mcpServers": {target.name: server}}, "Or for everyone who works on a project")
    return _in_a_shell(line), shared


def claude_desktop(target: Target) -> tuple[Snippet, ...]:
    path = "claude_desktop_config.json"
    starts = "The app starts APIFold itself, over stdio" + ("" if target.spec else "; --spec names the document")
    stdio = _in_a_file(path, {"mcpServers": {target.name: _stdio(target)}}, starts)
    if target.spec:
        return (stdio,)
    bridge: dict[str, object] = {"command": "npx", "args": ["-y", "mcp-remote", target.url]}
    if target.token_env:
        # No space after the colon: the Windows build splits arguments at spaces.
        bridge["args"] = ["-y", "mcp-remote", target.url, "--header", "Authorization:${AUTH}"]
        bridge["env"] = {"AUTH": f"Bearer <the value of {target.token_env}>"}
    return (
        stdio,
        _in_a_file(path, {"mcpServers": {target.name: bridge}}, "Or a bridge to the running server, which needs Node"),
        Snippet(
            SnippetKind.STEPS,
            "Or as a connector, for a public https URL with OAuth or without authentication",
            f"Customize → Connectors → + → Add custom connector: {target.url}",
        ),
    )


def cursor(target: Target) -> tuple[Snippet, ...]:
    server = _stdio(target) if target.spec else {"url": target.url, **_bearer(target, f"${{env:{target.token_env}}}")}
    config = base64.b64encode(_compact(server).encode()).decode()
    link = f"cursor://anysphere.cursor-deeplink/mcp/install?name={quote(target.name)}&config={quote(config, safe='')}"
    file = _in_a_file(".cursor/mcp.json", {"mcpServers": {target.name: server}})
    return (file,) if len(link) > CURSOR_LINK_CHARACTERS else (Snippet(SnippetKind.LINK, "One click", link), file)


def vscode(target: Target) -> tuple[Snippet, ...]:
    server: dict[str, object] = {"type": "http", "url": target.url}
    asked: dict[str, object] = {}
    if target.spec:
        server = {"type": "stdio", **_stdio(target)}
    elif target.token_env:
        server |= {"headers": {"Authorization": "Bearer ${input:token}"}}
        question = {"type": "promptString", "id": "token", "description": f"Token for {target.name}", "password": True}
        asked = {"inputs": [question]}
    named = {"name": target.name, **server, **asked}
    web = quote(_compact({**server, **asked}), safe="")
    return (
        _in_a_shell(f"code --add-mcp {shlex.quote(_compact(named))}"),
        Snippet(SnippetKind.LINK, "One click", f"vscode:mcp/install?{quote(_compact(named), safe='')}"),
        Snippet(
            SnippetKind.LINK,
            "The same from a web page",
            f"https://insiders.vscode.dev/redirect/mcp/install?name={quote(target.name)}&config={web}",
        ),
        _in_a_file(".vscode/mcp.json", {"servers": {target.name: server}, **asked}),
    )


def windsurf(target: Target) -> tuple[Snippet, ...]:
    http = {"serverUrl": target.url, **_bearer(target, f"${{env:{target.token_env}}}")}
    server = _stdio(target) if target.spec else http
    return (_in_a_file("~/.codeium/windsurf/mcp_config.json", {"mcpServers": {target.name: server}}),)


def gemini(target: Target) -> tuple[Snippet, ...]:
    if target.spec:
        program, *arguments = target.command  # options behind no -- are its own
        line = f"gemini mcp add --scope user {target.name} {shlex.quote(program)} -- {shlex.join(arguments)}"
        server = _stdio(target)
    else:
        header = f' --header "Authorization: Bearer ${target.token_env}"' if target.token_env else ""
        line = f"gemini mcp add --scope user --transport http{header} {target.name} {shlex.quote(target.url)}"
        server = {"httpUrl": target.url, **_bearer(target, f"${target.token_env}"), "timeout": 30_000}
    return _in_a_shell(line), _in_a_file("~/.gemini/settings.json", {"mcpServers": {target.name: server}})


def codex(target: Target) -> tuple[Snippet, ...]:
    lines = [f"[mcp_servers.{target.name}]"]
    if target.spec:
        line = f"codex mcp add {target.name} -- {shlex.join(target.command)}"
        lines += [f"{key} = {json.dumps(value)}" for key, value in _stdio(target).items()]
    else:
        flag = f" --bearer-token-env-var {target.token_env}" if target.token_env else ""
        line = f"codex mcp add {target.name} --url {shlex.quote(target.url)}{flag}"
        lines.append(f"url = {json.dumps(target.url)}")
        if target.token_env:
            lines.append(f"bearer_token_env_var = {json.dumps(target.token_env)}")
    file = Snippet(SnippetKind.FILE, "In a file", "\n".join(lines), "~/.codex/config.toml")
    return _in_a_shell(line), file


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
