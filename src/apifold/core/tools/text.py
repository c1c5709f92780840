"""Text of a document as a model may read it: plain, bounded, free of characters that hide or reorder others.

Descriptions are written by strangers for people with a browser. Here markup becomes words, white space becomes
single spaces, and what a person could not see in a terminal is removed, so that nothing can be smuggled past a
reviewer to a model. All patterns run in linear time, on input that was cut first.
"""

import re

_CUT = "…"
_RAW_FACTOR = 3
"""How much more raw text than the limit is looked at: markup rarely makes up more than that."""

# C0 and C1 controls, soft hyphen, Arabic letter mark, Hangul fillers, Khmer and Mongolian invisible signs, zero-width
# characters and joiners, bidi marks, embeddings, overrides and isolates, invisible operators, variation selectors,
# byte order mark, interlinear annotations, tag characters, lone surrogates, noncharacters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINE_SEPARATORS = re.compile("\r\n?|\u0085|\u2028|\u2029")
_ODD_SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")

_BLOCK_TAG = re.compile(
    r"</?(?:p|br|div|ul|ol|li|h[1-6]|hr|table|thead|tbody|tr|pre|blockquote|section|details|summary|dl|dd|dt)"
    r"(?:\s[^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_INLINE_TAG = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|code|span|sup|sub|small|big|font|img|tt|kbd|td|th|center|mark|del|ins|var|samp|cite|q"
    r"|abbr|nobr|wbr|label|svg|path|iframe|script|style|security-definitions|schemadefinition)(?:\s[^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--[^<>]{0,2000}-->")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,1000}(?:\s+\"[^\"()]{0,200}\")?\)")
_FENCE = re.compile(r"^[ ]{0,3}(?:```|~~~)[^\n`]{0,80}$", re.MULTILINE)
_HEADING = re.compile(r"^[ ]{0,3}#{1,6}[ ]+(.*?)[ #]*$", re.MULTILINE)
_RULE = re.compile(r"^[ ]{0,3}(?:[-=*_][ ]?){3,}$|^[|: -]*-{3}[|: -]*$", re.MULTILINE)
_STRONG = re.compile(r"(\*\*|__)(?=\S)([^*_\n]{1,300}?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,300}?)(?<=\S)\*(?![\w*])")
_SPACES = re.compile(r" {2,}")
_TRAILING = re.compile(r" +\n|\n +")
_BLANK_LINES = re.compile(r"\n{3,}")
_WHITE = re.compile(r"\s+")
_MARKUP = re.compile(r"[<&\[#*_`~]")

# A full stop ends a sentence when white space and something that does not continue it follow.
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\bincl)[.!?][)\"'`]?(?=\s+[^a-z\s]|\s*$)|\n\n")


def clean(text: str, limit: int) -> str:
    """Plain text on one or more lines: paragraphs and list lines kept, at most `limit` characters."""
    raw = _plain(text[: limit * _RAW_FACTOR + 200])
    raw = _SPACES.sub(" ", raw)
    raw = _TRAILING.sub("\n", raw)
    raw = _BLANK_LINES.sub("\n\n", raw).strip()
    return shorten(raw, limit)


def clean_line(text: str, limit: int) -> str:
    """Plain text on one line, at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable() and not _MARKUP.search(text):
        return text.strip() if "  " not in text else _SPACES.sub(" ", text).strip()
    raw = _plain(text[: limit * _RAW_FACTOR + 200])
    return shorten(_WHITE.sub(" ", raw).strip(), limit)


def visible(text: str) -> str:
    """The text without characters that cannot be seen or that change how others are shown; markup is kept."""
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_SEPARATORS.sub("\n", text)
    return _HIDDEN.sub("", _ODD_SPACES.sub(" ", text))


def _plain(text: str) -> str:
    text = visible(text)
    if "<" in text:
        text = _COMMENT.sub("", text)
        text = _INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", text))
    if "&" in text:
        import html  # noqa: PLC0415  with its table of entities

        text = visible(html.unescape(text))
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "```" in text or "~~~" in text:
        text = _FENCE.sub("", text)
    if "#" in text:
        text = _HEADING.sub(r"\1", text)
    if "**" in text or "__" in text:
        text = _STRONG.sub(r"\2", text)
    if "*" in text:
        text = _EMPHASIS.sub(r"\1", text)
    if "---" in text or "===" in text or "***" in text or "___" in text:
        text = _RULE.sub("", text)
    return text


def shorten(text: str, limit: int) -> str:
    """Cut at the end of a sentence where that keeps more than half, else at a word, with an ellipsis."""
    if len(text) <= limit:
        return text
    if limit < 2:
        return ""
    end = 0
    for match in _SENTENCE_END.finditer(text, 0, limit):
        if match.end() <= limit:
            end = match.end()
    if end > limit // 2:
        return text[:end].rstrip()
    head = text[: limit - 1]
    space = max(head.rfind(" "), head.rfind("\n"))
    if space > limit // 2:
        head = head[:space]
    return head.rstrip(" \n,;:.-(") + _CUT


def first_sentence(text: str) -> str:
    """Everything up to the end of the first sentence or paragraph."""
    match = _SENTENCE_END.search(text)
    return text if match is None else text[: match.end()].rstrip()


def describe(summary: str, description: str, limit: int) -> str:
    """One description out of a summary and a description: the summary is the first sentence unless it is repeated."""
    short = clean_line(summary, min(limit, 300))
    full = clean(description, limit)
    if not short or _same_words(full[: len(short) + 8], short):
        return full or short
    if not full:
        return short
    stop = "" if short[-1] in ".!?…:" else "."
    return shorten(f"{short}{stop}\n\n{full}", limit)


def _same_words(text: str, start: str) -> bool:
    def bare(value: str) -> str:
        return re.sub(r"\W+", "", value).lower()

    return bare(text).startswith(bare(start))
