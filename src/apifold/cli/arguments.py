"""The commands, their options and the help that teaches them. Only argparse: help is there before anything heavy loads."""

import argparse
import difflib
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from apifold import __version__

WIDTH = 90
SPEC_HELP = "OpenAPI or Swagger document: a path, an http(s) URL, or - for standard input"


class UsageMistake(Exception):
    """The command line itself is wrong (exit code 2)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Parser(argparse.ArgumentParser):
    """Raises instead of printing and exiting, so that a mistake looks the same wherever it is found."""

    def error(self, message: str) -> NoReturn:
        raise UsageMistake(message, f"`{self.prog} --help` shows how it is used, with examples.")


def build_parser() -> Parser:
    """The whole tree. Its leaves set `command`."""
    parser = Parser(
        prog="apifold",
        description="Turn any HTTP API that has an OpenAPI document into a live MCP server.",
        epilog=_examples(
            ("See it work, with an API that comes along", "apifold demo --serve"),
            ("Serve your API to MCP clients", "apifold serve openapi.yaml"),
            ("Look at what it becomes first", "apifold tools openapi.yaml"),
            ("Tell a client about it", "apifold connect"),
        )
        + "\n\nExit codes: 0 good, 1 the thing failed, 2 the command line was wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"apifold {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", parser_class=Parser)
    for command in COMMANDS:
        leaf = commands.add_parser(
            command.name,
            usage=f"apifold {command.name} {command.usage}",
            help=command.summary,
            description=textwrap.fill(command.description, WIDTH),
            epilog=_examples(*command.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_options(leaf)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; `command` is empty when no command was given. Raises `UsageMistake`."""
    names = [command.name for command in COMMANDS]
    given = next((word for word in argv if not word.startswith("-")), "")
    if given and given not in names:
        close = difflib.get_close_matches(given, names, n=1)
        hint = f"did you mean `apifold {close[0]}`?" if close else f"there are {', '.join(names[:-1])} and {names[-1]}."
        raise UsageMistake(f"there is no command {given!r}", hint)
    return build_parser().parse_args(argv)


def _examples(*examples: tuple[str, str]) -> str:
    return "examples:\n" + "\n".join(f"  # {what}\n  {line}" for what, line in examples)


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 (any free one) to 65535")
    return port


def _add_document(command: Parser, *, optional: bool = False) -> None:
    group = command.add_argument_group("the document")
    group.add_argument("spec", metavar="SPEC", nargs="?" if optional else None, help=SPEC_HELP)
    group.add_argument(
        "--remote-refs",
        action="store_true",
        default=None,
        help="follow references to other hosts; without it they are left out and named",
    )
    group.add_argument(
        "--profile",
        choices=("portable", "faithful"),
        help="portable (the default): schemas that the strictest client accepts; faithful: JSON Schema 2020-12 with $defs",
    )


def _add_selection(command: Parser) -> None:
    group = command.add_argument_group("which operations become tools", "Repeat an option to give several values.")
    for option, metavar, text in (
        ("--tag", "TAG", "only operations with this tag"),
        ("--method", "METHOD", "only this HTTP method"),
        ("--path", "GLOB", "only paths like this: * stays within a segment, ** does not"),
        ("--operation", "ID", "only this operation: its operationId, its tool name, or 'GET /path'"),
        ("--exclude-tag", "TAG", "not operations with this tag"),
        ("--exclude-path", "GLOB", "not paths like this"),
        ("--exclude-operation", "ID", "not this operation"),
    ):
        group.add_argument(option, metavar=metavar, action="append", help=text)
    group.add_argument("--read-only", action="store_true", default=None, help="only operations that change nothing")
    group.add_argument("--deprecated", action="store_true", default=None, help="also operations marked as deprecated")


def _add_config(command: Parser) -> None:
    command.add_argument(
        "--config",
        metavar="FILE",
        help="settings from a YAML file; an option of the command line wins (docs/configuration.md)",
    )


