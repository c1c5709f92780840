import pytest

from apifold.core.tools.patterns import MAX_PATTERN, portable_pattern


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        (r"^\d+$", r"^\d+$"),
        (r"^[\w.\-]+$", r"^[\w.\-]+$"),
        (r"^\-\_\@$", "^-_@$"),
        ("^{.*}$", r"^\{.*\}$"),
        ("^a{2,3}$", "^a{2,3}$"),
        ("[a-z[]", r"[a-z\[]"),
        ("/^abc$/", "^abc$"),
        (r"^\p{L}+$", r"^\p{L}+$"),
        (r"(?:a|b)*?", r"(?:a|b)*?"),
        (r"\u0041", r"\u0041"),
    ],
)
def test_pattern_is_spelled_so_that_every_client_compiles_it(pattern: str, kept: str) -> None:
    assert portable_pattern(pattern) == kept


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        "(?!a)b",
        r"(a)\1",
        "(?i)abc",
        "(?P<x>a)",
        r"\Aabc\Z",
        "[[:alpha:]]",
        "[a&&b]",
        "a++",
        "a{2}+",
        "a???",
        "(",
        "[a",
        "a\\",
        "a{2,1}",
        "a\x00b",
        "x" * (MAX_PATTERN + 1),
    ],
)
def test_pattern_that_some_engine_lacks_is_not_kept(pattern: str) -> None:
    assert portable_pattern(pattern) is None
