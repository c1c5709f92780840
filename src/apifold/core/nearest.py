"""What somebody may have meant by a word that is not known."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """The known word that is most like this one, whatever its letter case; empty when none is (`likeness` is 0 to 1)."""
    import difflib  # noqa: PLC0415  only mistakes need it

    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else ""
