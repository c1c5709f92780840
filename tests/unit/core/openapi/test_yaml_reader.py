"""YAML 1.2 as its core schema says, and as documents out there are written."""

import pytest

from apifold.core.limits import DOCUMENT
from apifold.core.openapi.decode import decode
from apifold.core.openapi.yaml_reader import plain, read_yaml
from apifold.core.values import JSON


def read(text: str) -> JSON:
    return read_yaml(text.encode(), limits=DOCUMENT).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("0", 0),
        ("-17", -17),
        ("+3", 3),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-02-30", "2024-02-30"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("-", "-"),
        ("+", "+"),
        ("0x", "0x"),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("1e999", "1e999"),
        ("٣", "٣"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalar_means_what_the_core_schema_says(text: str, value: JSON) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_quoted_scalars_stay_text() -> None:
    assert read("""["1", 'true', "null"]""") == ["1", "true", "null"]
    assert read("a: |-\n  5\nb: >-\n  true\n") == {"a": "5", "b": "true"}


def test_keys_are_the_text_they_are_written_as() -> None:
    assert read("200: a\non: b\ntrue: c\n~: d\n1.50: e\n'x': f\n? g\n: h\n") == {
        "200": "a",
        "on": "b",
        "true": "c",
        "~": "d",
        "1.50": "e",
        "x": "f",
        "g": "h",
    }


def test_tags_of_the_core_schema_are_obeyed_and_construct_nothing() -> None:
    assert read("[!!str 1, !!int '3', !!float '1.5', !!bool 'true', !!null '', !!binary aGk=, ! 5]") == [
        "1",
        3,
        1.5,
        True,
        None,
        "aGk=",
        "5",
    ]
    assert read("!!python/object/apply:os.system [ls]") == ["ls"]


def test_anchored_values_are_shared() -> None:
    value = read("a: &x [1, {b: 2}]\nc: *x\nd: &k key\n*k : 5\n")
    assert value == {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": "key", "key": 5}
    assert isinstance(value, dict)
    assert value["a"] is value["c"]


def test_anchor_may_be_defined_again_and_ends_with_its_document() -> None:
    assert read("[&x 1, *x, &x 2, *x]") == [1, 1, 2, 2]
    assert read("---\n---\na: 1") == {"a": 1}


def test_merge_keys_bring_what_the_object_does_not_say() -> None:
    text = """
base: &base {a: 1, b: 1}
more: &more {b: 2, c: 2}
one: {<<: *base, b: 0}
several: {<<: [*base, *more], d: 3}
later: {b: 9, <<: *more}
inline: {<<: {x: 1}}
quoted: {"<<": 1}
nothing: {<<: text}
"""
    value = read(text)
    assert isinstance(value, dict)
    assert {key: value[key] for key in ("one", "several", "later", "inline", "quoted", "nothing")} == {
        "one": {"a": 1, "b": 0},
        "several": {"a": 1, "b": 1, "c": 2, "d": 3},
        "later": {"b": 9, "c": 2},
        "inline": {"x": 1},
        "quoted": {"<<": 1},
        "nothing": {},
    }


def test_indentation_that_only_libyaml_accepts_is_accepted() -> None:
    assert read('a: {\n"b": [\n1,\n2\n]\n}\n') == {"a": {"b": [1, 2]}}


def test_characters_written_as_json_escapes_in_pairs_are_read() -> None:
    assert decode(b'a: "\\ud83d\\ude00 and \\ud800"') == {"a": "😀 and \ufffd"}


def test_remarks_say_the_line_and_are_bounded() -> None:
    found = read_yaml(b"a: 1\nb: 2\na: 3\n", limits=DOCUMENT).remarks
    assert [(remark.code, remark.line) for remark in found] == [("duplicate_key", 3)]
    assert len(read_yaml(b"a: 1\n" * 500, limits=DOCUMENT).remarks) == 50
