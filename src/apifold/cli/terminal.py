"""What a terminal shows: colour, tables, errors with a next step, progress for anything over a second.

Knows nothing of the product. Text from documents may hold escape sequences; it is shown without them.
"""

import json
import os
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

STYLES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PATIENCE_SECONDS = 1.0
TICK_SECONDS = 0.1
GAP = "  "
USUAL_WIDTH = 80
LEAST_COLUMNS = 12
"""A column of a table that is narrower says nothing any more."""
NO_WORDS: Mapping[str, str] = {}


class Terminal:
    """Standard output for results, standard error for everything about them."""

    def __init__(self, out: TextIO, err: TextIO, *, environment: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._colour_out = _wants_colour(out, environment)
        self._colour_err = _wants_colour(err, environment)
        self.is_tty = out.isatty()
        self.width = _width(out, environment) if self.is_tty else 0
        """Columns to fit into; 0 means: as wide as it gets (a pipe or a file)."""

    def paint(self, text: str, *styles: str) -> str:
        """`text` in the given styles when results go to a terminal that shows colour."""
        return _painted(text, styles) if self._colour_out else text

    @staticmethod
    def clean(text: str) -> str:
        """Text from a document as one harmless line."""
        return visible(text)

    def line(self, text: str = "") -> None:
        print(text, file=self._out)

    def text(self, text: str) -> None:
        """Lines as they are."""
        self._out.write(text)

    def json(self, value: object) -> None:
        """One JSON document, readable, in UTF-8."""
        print(json.dumps(value, ensure_ascii=False, indent=2), file=self._out)

    def note(self, text: str) -> None:
        """Something about the work rather than of it."""
        print(text, file=self._err, flush=True)

    def error(self, message: str, hint: str = "") -> None:
        """The mistake and the next step, one line each."""
        label, advice = ("error:", "hint:")
        if self._colour_err:
            label, advice = _painted(label, ("red", "bold")), _painted(advice, ("cyan",))
        self.note(f"{label} {visible(message)}")
        if hint:
            self.note(f"{advice} {visible(hint)}")

    def warning(self, message: str) -> None:
        label = _painted("warning:", ("yellow",)) if self._colour_err else "warning:"
        self.note(f"{label} {visible(message)}")

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what they are, one below the other."""
        width = max(_columns(name) for name, _ in rows)
        for name, what in rows:
            self.line(f"  {self.paint(name, 'dim')}{' ' * (width - _columns(name))}{GAP}{visible(what)}")

    def flush(self) -> None:
        self._out.flush()
        self._err.flush()

    def leave(self) -> None:
        """After Ctrl-C, of which a terminal has shown `^C`: what comes next gets a line of its own."""
        if self.is_tty:
            self.line()
            self.flush()

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        styles: Sequence[str] = (),
        words: Mapping[str, str] = NO_WORDS,
    ) -> None:
        """Aligned columns; on a terminal the widest but the first give way so that a row is a line.

        `styles` has one style name (or nothing) per column, `words` styles for words of the first one.
        """
        cells = [[visible(cell) for cell in row] for row in rows]
        widths = [max(_columns(row[i]) for row in (headers, *cells)) for i in range(len(headers))]
        if self.width:
            widths = _fitted(widths, self.width - len(GAP) * (len(widths) - 1))
        self.line(self._row([title.upper() for title in headers], widths, ["dim"] * len(headers)))
        for row in cells:
            first = words.get(row[0])
            self.line(self._row(row, widths, styles if first is None else (first, *styles[1:])))

    def _row(self, cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> str:
        parts = []
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            text = _clipped(cell, width)
            padding = " " * (width - _columns(text)) if index < len(cells) - 1 else ""
            style = styles[index] if index < len(styles) else ""
            parts.append((self.paint(text, style) if style else text) + padding)
        return GAP.join(parts).rstrip()

    @contextmanager
    def progress(self, label: str) -> Iterator[None]:
        """Show that work goes on, from the second second on, where a person watches."""
        if not self._err.isatty():
            yield
            return
        done = threading.Event()
        spinner = threading.Thread(target=self._spin, args=(label, done), daemon=True)
        spinner.start()
        try:
            yield
        finally:
            done.set()
            spinner.join()

    def _spin(self, label: str, done: threading.Event) -> None:
        started = time.monotonic()
        if done.wait(PATIENCE_SECONDS):
            return
        tick = 0
        while not done.wait(TICK_SECONDS):
            seconds = time.monotonic() - started
            self._err.write(f"\r{SPINNER[tick % len(SPINNER)]} {visible(label)} … {seconds:.0f} s\x1b[K")
            self._err.flush()
            tick += 1
        self._err.write("\r\x1b[K")
        self._err.flush()


def visible(text: str) -> str:
    """One line of text without what would move the cursor, ring the bell or reorder letters."""
    return "".join(" " if char in "\n\t" else char for char in text if char in "\n\t" or _is_harmless(char))


def _is_harmless(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """`NO_COLOR` (no-color.org) and `FORCE_COLOR` are obeyed, in this order; otherwise a capable terminal decides."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"


def _width(stream: TextIO, environment: Mapping[str, str]) -> int:
    """Columns of a terminal; `COLUMNS` comes before what the terminal says, as in a shell."""
    said = environment.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:  # it has no descriptor, or one that is no terminal after all
        return USUAL_WIDTH


def _painted(text: str, styles: Sequence[str]) -> str:
    codes = ";".join(STYLES[style] for style in styles)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text


def _columns(text: str) -> int:
    """How many columns a text takes: letters of East Asia take two, marks that combine take none."""
    return sum(
        2 if unicodedata.east_asian_width(char) in {"W", "F"} else 0 if unicodedata.combining(char) else 1
        for char in text
    )


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit into the room together: the widest but the first gives way, again and again, down to a least."""
    fitted = list(widths)
    for _ in range(sum(fitted) - room):
        widest = max(range(1, len(fitted)), key=lambda column: (fitted[column], column), default=0)
        if fitted[widest] <= LEAST_COLUMNS:
            break
        fitted[widest] -= 1
    return fitted


def _clipped(text: str, width: int) -> str:
    if _columns(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    while _columns(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"
