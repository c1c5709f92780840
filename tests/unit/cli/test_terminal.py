"""What a terminal shows, and what a pipe gets."""

import io
import os
import pty
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

import pytest

from apifold.cli.terminal import Terminal, visible


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(out: TextIO, err: TextIO | None = None, environment: Mapping[str, str] | None = None) -> Terminal:
    return Terminal(out, err or io.StringIO(), environment=environment or {})


def test_pipe_gets_no_colour() -> None:
    assert terminal(io.StringIO()).paint("good", "green") == "good"


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),  # no-color.org: present and not empty
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_terminal_gets_colour_unless_the_environment_says_no(environment: dict[str, str], *, colour: bool) -> None:
    painted = terminal(Screen(), environment=environment).paint("good", "green")
    assert painted == ("\x1b[32mgood\x1b[0m" if colour else "good")


def test_colour_can_be_forced_into_a_pipe() -> None:
    assert terminal(io.StringIO(), environment={"FORCE_COLOR": "1"}).paint("x", "bold") == "\x1b[1mx\x1b[0m"


def test_table_aligns_columns_and_keeps_everything_in_a_pipe() -> None:
    out = io.StringIO()
    terminal(out).table(("name", "what"), [("a", "x" * 200), ("日本", "y")])
    assert out.getvalue() == f"NAME  WHAT\na     {'x' * 200}\n日本  y\n"


def test_table_clips_the_last_column_to_the_terminal() -> None:
    out = Screen()
    terminal(out, environment={"NO_COLOR": "1", "COLUMNS": "20"}).table(("name", "what"), [("a", "x" * 200)])
    assert out.getvalue() == f"NAME  WHAT\na     {'x' * 13}…\n"


def test_widest_columns_of_a_table_give_way_but_never_the_first() -> None:
    out = Screen()
    row = ("name-of-a-tool", "GET", "/a/path/of/some/length", "what it does in a few words")
    terminal(out, environment={"NO_COLOR": "1", "COLUMNS": "52"}).table(("tool", "method", "path", "what"), [row])
    assert out.getvalue() == (
        "TOOL            METHOD  PATH           WHAT\nname-of-a-tool  GET     /a/path/of/s…  what it does…\n"
    )


def test_table_that_cannot_fit_keeps_what_can_be_read() -> None:
    out = Screen()
    terminal(out, environment={"NO_COLOR": "1", "COLUMNS": "10"}).table(("tool", "what"), [("name", "x" * 30)])
    assert out.getvalue() == f"TOOL  WHAT\nname  {'x' * 11}…\n"


def test_table_may_colour_words_of_its_first_column() -> None:
    out = Screen()
    terminal(out).table(("grade",), [("good",), ("bad",)], styles=("bold",), words={"bad": "red"})
    assert out.getvalue() == "\x1b[2mGRADE\x1b[0m\n\x1b[1mgood\x1b[0m\n\x1b[31mbad\x1b[0m\n"


def test_facts_are_aligned_and_harmless() -> None:
    out = io.StringIO()
    terminal(out).facts((("API", "https://x.test\x1b[2J"), ("older clients", "b")))
    assert out.getvalue() == "  API            https://x.test[2J\n  older clients  b\n"


def test_text_from_a_document_cannot_move_the_cursor_or_reorder_letters() -> None:
    out = io.StringIO()
    terminal(out).table(("name",), [("\x1b[2J\x1b]0;title\x07a\u202eb\r\nc\ud800",)])
    assert out.getvalue() == "NAME\n[2J]0;titleab c\n"


def test_error_is_one_line_and_the_next_step_another() -> None:
    err = io.StringIO()
    terminal(io.StringIO(), err).error("two\nlines \x1b[31m", "do\nthis")
    assert err.getvalue() == "error: two lines [31m\nhint: do this\n"


def test_json_is_one_readable_document_with_letters_as_they_are() -> None:
    out = io.StringIO()
    terminal(out).json({"name": "Żółw", "list": [1]})
    assert out.getvalue() == '{\n  "name": "Żółw",\n  "list": [\n    1\n  ]\n}\n'


def test_visible_keeps_what_people_write() -> None:
    assert visible("naïve – “ok” ✓ 日本 e\u0301") == "naïve – “ok” ✓ 日本 e\u0301"


@contextmanager
def pseudo_terminal() -> Iterator[tuple[int, TextIO]]:
    """Both ends: what a person sees, and the stream that a program writes to."""
    seen, written = pty.openpty()
    stream = os.fdopen(written, "w", encoding="utf-8")
    try:
        yield seen, stream
    finally:
        stream.close()
        os.close(seen)


def test_work_of_more_than_a_second_shows_progress_and_wipes_it_away() -> None:
    with pseudo_terminal() as (seen, stream):
        with terminal(io.StringIO(), stream).progress("reading big.json"):
            first = os.read(seen, 1024).decode()  # blocks until something is drawn
        rest = os.read(seen, 4096).decode()
    assert first.startswith("\r⠋ reading big.json … 1 s")
    assert rest.endswith("\r\x1b[K")


def test_quick_work_shows_no_progress() -> None:
    screen = Screen()
    started = time.monotonic()
    with terminal(io.StringIO(), screen).progress("reading"):
        pass
    assert screen.getvalue() == ""
    assert time.monotonic() - started < 0.9


def test_pipe_shows_no_progress_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apifold.cli.terminal.PATIENCE_SECONDS", 0.0)
    err = io.StringIO()
    with terminal(io.StringIO(), err).progress("reading"):
        pass
    assert err.getvalue() == ""
