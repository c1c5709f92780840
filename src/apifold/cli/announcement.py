"""What `serve` and `demo --serve` say when they are ready: where it is, what is there, what to do next."""

import shlex
from collections.abc import Sequence

from apifold.bootstrap.api import describe
from apifold.bootstrap.options import Transport
from apifold.bootstrap.serve import Serving, is_open
from apifold.cli.arguments import DEFAULT_URL
from apifold.cli.invocation import Invocation
from apifold.cli.program import typed
from apifold.cli.tables import number

TOKEN_VARIABLE = "APIFOLD_TOKEN"


def announce(serving: Serving, asked: Invocation) -> None:
    """Over stdio only standard error is ours: standard output belongs to the protocol."""
    terminal = asked.terminal
    info = serving.api.document.info
    title = terminal.clean(f"{info.title or 'This API'} {info.version}".strip())
    program = program_of(asked)
    for warning in warnings(serving, program):
        terminal.warning(warning)
    if serving.api.options.transport is Transport.STDIO:
        terminal.note(f"{title}: {_count(serving)} over stdio; calls go to {_networks(serving)}")
        return
    terminal.line(f"{terminal.paint(title, 'bold')}: {_count(serving)} at {terminal.paint(serving.url, 'bold')}")
    terminal.line()
    terminal.facts(
        (
            ("API", _upstream(serving.api.server)),
            ("calls go to", _networks(serving)),
            ("older clients", serving.sse_url),
            ("Claude Code", claude_command(serving, describe(serving.api).name)),
            ("others", connect_command(serving, program)),
        )
    )
    terminal.line()
    terminal.line(terminal.paint("Ctrl-C stops it.", "dim"))
    terminal.flush()


def program_of(asked: Invocation) -> str:
    """What to type to start us again."""
    return typed(asked.program, asked.environment.get("PATH", ""))


def claude_command(serving: Serving, name: str) -> str:
    """The line that tells Claude Code about this server."""
    header = f' --header "Authorization: Bearer ${TOKEN_VARIABLE}"' if serving.api.options.token is not None else ""
    return f"claude mcp add --transport http {name} {shlex.quote(serving.url)}{header}"


def connect_command(serving: Serving, program: str) -> str:
    """The line that says how to tell any other client."""
    url = f" --url {shlex.quote(serving.url)}" if serving.url != DEFAULT_URL else ""
    token = f" --token-env {TOKEN_VARIABLE}" if serving.api.options.token is not None else ""
    return f"{program} connect{url}{token}"


def warnings(serving: Serving, program: str) -> Sequence[str]:
    """What will not work as it stands, each with the next step."""
    api = serving.api
    said = [f"{found.message} {found.advice}".strip() for found in api.selected.diagnostics]
    left_out = api.document.declared_operations - len(api.catalogue)
    if left_out:
        spec = shlex.quote(api.options.spec)
        why = "" if api.options.spec == "-" else f": `{program} validate {spec}` says which and why"
        said.append(f"{number(left_out, 'operation')} {'is' if left_out == 1 else 'are'} left out{why}.")
    if not api.selected.tools:
        said.append("There is no tool to offer.")
    elif "://" not in api.server:
        said.append("The document does not say on which host the API is: name it with --base-url URL.")
    if is_open(api.options):
        said.append(f"Whoever can reach {api.options.host} can use the API: no token is asked for.")
    return [
        *said,
        *(_missing(need.description, need.operations, need.flag) for need in serving.needs if not need.given),
    ]


def _missing(description: str, operations: int, flag: str) -> str:
    return f"{number(operations, 'tool')} {'needs' if operations == 1 else 'need'} {description}: {flag}"


def _count(serving: Serving) -> str:
    """`15 tools`, or `3 of 15 tools` after a selection."""
    total, offered = len(serving.api.catalogue), len(serving.api.selected.tools)
    return number(total, "tool") if total == offered else f"{offered:,} of {number(total, 'tool')}"


def _upstream(server: str) -> str:
    if "://" in server:
        return server
    return f"{server} on a host that is not known yet" if server else "not known yet"


def _networks(serving: Serving) -> str:
    """Whether calls may go where only this machine or its network can."""
    if serving.private_upstreams:
        return "private networks too (--no-private-upstreams: public ones only)"
    return "public networks only (--allow-upstream: one more address)"
