"""The snippets for MCP clients are what the clients' own documentation asks for (mcp.md 4.3)."""

import base64
import json
import shlex
import tomllib
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from apifold.cli.clients import CLIENTS, Snippet, SnippetKind, Target

OPEN = Target("shop", "https://mcp.example.com/mcp")
STARTED = Target("shop", OPEN.url, spec="/srv/open api.yaml", program=("/opt/apifold",))
GUARDED = Target("shop", "https://mcp.example.com/mcp", token_env="SHOP_TOKEN")


def snippets(key: str, target: Target, kind: SnippetKind) -> list[Snippet]:
    return [snippet for snippet in CLIENTS[key].snippets(target) if snippet.kind is kind]


def file(key: str, target: Target, index: int = 0) -> Any:
    return json.loads(snippets(key, target, SnippetKind.FILE)[index].text)


def command(key: str, target: Target) -> list[str]:
    return shlex.split(snippets(key, target, SnippetKind.COMMAND)[0].text)


def test_there_are_the_eight_clients_that_people_use() -> None:
    assert list(CLIENTS) == [
        "claude-code", "claude-desktop", "cursor", "vscode", "windsurf", "gemini", "codex", "chatgpt",
    ]  # fmt: skip


def test_files_without_a_token_hold_the_url_and_nothing_about_authorization() -> None:
    url = OPEN.url
    assert file("claude-code", OPEN) == {"mcpServers": {"shop": {"type": "http", "url": url}}}
    assert file("claude-desktop", OPEN, 1) == {
        "mcpServers": {"shop": {"command": "npx", "args": ["-y", "mcp-remote", url]}}
    }
    assert file("cursor", OPEN) == {"mcpServers": {"shop": {"url": url}}}
    assert file("vscode", OPEN) == {"servers": {"shop": {"type": "http", "url": url}}}
    assert file("windsurf", OPEN) == {"mcpServers": {"shop": {"serverUrl": url}}}
    assert file("gemini", OPEN) == {"mcpServers": {"shop": {"httpUrl": url, "timeout": 30_000}}}
    (codex,) = snippets("codex", OPEN, SnippetKind.FILE)
    assert tomllib.loads(codex.text) == {"mcp_servers": {"shop": {"url": url}}}


def test_files_with_a_token_refer_to_its_variable_the_way_each_client_writes_it() -> None:
    url = GUARDED.url

    def bearer(reference: str) -> dict[str, dict[str, str]]:
        return {"headers": {"Authorization": f"Bearer {reference}"}}

    assert file("claude-code", GUARDED) == {
        "mcpServers": {"shop": {"type": "http", "url": url, **bearer("${SHOP_TOKEN}")}}
    }
    assert file("claude-desktop", GUARDED, 1) == {
        "mcpServers": {
            "shop": {
                "command": "npx",
                "args": ["-y", "mcp-remote", url, "--header", "Authorization:${AUTH}"],
                "env": {"AUTH": "Bearer <the value of SHOP_TOKEN>"},
            }
        }
    }
    assert file("cursor", GUARDED) == {"mcpServers": {"shop": {"url": url, **bearer("${env:SHOP_TOKEN}")}}}
    assert file("vscode", GUARDED) == {
        "servers": {"shop": {"type": "http", "url": url, **bearer("${input:token}")}},
        "inputs": [{"type": "promptString", "id": "token", "description": "Token for shop", "password": True}],
    }
    assert file("windsurf", GUARDED) == {"mcpServers": {"shop": {"serverUrl": url, **bearer("${env:SHOP_TOKEN}")}}}
    assert file("gemini", GUARDED) == {
        "mcpServers": {"shop": {"httpUrl": url, **bearer("$SHOP_TOKEN"), "timeout": 30_000}}
    }
    (codex,) = snippets("codex", GUARDED, SnippetKind.FILE)
    assert tomllib.loads(codex.text) == {"mcp_servers": {"shop": {"url": url, "bearer_token_env_var": "SHOP_TOKEN"}}}


