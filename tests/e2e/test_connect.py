"""The programs `claude`, `codex` and `gemini` take the command that `apifold connect` prints, in an empty HOME."""

import io
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apifold.cli.main import main
from support.clients import Clients, install
from support.processes import run, started

pytestmark = [pytest.mark.node, pytest.mark.wire, pytest.mark.xdist_group("clients")]

DEMO = Path(__file__).resolve().parents[2] / "src" / "apifold" / "demo" / "openapi.json"
URL = "http://127.0.0.1:8080/mcp"
TOKEN = "t0ken-of-the-shop"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    install(folder)
    return folder


@pytest.fixture
def clients(programs: Path, tmp_path: Path) -> Clients:
    return Clients(programs, tmp_path)


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The URL of a real server that wants a token."""
    with started("serve", str(DEMO), "--port", "0", variables={"APIFOLD_TOKEN": TOKEN}) as server:
        yield server.wait_for(r"http://127\.0\.0\.1:\d+/mcp").group()


def connect(*options: str, url: str = URL) -> list[dict[str, Any]]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["connect", "--name", "shop", "--url", url, *options, "--format", "json"], out, err, {})
    assert (code, err.getvalue()) == (0, "")
    described: list[dict[str, Any]] = json.loads(out.getvalue())
    return described


def snippet(client: str, kind: str, *options: str, url: str = URL) -> str:
    (described,) = connect("--client", client, *options, url=url)
    text: str = next(found["text"] for found in described["snippets"] if found["kind"] == kind)
    return text


def paste(clients: Clients, client: str, *options: str, url: str = URL) -> None:
    done = clients.run(snippet(client, "command", *options, url=url), SHOP_TOKEN=TOKEN)
    assert done.returncode == 0, done.stdout + done.stderr


def claude_servers(clients: Clients) -> Any:
    known = json.loads((clients.home / ".claude.json").read_text())
    return known["projects"][str(clients.home)]["mcpServers"]


def gemini_servers(clients: Clients) -> Any:
    return json.loads((clients.home / ".gemini" / "settings.json").read_text())["mcpServers"]


def codex_servers(clients: Clients) -> Any:
    return tomllib.loads((clients.home / ".codex" / "config.toml").read_text())["mcp_servers"]


def test_claude_code_takes_the_command(clients: Clients) -> None:
    paste(clients, "claude-code")
    assert claude_servers(clients) == {"shop": {"type": "http", "url": URL}}


def test_claude_code_takes_the_command_with_a_token(clients: Clients) -> None:
    paste(clients, "claude-code", "--token-env", "SHOP_TOKEN")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert claude_servers(clients) == {"shop": {"type": "http", "url": URL, "headers": headers}}


def test_claude_code_takes_the_project_file_too(clients: Clients) -> None:
    (clients.home / ".mcp.json").write_text(snippet("claude-code", "file", "--token-env", "SHOP_TOKEN"))
    shown = clients.run("claude mcp get shop", SHOP_TOKEN=TOKEN)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert URL in shown.stdout


def test_gemini_takes_the_command(clients: Clients) -> None:
    paste(clients, "gemini")
    assert gemini_servers(clients) == {"shop": {"url": URL, "type": "http"}}


def test_gemini_takes_the_command_with_a_token(clients: Clients) -> None:
    paste(clients, "gemini", "--token-env", "SHOP_TOKEN")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert gemini_servers(clients) == {"shop": {"url": URL, "type": "http", "headers": headers}}


def test_codex_takes_the_command(clients: Clients) -> None:
    paste(clients, "codex")
    assert codex_servers(clients) == {"shop": {"url": URL}}


def test_codex_takes_the_command_with_a_token_and_keeps_only_its_variable(clients: Clients) -> None:
    paste(clients, "codex", "--token-env", "SHOP_TOKEN")
    assert codex_servers(clients) == {"shop": {"url": URL, "bearer_token_env_var": "SHOP_TOKEN"}}


def test_codex_reads_the_file_as_it_reads_its_own(clients: Clients) -> None:
    (clients.home / ".codex").mkdir()
    (clients.home / ".codex" / "config.toml").write_text(snippet("codex", "file", "--token-env", "SHOP_TOKEN"))
    shown = clients.run("codex mcp get shop --json", SHOP_TOKEN=TOKEN)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    transport = json.loads(shown.stdout)["transport"]
    assert (transport["type"], transport["url"], transport["bearer_token_env_var"]) == (
        "streamable_http",
        URL,
        "SHOP_TOKEN",
    )


def started_by_the_client() -> dict[str, object]:
    """What a client has to know to start the server itself: everything whole, for it starts it who knows where."""
    program, *arguments = (sys.executable, "-m", "apifold", "serve", str(DEMO), "--transport", "stdio")
    return {"command": program, "args": arguments}


def stdio_snippet(client: str, kind: str) -> str:
    done = run("connect", "--name", "shop", "--client", client, "--spec", str(DEMO), "--format", "json")
    (described,) = json.loads(done.stdout)
    text: str = next(found["text"] for found in described["snippets"] if found["kind"] == kind)
    return text


def test_claude_code_takes_the_command_for_a_server_that_it_starts(clients: Clients) -> None:
    done = clients.run(stdio_snippet("claude-code", "command"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert claude_servers(clients) == {"shop": {"type": "stdio", **started_by_the_client(), "env": {}}}
    assert "✔ Connected" in clients.run("claude mcp list").stdout


def test_gemini_takes_the_command_for_a_server_that_it_starts(clients: Clients) -> None:
    done = clients.run(stdio_snippet("gemini", "command"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert gemini_servers(clients) == {"shop": started_by_the_client()}


def test_codex_takes_the_command_and_the_file_for_a_server_that_it_starts(clients: Clients) -> None:
    done = clients.run(stdio_snippet("codex", "command"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert codex_servers(clients) == {"shop": started_by_the_client()}
    assert tomllib.loads(stdio_snippet("codex", "file"))["mcp_servers"] == {"shop": started_by_the_client()}


def test_claude_code_connects_with_the_token_and_not_without(clients: Clients, served: str) -> None:
    paste(clients, "claude-code", "--token-env", "SHOP_TOKEN", url=served)
    listed = clients.run("claude mcp list")
    assert f"shop: {served} (HTTP) - ✔ Connected" in listed.stdout
    clients.run("claude mcp remove shop")
    paste(clients, "claude-code", url=served)
    refused = clients.run("claude mcp list")
    assert "shop: " in refused.stdout
    assert "Connected" not in refused.stdout


def test_gemini_connects_by_the_file_with_the_token_and_not_without(clients: Clients, served: str) -> None:
    settings = clients.home / ".gemini" / "settings.json"
    settings.parent.mkdir()
    # Where a folder is not trusted the program connects to nothing.
    (settings.parent / "trustedFolders.json").write_text(json.dumps({str(clients.home): "TRUST_FOLDER"}))
    for options, status in ((("--token-env", "SHOP_TOKEN"), "✓"), ((), "✗")):
        settings.write_text(snippet("gemini", "file", *options, url=served))
        listed = clients.run("gemini mcp list", SHOP_TOKEN=TOKEN)
        assert f"{status} shop: {served} (http)" in listed.stdout + listed.stderr


def test_clients_that_take_no_token_say_so() -> None:
    described = {client["client"]: client for client in connect("--token-env", "SHOP_TOKEN")}
    assert "Only OAuth or nothing" in described["chatgpt"]["authentication"]
    assert "only OAuth or nothing" in described["claude-desktop"]["authentication"]
    assert "cannot reach" in described["chatgpt"]["warning"]
    assert all(
        "SHOP_TOKEN" in json.dumps(client) for name, client in described.items() if name not in {"chatgpt"} | {"vscode"}
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--client", "netscape"], "error: there is no client 'netscape'"),
        (["--client", "Cursr"], "error: there is no client 'Cursr'"),
        (["--spec", "-"], "error: a client has no standard input to give"),
        (["--url", "mcp.example.com"], "error: 'mcp.example.com' is not an http(s) URL"),
        (["--name", "my shop"], "error: 'my shop' is not a name that every client accepts"),
        (["--token-env", "s3cret-value"], "error: 's3cret-value' is not the name of an environment variable"),
    ],
)
def test_mistake_in_an_option_is_named_with_the_next_step(options: list[str], message: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert main(["connect", *options], out, err, {}) == 2
    error, hint, rest = err.getvalue().split("\n")
    assert (error, hint.startswith("hint: "), rest, out.getvalue()) == (message, True, "", "")
