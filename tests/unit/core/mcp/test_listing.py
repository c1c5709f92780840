"""Lists fitted to a revision and cut into pages."""

import base64
import json
from typing import Any

import pytest
from mcp_types.methods import validate_server_result

from apifold.core.mcp.handler import Kind
from apifold.core.mcp.listing import Pages, build_pages, fit_item
from apifold.core.mcp.revisions import (
    REVISIONS,
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
    Revision,
)
from apifold.core.mcp.server import Listing
from apifold.core.values import JSONObject

TOOL: JSONObject = {
    "name": "getPet",
    "title": "Get a pet",
    "description": "Gets one.",
    "inputSchema": {"type": "object", "properties": {}},
    "outputSchema": {"type": "object"},
    "annotations": {"title": "Get a pet", "readOnlyHint": True},
    "icons": [{"src": "https://example.test/i.png"}],
    "_meta": {"a.b/c": 1},
    "x-own": "never shown",
}


@pytest.mark.parametrize(
    ("revision", "fields"),
    [
        (V2024_11_05, "name description inputSchema"),
        (V2025_03_26, "name description inputSchema annotations"),
        (V2025_06_18, "name title description inputSchema outputSchema annotations _meta"),
        (V2025_11_25, "name title description inputSchema outputSchema annotations _meta icons"),
        (V2026_07_28, "name title description inputSchema outputSchema annotations _meta icons"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_tool_shows_the_fields_that_the_revision_has(revision: Revision, fields: str) -> None:
    assert list(fit_item(TOOL, Kind.TOOLS, revision)) == fields.split()


@pytest.mark.parametrize(
    ("schema", "legacy", "modern"),
    [
        ({"type": "object"}, True, True),
        ({"type": "array"}, False, True),
        ({"anyOf": [{"type": "object"}]}, False, True),
        ({"type": ["object", "null"]}, False, True),
        (True, False, True),
    ],
)
def test_an_output_schema_that_older_clients_reject_is_kept_from_them(schema: Any, legacy: bool, modern: bool) -> None:
    tool = {**TOOL, "outputSchema": schema}
    shown = [
        "outputSchema" in fit_item(tool, Kind.TOOLS, revision) for revision in (V2025_06_18, V2025_11_25, V2026_07_28)
    ]
    assert shown == [legacy, legacy, modern]


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda r: r.name)
def test_prompts_resources_and_templates_are_fitted(revision: Revision) -> None:
    new = revision in (V2025_06_18, V2025_11_25, V2026_07_28)
    icons = revision in (V2025_11_25, V2026_07_28)
    every: JSONObject = {"title": "T", "icons": [], "description": "d"}
    argument: JSONObject = {"name": "a", "title": "A", "required": True, "x": 1}
    prompt = fit_item({"name": "p", "arguments": [argument], **every}, Kind.PROMPTS, revision)
    assert ("title" in prompt, "icons" in prompt) == (new, icons)
    assert prompt["arguments"] == [{"name": "a", "required": True, **({"title": "A"} if new else {})}]
    resource = fit_item({"uri": "a://b", "name": "r", **every}, Kind.RESOURCES, revision)
    assert ("title" in resource, "icons" in resource) == (new, icons)
    template = fit_item({"uriTemplate": "a://{b}", "name": "t", **every}, Kind.TEMPLATES, revision)
    assert ("title" in template, "icons" in template) == (new, icons)


def tools(count: int) -> Listing:
    return Listing(7, tuple({"name": f"tool_{i}", "inputSchema": {"type": "object"}} for i in range(count)))


MODERN_TAIL = b',"ttlMs":0,"cacheScope":"private","resultType":"complete"'


def walk(pages: Pages) -> list[list[str]]:
    found, cursor = [], ""
    while True:
        page = pages.find(cursor)
        assert page is not None
        said = json.loads(page)
        validate_server_result("tools/list", "2026-07-28", said)
        found.append([tool["name"] for tool in said["tools"]])
        if "nextCursor" not in said:
            return found
        cursor = said["nextCursor"]


@pytest.mark.parametrize(
    ("count", "page_bytes", "sizes"), [(0, 100, [0]), (1, 1, [1]), (5, 120, [2, 2, 1]), (5, 10**6, [5])]
)
def test_pages_hold_every_item_once_and_in_order(count: int, page_bytes: int, sizes: list[int]) -> None:
    pages = build_pages(tools(count), Kind.TOOLS, V2026_07_28, MODERN_TAIL, page_bytes=page_bytes)
    found = walk(pages)
    assert [len(page) for page in found] == sizes
    assert [name for page in found for name in page] == [f"tool_{i}" for i in range(count)]


def test_an_item_larger_than_a_page_has_one_to_itself() -> None:
    large: JSONObject = {"name": "large", "description": "x" * 500, "inputSchema": {"type": "object"}}
    listing = Listing(1, (*tools(1).items, large, *tools(1).items))
    assert [len(page) for page in walk(build_pages(listing, Kind.TOOLS, V2026_07_28, MODERN_TAIL, page_bytes=100))] == [
        1
    ] * 3


def text(raw: str) -> str:
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "-1",
        text("7.1"),
        text("6.2"),
        text("7.-2"),
        text("7.2") + "=",
        text("7.2") + "!",
        text("7."),
        "A" * 9999,
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    pages = build_pages(tools(5), Kind.TOOLS, V2026_07_28, MODERN_TAIL, page_bytes=120)
    assert pages.find(text("7.2")) is not None
    assert pages.find(cursor) is None


def test_the_empty_cursor_is_the_first_page() -> None:
    pages = build_pages(tools(5), Kind.TOOLS, V2026_07_28, MODERN_TAIL, page_bytes=120)
    assert pages.find("") == pages.by_start[0]
