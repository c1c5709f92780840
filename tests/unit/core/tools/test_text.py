import time

import pytest

from apifold.core.tools.text import clean, clean_line, describe, first_sentence, shorten, visible
from support.portable_rules import hidden


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\u202eb\u2066c\u200bd\ufeffe\u00adf", "abcdef"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("nul\x00 esc\x1b[0m bell\x07", "nul esc[0m bell"),
        ("half a pair: \ud83d.", "half a pair: ."),
        ("non\u00a0breaking\u2003space", "non breaking space"),
        ("selector\ufe0f \U000e0100", "selector"),
    ],
)
def test_characters_that_nobody_sees_are_removed(text: str, plain: str) -> None:
    assert clean_line(text, 100) == plain
    assert hidden(visible(text)) == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>One <b>bold</b><br/>two</p>", "One bold two"),
        ('See [the guide](https://example.com/a "x") and ![logo](l.png)', "See the guide and logo"),
        ("**Note:** it is *very* __new__", "Note: it is very new"),
        ("Use `GET /{id}` with <your-id> &amp; a < b", "Use `GET /{id}` with <your-id> & a < b"),
        ("snake_case and 2 * 3 * 4 stay", "snake_case and 2 * 3 * 4 stay"),
        ("&lt;b&gt; and &#8238;hidden", "<b> and hidden"),
        ("<!-- todo -->text", "text"),
    ],
)
def test_markup_becomes_words(text: str, plain: str) -> None:
    assert clean_line(text, 200) == plain


def test_paragraphs_and_lists_stay_lines() -> None:
    text = "# Title\r\n\r\n\r\n\r\nFirst  line.\n\n- one\n- two\n\n---\n\n```json\n{}\n```\n"
    assert clean(text, 500) == "Title\n\nFirst line.\n\n- one\n- two\n\n{}"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("One. Two is longer. Three", 21, "One. Two is longer."),
        ("One. Two is much longer than the rest", 21, "One. Two is much…"),
        ("Unbreakablewordthatislong", 10, "Unbreakab…"),
        ("short", 10, "short"),
        ("gone", 1, ""),
    ],
)
def test_cut_falls_on_a_sentence_where_enough_is_kept_else_on_a_word(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short
    assert len(shorten(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Gets a pet, e.g. a dog. More.", "Gets a pet, e.g. a dog."),
        ("Version 1.2 of it. More.", "Version 1.2 of it."),
        ("No stop", "No stop"),
        ("A paragraph\n\nanother", "A paragraph"),
    ],
)
def test_first_sentence_ends_where_a_reader_would_say(text: str, first: str) -> None:
    assert first_sentence(text) == first


@pytest.mark.parametrize(
    ("summary", "description", "both"),
    [
        ("List pets", "Returns all of them.", "List pets.\n\nReturns all of them."),
        ("List pets", "List pets. All of them.", "List pets. All of them."),
        ("List pets.", "", "List pets."),
        ("", "All of them.", "All of them."),
        ("", "", ""),
    ],
)
def test_summary_is_the_first_sentence_unless_it_is_repeated(summary: str, description: str, both: str) -> None:
    assert describe(summary, description, 1_024) == both


def test_first_sentence_survives_the_cut() -> None:
    found = describe("Creates a thing", "word " * 2_000, 1_024)
    assert found.startswith("Creates a thing.\n\nword")
    assert len(found) <= 1_024


@pytest.mark.parametrize(
    "piece", ["<a", "[a](", "**a", "*a", "[", ". ", "&amp;", "_", "# ", "- ", "```", "<!--", "a\n "]
)
def test_cleaning_takes_time_in_proportion_to_its_bounded_input(piece: str) -> None:
    start = time.perf_counter()
    clean(piece * 200_000, 1_024)
    clean_line(piece * 200_000, 1_024)
    assert time.perf_counter() - start < 1
