"""The commands, their options and the help that teaches them. Only argparse: help is there before anything heavy loads."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

from apifold import __version__
from apifold.core.nearest import nearest

DEFAULT_URL = "http://127.0.0.1:8080/mcp"
WIDTH = 96
"""Lines of help are no longer than this, however wide the terminal is."""
SPEC_HELP = "OpenAPI or Swagger document: a path, an http(s) URL, or - for standard input"


class UsageMistake(Exception):
    """The command line itself is wrong (exit code 2)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class HelpWanted(Exception):
    """The command line asks for a text about the program (exit code 0)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Parser(argparse.ArgumentParser):
    """Raises instead of printing and exiting, so that a mistake looks the same wherever it is found."""

    def print_help(self, file: object = None) -> NoReturn:  # noqa: ARG002  argparse's signature
        raise HelpWanted(self.format_help())

    def format_help(self) -> str:
        """In lines that fit the terminal."""
        import shutil  # noqa: PLC0415  only help needs them
        import textwrap  # noqa: PLC0415  same

        width = min(shutil.get_terminal_size((WIDTH + 2, 0)).columns - 2, WIDTH)
        self.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=width)
        self.description = textwrap.fill(self.description or "", width)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise UsageMistake(message, f"`{self.prog} --help` shows how it is used, with examples.")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; its `command` says which. Raises `UsageMistake`, and `HelpWanted` for `--help`."""
    first, *rest = argv or ("",)
    if first == "help":
        first, *rest = (*rest, "--help") if rest else ("--help",)
    if first in {"-h", "--help"}:
        raise HelpWanted(overview())
    if first == "--version":
        raise HelpWanted(f"apifold {__version__}\n")
    command = next((command for command in COMMANDS if command.name == first), None)
    if command is None:
        raise _unknown_command(first)
    parser = parser_of(command)
    options, unknown = parser.parse_known_args(rest)
    if unknown:
        raise _unknown_words(unknown, parser)
    options.command = command.name
    return options


def overview() -> str:
    """What `apifold --help` says."""
    commands = "\n".join(f"  {command.name:<10}{command.summary}" for command in COMMANDS)
    examples = _examples(
        ("See it work, with an API that comes along", "apifold demo --serve"),
        ("Serve your API to MCP clients", "apifold serve openapi.yaml"),
        ("Look at what it becomes first", "apifold tools openapi.yaml"),
        ("Tell a client about it", "apifold connect"),
    )
    return (
        "usage: apifold COMMAND [options]\n\n"
        "Turn any HTTP API that has an OpenAPI document into a live MCP server.\n\n"
        f"commands:\n{commands}\n\n"
        f"{examples}\n\n"
        "`apifold COMMAND --help` shows what a command can do, `apifold --version` the version.\n"
        "Exit codes: 0 good, 1 the thing failed, 2 the command line was wrong.\n"
    )


def parser_of(command: "Command") -> Parser:
    parser = Parser(
        prog=f"apifold {command.name}",
        usage=f"apifold {command.name} {command.usage}",
        description=command.description,
        epilog=_examples(*command.examples),
        formatter_class=partial(argparse.HelpFormatter, width=WIDTH),  # without one, each option asks the terminal
        allow_abbrev=False,
        add_help=False,
    )
    command.add_options(parser)
    return parser


def _unknown_command(word: str) -> UsageMistake:
    names = [command.name for command in COMMANDS]
    if not word:
        return UsageMistake("no command was given", f"there are {_listed(names)}; `apifold --help` tells more.")
    if word.startswith("-"):
        return UsageMistake(f"{word} is no command", "options stand behind it: apifold serve openapi.yaml --port 9000")
    close = nearest(word, names)
    hint = f"did you mean `apifold {close}`?" if close else f"there are {_listed(names)}."
    return UsageMistake(f"there is no command {word!r}", hint)


