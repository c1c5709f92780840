"""What somebody may have meant."""

import pytest

from apifold.core.nearest import nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("getBok", "getBook"),
        ("GETBOOK", "getBook"),
        ("get /books/{id}", "GET /books/{bookId}"),
        ("nothing like it", ""),
        ("", ""),
    ],
)
def test_word_is_taken_for_the_one_most_like_it(word: str, meant: str) -> None:
    assert nearest(word, ["listBooks", "getBook", "GET /books/{bookId}"]) == meant


def test_how_much_alike_two_words_have_to_be_can_be_said() -> None:
    assert nearest("limt", ["limit_of_pages"], likeness=0.3) == "limit_of_pages"
    assert nearest("limt", ["limit_of_pages"]) == ""