def test_commands_are_what_each_program_takes() -> None:
    url = GUARDED.url
    header = ["--header", "Authorization: Bearer $SHOP_TOKEN"]
    assert command("claude-code", GUARDED) == ["claude", "mcp", "add", "--transport", "http", "shop", url, *header]
    assert command("gemini", GUARDED) == [
        "gemini", "mcp", "add", "--scope", "user", "--transport", "http", *header, "shop", url,
    ]  # fmt: skip
    assert command("codex", GUARDED) == [
        "codex", "mcp", "add", "shop", "--url", url, "--bearer-token-env-var", "SHOP_TOKEN",
    ]  # fmt: skip
    assert command("vscode", OPEN)[:2] == ["code", "--add-mcp"]
    assert json.loads(command("vscode", OPEN)[2]) == {"name": "shop", "type": "http", "url": url}


def test_cursor_link_holds_the_transport_in_base64() -> None:
    (link,) = snippets("cursor", GUARDED, SnippetKind.LINK)
    parts = urlsplit(link.text)
    arguments = parse_qs(parts.query, strict_parsing=True)
    assert (parts.scheme, parts.netloc, parts.path) == ("cursor", "anysphere.cursor-deeplink", "/mcp/install")
    assert arguments["name"] == ["shop"]
    assert json.loads(base64.b64decode(arguments["config"][0])) == {
        "url": GUARDED.url,
        "headers": {"Authorization": "Bearer ${env:SHOP_TOKEN}"},
    }


def test_cursor_gets_no_link_that_it_would_not_open() -> None:
    long = Target("shop", "https://mcp.example.com/" + "x" * 8_000)
    assert snippets("cursor", long, SnippetKind.LINK) == []


def test_vscode_links_hold_the_server_as_encoded_json() -> None:
    app, web = snippets("vscode", OPEN, SnippetKind.LINK)
    assert app.text.startswith("vscode:mcp/install?")
    assert json.loads(unquote(app.text.partition("?")[2])) == {"name": "shop", "type": "http", "url": OPEN.url}
    arguments = parse_qs(urlsplit(web.text).query, strict_parsing=True)
    assert arguments["name"] == ["shop"]
    assert json.loads(arguments["config"][0]) == {"type": "http", "url": OPEN.url}


def test_url_that_a_shell_would_take_apart_is_quoted() -> None:
    odd = Target("shop", "https://mcp.example.com/mcp?a=1&b=$HOME")
    for key in ("claude-code", "gemini", "codex"):
        assert odd.url in command(key, odd)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8080/mcp", True),
        ("http://localhost/mcp", True),
        ("http://[::1]:1/mcp", True),
        ("https://mcp.example.com/mcp", False),
        ("https://127.0.0.1.example.com/mcp", False),
    ],
)
def test_loopback_is_told_from_what_a_vendor_can_reach(url: str, *, loopback: bool) -> None:
    assert Target("x", url).is_loopback is loopback


COMMAND = ["/opt/apifold", "serve", "/srv/open api.yaml", "--transport", "stdio"]
STDIO = {"command": COMMAND[0], "args": COMMAND[1:]}


def test_clients_can_start_the_server_themselves() -> None:
    assert command("claude-code", STARTED) == ["claude", "mcp", "add", "shop", "--", *COMMAND]
    assert command("gemini", STARTED) == [
        "gemini", "mcp", "add", "--scope", "user", "shop", COMMAND[0], "--", *COMMAND[1:],
    ]  # fmt: skip
    assert command("codex", STARTED) == ["codex", "mcp", "add", "shop", "--", *COMMAND]
    assert json.loads(command("vscode", STARTED)[2]) == {"name": "shop", "type": "stdio", **STDIO}
    for key in ("claude-desktop", "cursor", "windsurf", "gemini"):
        assert file(key, STARTED) == {"mcpServers": {"shop": STDIO}}
    assert file("claude-code", STARTED) == {"mcpServers": {"shop": {"type": "stdio", **STDIO}}}
    assert file("vscode", STARTED) == {"servers": {"shop": {"type": "stdio", **STDIO}}}
    (codex,) = snippets("codex", STARTED, SnippetKind.FILE)
    assert tomllib.loads(codex.text) == {"mcp_servers": {"shop": STDIO}}
    (link,) = snippets("cursor", STARTED, SnippetKind.LINK)
    config = parse_qs(urlsplit(link.text).query, strict_parsing=True)["config"][0]
    assert json.loads(base64.b64decode(config)) == STDIO
