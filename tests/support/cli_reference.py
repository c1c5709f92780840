"""`docs/cli.md`, written from the commands themselves: `python tests/support/cli_reference.py > docs/cli.md`."""

import argparse
import sys

from apifold.cli.arguments import COMMANDS, Command, parser_of

HEAD = """\
# Command line

<!-- Written by tests/support/cli_reference.py from the commands themselves; a test compares. -->

Results go to standard output, everything about them to standard error. Where a command has `--format json`, its standard
output is one JSON document. Colour and tables are for terminals: a pipe gets plain text, `NO_COLOR` and `FORCE_COLOR` are
obeyed. Work of more than a second shows that it goes on.

| exit code | meaning |
|---|---|
| 0 | good |
| 1 | the thing failed: the document cannot be read, the call was answered with an error, something is missing |
| 2 | wrong usage: the command line, or a file that it names as configuration, says what cannot be meant |

An error is one line with the mistake and one with the next step:

    error: there is no command 'srve'
    hint: did you mean `apifold serve`?

`APIFOLD_DEBUG=1` shows the trace behind an error.
"""


def render() -> str:
    return "\n".join((HEAD, *(_command(command) for command in COMMANDS)))


def _command(command: Command) -> str:
    examples = "\n".join(f"    # {what}\n    {line}" for what, line in command.examples)
    groups = [_group(group) for group in parser_of(command)._action_groups if group._group_actions]
    parts = (
        f"## apifold {command.name}",
        f"    apifold {command.name} {command.usage}",
        command.description,
        examples,
        *groups,
    )
    return "\n\n".join(parts) + "\n"


def _group(group: "argparse._ArgumentGroup") -> str:
    title = group.title or ""
    head = f"{title[:1].upper()}{title[1:]}" + (f". {group.description}" if group.description else "")
    rows = "\n".join(_row(action) for action in group._group_actions)
    return "\n\n".join(part for part in (head, f"| option | what it does |\n|---|---|\n{rows}") if part)


def _row(action: argparse.Action) -> str:
    value = str(action.metavar) if action.metavar else "" if action.nargs == 0 else action.dest.upper()
    if action.choices:
        value = "\\|".join(map(str, action.choices))
    if not action.option_strings:
        return f"| `{value}` | {_cell(action.help)} |"
    names = ", ".join(f"`{name} {value}`" if value else f"`{name}`" for name in action.option_strings)
    return f"| {names} | {_cell(action.help)} |"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(render())
