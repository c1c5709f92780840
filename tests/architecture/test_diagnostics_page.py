"""`docs/diagnostics.md` names every code that a document can be given, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "diagnostics.md").read_text()

FAMILIES = (
    "argument", "body", "callback", "content", "decode", "document", "encoding", "name", "operation", "parameter", "path",
    "paths", "reference", "responses", "schema", "security", "selection", "server", "tag", "webhook",
)  # fmt: skip
CODE = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z_0-9]+")
MODULES = (
    *ROOT.glob("src/apifold/core/openapi/*.py"),
    *ROOT.glob("src/apifold/core/tools/*.py"),
    *ROOT.glob("src/apifold/bootstrap/*.py"),
)
DECODING_REMARKS = {"more_documents", "tag_ignored", "complex_key", "duplicate_key"}
"""The YAML reader gives the last word of a code only."""


def texts() -> Iterator[str]:
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_code_is_explained_and_no_other() -> None:
    given = {text for text in texts() if CODE.fullmatch(text)}
    remarks = {f"decode.{text}" for text in texts() if text in DECODING_REMARKS}
    assert len(remarks) == len(DECODING_REMARKS)
    explained = {code for code in re.findall(r"`([a-z_.0-9]+)`", PAGE) if CODE.fullmatch(code)}
    assert explained == given | remarks