def _add_upstream(command: Parser) -> None:
    group = command.add_argument_group("the API behind it")
    group.add_argument("--base-url", metavar="URL", help="where the API is, over every server that the document names")
    group.add_argument(
        "--auth",
        metavar="NAME=VALUE",
        action="append",
        help="a credential for the security scheme NAME: env:VARIABLE, file:PATH, or the value itself; repeatable. "
        "NAME may also be header:X-Name, query:name, cookie:name, bearer or basic",
    )
    group.add_argument(
        "--private-upstreams",
        action=argparse.BooleanOptionalAction,
        help="whether the API may be on a private network (default: when only this machine can reach apifold)",
    )
    group.add_argument(
        "--allow-upstream",
        metavar="ADDRESS",
        action="append",
        help="an address, network or host:port that may be called in spite of that; repeatable",
    )
    group.add_argument("--timeout", metavar="SECONDS", type=float, help="how long one call may take (default 30)")
    group.add_argument(
        "--retries", metavar="N", type=int, help="how often a failed call that may be repeated is (default 2)"
    )


def _add_format(command: Parser, default: str = "text") -> None:
    command.add_argument(
        "--format",
        choices=(default, "json"),
        default=default,
        help=f"{default} for people (the default) or json for programs",
    )


def _add_serve(command: Parser) -> None:
    _add_document(command, optional=True)
    _add_upstream(command)
    _add_selection(command)
    group = command.add_argument_group("how clients reach it")
    group.add_argument(
        "--transport",
        choices=("http", "stdio"),
        help="http (the default): Streamable HTTP at /mcp and the older SSE at /sse; stdio: for a client that starts it",
    )
    group.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    group.add_argument("--port", type=_port, help="port to listen on (default 8080; 0: any free one)")
    group.add_argument(
        "--token",
        metavar="TOKEN",
        help="what callers must send as `Authorization: Bearer TOKEN`; APIFOLD_TOKEN keeps it out of the process list",
    )
    group.add_argument(
        "--public",
        action="store_true",
        default=None,
        help="allow listening beyond this machine without a token: anyone who reaches it can call your API",
    )
    group.add_argument(
        "--allow-host", metavar="HOST", action="append", help="a host name under which callers may reach it; repeatable"
    )
    group.add_argument(
        "--allow-origin", metavar="ORIGIN", action="append", help="a web origin whose pages may call it; repeatable"
    )
    _add_config(command)


def _add_tools(command: Parser) -> None:
    _add_document(command, optional=True)
    _add_selection(command)
    _add_config(command)
    _add_format(command, "table")


def _add_call(command: Parser) -> None:
    _add_document(command)
    command.add_argument("tool", metavar="TOOL", help="a tool's name, or an operation as 'METHOD /path'")
    command.add_argument(
        "--args",
        metavar="JSON",
        default="{}",
        help="the arguments, a JSON object; @FILE reads a file, - standard input",
    )
    _add_upstream(command)
    command.add_argument("--dry-run", action="store_true", help="show the request that would be sent, and send nothing")
    command.add_argument("--show-secrets", action="store_true", help="do not mask credentials in what is shown")
    _add_config(command)
    _add_format(command)


def _add_validate(command: Parser) -> None:
    _add_document(command, optional=True)
    command.add_argument("--strict", action="store_true", help="warnings fail as well")
    _add_config(command)
    _add_format(command)


def _add_demo(command: Parser) -> None:
    command.add_argument("--serve", action="store_true", help="also serve it over MCP, in the same process")
    command.add_argument(
        "--port", type=_port, default=8080, help="where MCP clients connect (default 8080); with --serve"
    )
    command.add_argument("--api-port", type=_port, default=8081, help="where the demo API listens (default 8081)")


