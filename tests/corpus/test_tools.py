"""Every real document becomes tools that keep what the document says and break no client's rules."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

import jsonschema_rs
import msgspec
import pytest

from apifold.bootstrap.sources import load_path
from apifold.core.openapi.document import Document
from apifold.core.openapi.media import MediaKind, media_kind, selectable_media_types
from apifold.core.openapi.model import Node
from apifold.core.tools.compiler import Catalogue, CompileOptions, compile_tools
from apifold.core.tools.model import Profile, Role, Tool, ToolInput
from apifold.core.tools.naming import base_name
from apifold.core.tools.places import end_of
from apifold.core.values import JSON
from support.corpus import CORPUS, available, needs_corpus
from support.portable_rules import hidden, violations
from support.schema_paths import required_enums, source_paths, tool_enums, tool_paths

pytestmark = [pytest.mark.corpus, needs_corpus()]

TOOL_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,47}")
COVERAGE = 0.95
DEEPER = 5
STRIPE = "stripe-spec3-2022.json"
STRIPE_LIST_BYTES = 1_200_000


BROKEN = ("github-octokit.json",)
"""Not read at all; `test_documents` says why."""


def documents() -> list[str]:
    if not available():
        return []
    with (CORPUS / "index.csv").open(encoding="utf-8", newline="") as index:
        return [row["file"] for row in csv.DictReader(index) if row["file"] not in BROKEN]


def load(name: str) -> Document:
    return load_path(CORPUS / "specs" / name)


def inputs(catalogue: Catalogue) -> list[tuple[Tool, ToolInput]]:
    return [(tool, catalogue.input(tool)) for tool in catalogue.tools]


def described(tool: Tool) -> Iterator[tuple[str, list[Node]]]:
    """The source schemas of each argument. Texts, XML and bytes have no properties in a tool by design."""
    for argument in tool.arguments:
        if argument.parameter is not None:
            content = argument.parameter.content
            schema = argument.parameter.schema or (content.schema if content is not None else None)
            if schema is not None:
                yield argument.name, [schema]
        elif argument.role is Role.BODY and tool.operation.body is not None:
            structured = (MediaKind.JSON, MediaKind.JSON_LINES, MediaKind.FORM, MediaKind.MULTIPART)
            media_types = selectable_media_types(tool.operation.body)
            yield argument.name, [m.schema for m in media_types if m.schema is not None and media_kind(m) in structured]


def schema_of(built: ToolInput, name: str) -> JSON:
    properties = built.schema["properties"]
    assert isinstance(properties, dict)
    return properties[name]


@dataclass(frozen=True)
class Compiled:
    document: Document
    catalogue: Catalogue
    built: list[tuple[Tool, ToolInput]]


@pytest.fixture(scope="module", params=documents())
def compiled(request: pytest.FixtureRequest) -> Compiled:
    """One document at a time: all of them together would fill the memory."""
    document = load(request.param)
    catalogue = compile_tools(document)
    return Compiled(document, catalogue, inputs(catalogue))


def fingerprint(pair: tuple[Tool, ToolInput]) -> bytes:
    tool, built = pair
    return msgspec.json.encode(
        [tool.name, tool.title, tool.description, built.schema, built.diagnostics, str(built.renames)]
    )


def test_second_compilation_is_byte_identical(compiled: Compiled) -> None:
    again = inputs(compile_tools(compiled.document))
    assert list(map(fingerprint, again)) == list(map(fingerprint, compiled.built))


def test_names_are_legal_unique_and_independent_of_order_and_of_other_operations(compiled: Compiled) -> None:
    document, catalogue = compiled.document, compiled.catalogue
    names = {tool.key: tool.name for tool in catalogue.tools}
    assert len(names) == len(document.operations) == len(set(names.values()))
    assert [name for name in names.values() if not TOOL_NAME.fullmatch(name)] == []
    assert [
        tool.name for tool in catalogue.tools if hidden(tool.description + tool.title) or not tool.description
    ] == []
    assert max((len(tool.description) for tool in catalogue.tools), default=0) <= 1_024

    reordered = msgspec.structs.replace(document, operations=document.operations[::-1])
    assert {tool.key: tool.name for tool in compile_tools(reordered).tools} == names

    wanted = [base_name(operation) for operation in document.operations]
    fewer = msgspec.structs.replace(document, operations=document.operations[::2])
    for tool in compile_tools(fewer).tools:
        if wanted.count(base_name(tool.operation)) == 1:
            assert tool.name == names[tool.key]


def test_texts_are_there_bounded_and_visible(compiled: Compiled) -> None:
    tools = compiled.catalogue.tools
    assert [tool.name for tool in tools if not tool.description or not tool.title] == []
    assert [tool.name for tool in tools if hidden(tool.description + tool.title)] == []
    assert max((len(tool.description) for tool in tools), default=0) <= 1_024


def test_schemas_are_valid_and_keep_the_rules_of_strict_clients(compiled: Compiled) -> None:
    for tool, one in compiled.built:
        assert (tool.key, violations(one.schema)) == (tool.key, [])
        jsonschema_rs.Draft202012Validator(one.schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())


def test_property_paths_stand_in_the_tools_and_required_ones_are_never_cut(compiled: Compiled) -> None:
    document = compiled.document
    wanted = present = 0
    for tool, one in compiled.built:
        for name, nodes in described(tool):
            source = set().union(*(source_paths(node, document.resolver) for node in nodes))
            found = tool_paths(schema_of(one, name), one.renames.get(name))
            wanted += len(source)
            present += len(source & found)
            for node in nodes if len(nodes) == 1 else []:
                check_required(document, tool, one, name, node)
    print(f"{present:,} of {wanted:,} property paths")  # noqa: T201 -- the figure is the point of the test
    assert present >= COVERAGE * wanted


def check_required(document: Document, tool: Tool, built: ToolInput, name: str, node: Node) -> None:
    """Required names and their enums are never cut, whatever the size."""
    there, required = tool_enums(schema_of(built, name), built.renames.get(name))
    for path, values in required_enums(node, document.resolver).items():
        assert path in there, (tool.key, path)
        assert path in required, (tool.key, path)
        assert values <= there[path], (tool.key, path)


def test_what_is_cut_has_a_diagnostic_and_nothing_else_is_missing(compiled: Compiled) -> None:
    document = compiled.document
    for tool, one in compiled.built:
        text = msgspec.json.encode(one.schema).decode()
        codes = {diagnostic.code for diagnostic in one.diagnostics}
        assert "(details left out)" not in text or "schema.cut" in codes, tool.key
        assert "(recursive: " not in text or "schema.recursive" in codes, tool.key
        if codes & {"schema.cut", "schema.recursive", "schema.conflict", "schema.repaired"}:
            continue
        for name, nodes in described(tool):
            source = set().union(*(source_paths(node, document.resolver, depth=DEEPER) for node in nodes))
            found = tool_paths(schema_of(one, name), one.renames.get(name), depth=DEEPER)
            assert source <= found, (tool.key, name, sorted(source - found)[:5])


def faithful_sample(document: Document) -> Catalogue:
    """Of very large documents every seventh operation: this profile writes all definitions into each tool."""
    if len(document.operations) > 450:
        document = msgspec.structs.replace(document, operations=document.operations[::7])
    return compile_tools(document, CompileOptions(profile=Profile.FAITHFUL))


def test_faithful_schemas_are_valid_and_keep_the_names(compiled: Compiled) -> None:
    for tool, built in inputs(faithful_sample(compiled.document)):
        jsonschema_rs.Draft202012Validator(built.schema, offline=True)
        assert built.renames == {}
        assert [a.wire_name for a in tool.arguments if a.parameter and not a.name.startswith(a.wire_name)] == []


UNTYPED = {"GET /burgers/{burgerId}": "an object by its properties alone; the example is text, which no `type` forbids"}


def test_examples_that_fit_the_document_fit_the_portable_schema(compiled: Compiled) -> None:
    """What is shown may be less than the document, but is never stricter: its own examples tell."""
    for strict in faithful_sample(compiled.document).tools:
        tool = compiled.catalogue.by_key(strict.key)
        assert tool is not None
        given = list(examples(tool, compiled.document))
        if not given or tool.key in UNTYPED:
            continue
        portable, faithful = compiled.catalogue.input(tool), faithful_input(compiled.document, strict)
        names = dict(zip([a.name for a in tool.arguments], [a.name for a in strict.arguments], strict=True))
        for name, example in given:
            if name not in portable.renames and fits(faithful, names[name], example):
                assert fits(portable, name, example), (tool.key, name)


def faithful_input(document: Document, tool: Tool) -> ToolInput:
    alone = msgspec.structs.replace(document, operations=(tool.operation,))
    catalogue = compile_tools(alone, CompileOptions(profile=Profile.FAITHFUL))
    return catalogue.input(catalogue.tools[0])


def examples(tool: Tool, document: Document) -> Iterator[tuple[str, JSON]]:
    for argument in tool.arguments:
        node = argument.parameter.example if argument.parameter is not None else None
        if argument.role is Role.BODY and tool.operation.body is not None:
            node = tool.operation.body.content[0].example
        if node is not None:
            yield argument.name, node.value
    for name, nodes in described(tool):
        for value in (end_of(node, document.resolver) for node in nodes):
            if isinstance(value, dict) and "example" in value:
                yield name, value["example"]


def fits(built: ToolInput, name: str, example: JSON) -> bool:
    schema = schema_of(built, name)
    assert isinstance(schema, dict)
    whole = {**schema, "$defs": built.schema.get("$defs", {})}
    try:
        return jsonschema_rs.Draft202012Validator(whole, offline=True, validate_formats=False).is_valid(example)
    except ValueError:
        return False


def test_the_list_of_a_large_document_stays_small() -> None:
    catalogue = compile_tools(load(STRIPE))
    size = sum(
        len(msgspec.json.encode([tool.name, tool.title, tool.description, tool.annotations, built.schema])) + 100
        for tool, built in inputs(catalogue)
    )
    print(f"{len(catalogue):,} tools, {size:,} bytes")  # noqa: T201 -- the figure is the point of the test
    assert size <= STRIPE_LIST_BYTES