def _unknown_words(words: Sequence[str], parser: Parser) -> UsageMistake:
    option = next((word for word in words if word.startswith("-")), "").partition("=")[0]
    if not option:
        return UsageMistake(
            f"{words[0]!r} is one word too many",
            f"`{parser.prog} --help` shows how it is used; words with spaces in them need quotes.",
        )
    close = nearest(option, parser._option_string_actions)  # noqa: SLF001  argparse has no other way to list them
    hint = f"did you mean {close}?" if close else f"`{parser.prog} --help` shows those that there are."
    return UsageMistake(f"there is no option {option}", hint)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


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


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


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


def _add_general(command: Parser, *, config: bool = True, text: str = "") -> None:
    """The last group. `text` is what `--format` is called for people; empty where there is no choice."""
    group = command.add_argument_group("in general")
    if config:
        group.add_argument(
            "--config",
            metavar="FILE",
            help="settings from a YAML file; an option of the command line wins (docs/configuration.md)",
        )
    if text:
        group.add_argument(
            "--format",
            choices=(text, "json"),
            default=text,
            help=f"{text} for people (the default) or json for programs",
        )
    group.add_argument("-h", "--help", action="help", help="show this text")


def _add_upstream(command: Parser) -> None:
    group = command.add_argument_group("the API behind it")
    group.add_argument("--base-url", metavar="URL", help="where the API is, over every server that the document names")
    group.add_argument(
        "--server-var",
        metavar="NAME=VALUE",
        action="append",
        type=_assignment,
        help="a value for a variable in the document's server URLs, such as region=eu; repeatable",
    )
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
    _add_general(command)


def _add_tools(command: Parser) -> None:
    _add_document(command, optional=True)
    _add_selection(command)
    _add_general(command, text="table")


def _add_call(command: Parser) -> None:
    _add_document(command)
    group = command.add_argument_group("the call")
    group.add_argument("tool", metavar="TOOL", help="a tool's name, or an operation as 'METHOD /path'")
    group.add_argument(
        "--args",
        metavar="JSON",
        default="{}",
        help="the arguments, a JSON object; @FILE reads a file, - standard input",
    )
    group.add_argument("--dry-run", action="store_true", help="show the request that would be sent, and send nothing")
    group.add_argument("--show-secrets", action="store_true", help="do not mask credentials in what is shown")
    _add_upstream(command)
    _add_general(command, text="text")


def _add_validate(command: Parser) -> None:
    _add_document(command, optional=True)
    group = command.add_argument_group("the verdict")
    group.add_argument("--strict", action="store_true", help="warnings fail as well")
    group.add_argument("--all", action="store_true", help="every problem and every operation, however many there are")
    _add_general(command, text="text")


def _add_demo(command: Parser) -> None:
    group = command.add_argument_group("the demo")
    group.add_argument("--serve", action="store_true", help="also serve it over MCP, in the same process")
    group.add_argument("--port", type=_port, help="where MCP clients connect (default 8080); with --serve")
    group.add_argument(
        "--api-port", metavar="PORT", type=_port, default=8081, help="where the demo API listens (default 8081)"
    )
    _add_general(command, config=False)


def _add_connect(command: Parser) -> None:
    group = command.add_argument_group("what to print")
    group.add_argument(
        "--client",
        metavar="NAME",
        help="only this one: claude-code, claude-desktop, cursor, vscode, windsurf, gemini, codex or chatgpt",
    )
    group.add_argument("--url", default=DEFAULT_URL, help=f"the server's URL (default {DEFAULT_URL})")
    group.add_argument("--name", default="apifold", help="what the client calls the server (default apifold)")
    group.add_argument(
        "--token-env",
        metavar="VARIABLE",
        default="",
        help="the environment variable in which the client finds the token",
    )
    group.add_argument(
        "--spec", metavar="SPEC", default="", help="a document, when the client is to start the server itself"
    )
    _add_general(command, config=False, text="text")


class Command(NamedTuple):
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
