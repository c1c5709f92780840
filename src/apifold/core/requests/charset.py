"""From bytes to text: which character encoding an upstream body is in, declared or not. Never fails."""

import codecs
import re

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_FOR_BODIES = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})
"""Python codecs that are no character encodings of documents, slow on hostile input, or able to yield surrogates."""
_WESTERN = frozenset({"ascii", "iso8859-1", "cp1252"})
"""What the WHATWG Encoding Standard reads as windows-1252."""
_HEAD = 1024
_XML_DECLARATION = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)


def decode(body: bytes, declared: str = "") -> str:
    """`body` as text. A byte order mark wins, then `declared` (the media type's charset), then what an XML or HTML head
    says, then UTF-8 when the bytes are that, then windows-1252. What cannot be decoded becomes U+FFFD.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    encoding = _known(declared) or _known(_named_inside(body[:_HEAD]))
    if encoding and encoding not in {"utf-8", *_WESTERN}:
        return body.decode(encoding, "replace")
    if encoding not in {"iso8859-1", "cp1252"}:
        try:
            return body.decode()
        except UnicodeDecodeError:
            if encoding == "utf-8":
                return body.decode("utf-8", "replace")
    return body.decode("cp1252", "replace")


def _named_inside(head: bytes) -> str:
    found = _XML_DECLARATION.search(head) or _META.search(head)
    name = found.group(1).decode() if found else ""
    # A head that could be read as ASCII is not in UTF-16, whatever it says (HTML 13.2.3.2).
    return "utf-8" if name.lower().startswith("utf-16") else name


def _known(name: str) -> str:
    """The codec's own name, or an empty string for one that is unknown or unfit."""
    if not name:
        return ""
    try:
        found = codecs.lookup(name)
        b"a".decode(name, "replace")
    except (LookupError, ValueError):  # also codecs that are not about text, and names with a NUL
        return ""
    return "" if found.name.replace("_", "-") in _NOT_FOR_BODIES else found.name