def _add_connect(command: Parser) -> None:
    command.add_argument(
        "--client",
        metavar="NAME",
        help="only this one: claude-code, claude-desktop, cursor, vscode, windsurf, gemini, codex or chatgpt",
    )
    command.add_argument(
        "--url", default="http://127.0.0.1:8080/mcp", help="the server's URL (default http://127.0.0.1:8080/mcp)"
    )
    command.add_argument("--name", default="apifold", help="what the client calls the server (default apifold)")
    command.add_argument(
        "--token-env",
        metavar="VARIABLE",
        default="",
        help="the environment variable in which the client finds the token",
    )
    command.add_argument("--spec", metavar="SPEC", default="", help="for clients that start the server over stdio")
    _add_format(command)


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    usage: str
    summary: str
    """One line, in the list of commands."""
    description: str
    examples: tuple[tuple[str, str], ...]
    """What it does, and the line to type."""
    add_options: Callable[[Parser], None]


COMMANDS = (
    Command(
        "serve",
        "SPEC [options]",
        "serve a document's API to MCP clients",
        "Serve the API that a document describes to MCP clients, old and new, until Ctrl-C. "
        "What the document says that cannot be understood is left out and named; the rest is served.",
        (
            ("A file, on http://127.0.0.1:8080/mcp", "apifold serve openapi.yaml"),
            ("Credentials from the environment", "apifold serve stripe.json --auth bearerAuth=env:STRIPE_KEY"),
            ("Only reading, only one part", "apifold serve api.yaml --read-only --tag orders"),
            ("For a client that starts it itself", "apifold serve api.yaml --transport stdio"),
            ("For others on the network; APIFOLD_TOKEN holds the token", "apifold serve api.yaml --host 0.0.0.0"),
        ),
        _add_serve,
    ),
    Command(
        "tools",
        "SPEC [options]",
        "list the tools that a document becomes",
        "List the tools that a document becomes: their names, operations and, as JSON, their whole schemas.",
        (
            ("A table", "apifold tools openapi.yaml"),
            ("Everything, for a program", "apifold tools openapi.yaml --format json"),
            ("What a selection leaves", "apifold tools openapi.yaml --read-only --path '/orders/**'"),
        ),
        _add_tools,
    ),
    Command(
        "call",
        "SPEC TOOL [--args JSON] [options]",
        "call one tool, or show the request it would send",
        "Call one tool and print the answer, or show the request that it would send.",
        (
            ("Call it", "apifold call openapi.yaml getBook --args '{\"bookId\": 1}'"),
            (
                "Look at the request first; needs no credentials",
                "apifold call api.yaml 'POST /orders' --args @order.json --dry-run",
            ),
            (
                "The same for a program",
                "apifold call api.yaml getBook --args '{\"bookId\": 1}' --dry-run --format json",
            ),
        ),
        _add_call,
    ),
    Command(
        "validate",
        "SPEC [options]",
        "say what of a document can be called, and what to repair",
        "Read a document as `serve` would and say what was found: each problem with its place and what to do, "
        "and a grade for each operation. Exit code 1 when something is missing from the result.",
        (
            ("For people", "apifold validate openapi.yaml"),
            ("In CI: warnings fail as well", "apifold validate openapi.yaml --strict"),
            ("For programs", "curl -s https://api.example.com/openapi.json | apifold validate - --format json"),
        ),
        _add_validate,
    ),
    Command(
        "demo",
        "[options]",
        "start a small API that comes along, to try things on",
        "Start a bookshop with an HTTP API: real, stateful, in memory. With --serve it is served over MCP too.",
        (
            ("The API and MCP, ready to connect", "apifold demo --serve"),
            ("Only the API", "apifold demo --api-port 9000"),
        ),
        _add_demo,
    ),
    Command(
        "connect",
        "[options]",
        "print how to tell an MCP client about a server",
        "Print the configuration for MCP clients: commands, files and links, and what each can authenticate with.",
        (
            ("All clients", "apifold connect"),
            (
                "One client, a server with a token",
                "apifold connect --client cursor --url https://mcp.example.com/mcp --token-env SHOP_TOKEN",
            ),
            ("A client that starts the server itself", "apifold connect --client claude-desktop --spec openapi.yaml"),
        ),
        _add_connect,
    ),
)
