"""The commands as a person and a program use them: what is printed where, and with which exit code."""

import base64
import io
import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apifold.cli.arguments import COMMANDS
from apifold.cli.main import main
from apifold.demo.app import SHOP_KEY
from apifold.demo.wire import Request, Response
from support.demo import running, send
from support.processes import APIFOLD, clean_environment, run, started

pytestmark = pytest.mark.wire

DEMO = Path(__file__).resolve().parents[2] / "src" / "apifold" / "demo" / "openapi.json"

SPEC: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "2"},
    "servers": [{"url": "https://shop.example/v1"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "paths": {
        "/items/{id}": {
            "get": {
                "operationId": "getItem",
                "summary": "Get one item",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                    {"name": "$select", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                ],
                "responses": {"200": {"description": "fine"}},
            },
            "put": {
                "operationId": "putItem",
                "security": [{"key": []}],
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"200": {"description": "fine"}},
            },
            "delete": {"operationId": "oldDelete", "deprecated": True, "responses": {}},
        },
        "/broken": {
            "post": {
                "operationId": "broken",
                "requestBody": {"$ref": "#/components/requestBodies/Nowhere"},
                "responses": {},
            }
        },
    },
}


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def apifold(*arguments: str, environment: Mapping[str, str] | None = None) -> Done:
    out, err = io.StringIO(), io.StringIO()
    code = main(arguments, out, err, environment or {})
    assert "Traceback" not in err.getvalue()
    return Done(code, out.getvalue(), err.getvalue())


def file(folder: Path, value: object, name: str = "openapi.json") -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return file(tmp_path, SPEC)


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with running() as url:
        yield f"{url}/openapi.json"


# --- tools ------------------------------------------------------------------------------------------------------------


def test_tools_as_json_are_an_array_with_all_that_a_program_needs(spec: str) -> None:
    done = apifold("tools", spec, "--format", "json")
    assert (done.code, done.err) == (0, "")
    item, put, old = done.json  # the whole catalogue: what is deprecated too
    assert item == {
        "name": "getItem",
        "method": "GET",
        "path": "/items/{id}",
        "operationId": "getItem",
        "title": "Get one item",
        "description": "Get one item",
        "inputSchema": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "select": {"type": "array", "items": {"type": "string"}}},
            "required": ["id"],
            "additionalProperties": False,
        },
        "annotations": {
            "title": "Get one item",
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": True,
        },
        "arguments": {"id": {"in": "path", "name": "id"}, "select": {"in": "query", "name": "$select"}},
    }
    assert (put["name"], old["name"]) == ("putItem", "oldDelete")
    assert put["arguments"] == {"id": {"in": "path", "name": "id"}, "body": {"in": "body", "name": "body"}}
    assert put["annotations"] == {
        "title": "Put item",
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": True,
        "openWorldHint": True,
    }


def test_operation_without_an_id_has_none_in_the_list(tmp_path: Path) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {}}}}
    (tool,) = apifold("tools", file(tmp_path, document), "--format", "json").json
    assert (tool["name"], tool["operationId"]) == ("get_a", None)


def test_tools_for_people_are_a_table_and_a_count(spec: str) -> None:
    done = apifold("tools", spec)
    assert done.out.splitlines()[:2] == [
        "TOOL       METHOD  PATH         WHAT IT DOES",
        "getItem    GET     /items/{id}  Get one item",
    ]
    assert done.out.splitlines()[-1] == "3 tools; 1 operation left out: `apifold validate` says why"


def test_selection_leaves_what_serve_would_offer(spec: str) -> None:
    assert [tool["name"] for tool in apifold("tools", spec, "--read-only", "--format", "json").json] == ["getItem"]
    assert apifold("tools", spec, "--method", "put").out.splitlines()[-1].startswith("1 of 3 tools")


def test_selector_that_matches_nothing_is_a_warning(spec: str) -> None:
    done = apifold("tools", spec, "--tag", "no-such-tag", "--format", "json")
    assert (done.code, done.json) == (0, [])
    assert done.err.startswith("warning: No tool matches the tag 'no-such-tag'.")


def test_configuration_file_says_what_the_command_line_does_not(tmp_path: Path) -> None:
    file(tmp_path, SPEC)
    config = file(tmp_path, "spec: openapi.json\nselect: {methods: [put]}\n", "apifold.yaml")
    assert [tool["name"] for tool in apifold("tools", "--config", config, "--format", "json").json] == ["putItem"]
    by_variable = apifold("tools", "--format", "json", environment={"APIFOLD_CONFIG": config})
    assert [tool["name"] for tool in by_variable.json] == ["putItem"]
    over = apifold("tools", "--config", config, "--method", "get", "--format", "json")
    assert [tool["name"] for tool in over.json] == ["getItem"]


# --- validate ---------------------------------------------------------------------------------------------------------


def test_validate_grades_each_operation_and_fails_when_one_is_missing(spec: str) -> None:
    done = apifold("validate", spec, "--format", "json")
    assert (done.code, done.err) == (1, "")
    grades = {graded["operation"]: (graded["tool"], graded["grade"]) for graded in done.json["operations"]}
    assert grades == {
        "GET /items/{id}": ("getItem", "callable with a rewrite"),
        "PUT /items/{id}": ("putItem", "callable"),
        "DELETE /items/{id}": ("oldDelete", "callable with a rewrite"),
        "POST /broken": (None, "left out"),
    }
    assert done.json["document"] == {"title": "Shop", "version": "2", "dialect": "3.1", "operations": 4}
    assert done.json["summary"]["leftOut"] == 1
    (error,) = (found for found in done.json["diagnostics"] if found["severity"] == "error")
    assert (error["operation"], error["code"]) == ("POST /broken", "reference.unresolved")
    assert error["pointer"].startswith("/paths/~1broken/post")
    assert error["message"]
    assert error["advice"]


def test_validate_for_people_shows_severity_place_advice_and_grades(spec: str) -> None:
    done = apifold("validate", spec)
    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  at /paths/~1broken/post")
    assert lines[2].startswith("  ")
    assert any(line.startswith("left out") and "POST /broken" in line for line in lines)
    assert lines[-1] == "Shop 2 (OpenAPI 3.1): 1 callable, 2 with a rewrite, 1 left out; 1 error and 1 warning"


def test_validate_says_once_what_is_wrong_in_many_places(tmp_path: Path) -> None:
    """A slip that a generator repeats is one problem; only `--all` goes through all of it."""
    paths: dict[str, object] = {f"/a{number}/{{id}}": {"get": {"responses": {}}} for number in range(70)}
    path = file(tmp_path, {"openapi": "3.1.0", "info": {"title": "Many", "version": "1"}, "paths": paths})
    lines = apifold("validate", path).out.splitlines()
    assert lines[:3] == [
        "warning: the placeholder {id} has no parameter; one that takes any text is made",
        "  at /paths/~1a0~1{id}/get and 69 other places  [parameter.undeclared]",
        "  Declare it under 'parameters' with in: path.",
    ]
    assert lines[-4:] == [
        lines[-4],
        "… and 50 rewritten; --all lists them",
        "",
        "Many 1 (OpenAPI 3.1): 0 callable, 70 with a rewrite; 70 warnings",
    ]
    assert sum(line.startswith("rewritten  GET /a") for line in lines) == 20
    everything = apifold("validate", path, "--all").out.splitlines()
    assert sum(line.startswith("warning: ") for line in everything) == 70
    assert sum(line.startswith("rewritten  GET /a") for line in everything) == 70


def test_validate_shows_a_few_of_many_different_problems_of_a_kind(tmp_path: Path) -> None:
    paths: dict[str, object] = {f"/a/{{id{number}}}": {"get": {"responses": {}}} for number in range(9)}
    path = file(tmp_path, {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})
    out = apifold("validate", path).out
    assert out.count("warning: ") == 3
    assert "… and 6 more of this kind [parameter.undeclared]; --all shows them\n" in out


def test_validate_lists_what_is_left_out_before_what_is_rewritten(spec: str) -> None:
    table = [line.partition("  ")[0] for line in apifold("validate", spec).out.splitlines()]
    grades = [word for word in table if word in {"left out", "rewritten", "callable"}]
    assert grades == ["left out", "rewritten", "rewritten", "callable"]


def test_validate_of_a_document_without_operations_shows_no_empty_table(tmp_path: Path) -> None:
    done = apifold("validate", file(tmp_path, {"swagger": "2.0", "paths": {}}))
    assert (done.code, "GRADE" in done.out) == (0, False)
    assert done.out.splitlines()[-1] == "This document (Swagger 2.0): 0 callable, 0 with a rewrite; 1 warning"


def test_validate_is_content_with_a_good_document() -> None:
    done = apifold("validate", str(DEMO))
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith("nothing to repair")


def test_validate_strictly_fails_on_warnings_too(tmp_path: Path) -> None:
    undeclared = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a/{id}": {"get": {"responses": {}}}},
    }
    path = file(tmp_path, undeclared)
    assert apifold("validate", path).code == 0
    assert apifold("validate", path, "--strict").code == 1


# --- call -------------------------------------------------------------------------------------------------------------


def test_dry_run_as_json_is_the_request_that_would_be_sent(spec: str) -> None:
    arguments = json.dumps({"id": 7, "body": {"a": None}})
    done = apifold("call", spec, "PUT /items/{id}", "--args", arguments, "--dry-run", "--format", "json")
    assert (done.code, done.json) == (
        0,
        {
            "method": "PUT",
            "url": "https://shop.example/v1/items/7",
            "headers": [
                ["Accept", "*/*"],
                ["Accept-Encoding", "gzip, br, zstd"],
                ["User-Agent", "APIFold"],
                ["Content-Type", "application/json"],
            ],
            "body": {"kind": "json", "base64": base64.b64encode(b'{"a":null}').decode()},
        },
    )
    assert done.err.startswith("warning: the call would need key")


@pytest.mark.parametrize(
    ("media_type", "schema", "body", "kind"),
    [
        ("application/json", {"type": "array"}, [1], "json"),
        ("application/x-www-form-urlencoded", {"type": "object"}, {"a": "b"}, "form"),
        ("multipart/form-data", {"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "b"}, "multipart"),
        ("text/plain", {"type": "string"}, "hello", "text"),
        ("application/octet-stream", {}, "aGVsbG8=", "bytes"),
    ],
)
def test_dry_run_says_of_what_kind_a_body_is(
    tmp_path: Path, media_type: str, schema: object, body: object, kind: str
) -> None:
    operation = {"requestBody": {"content": {media_type: {"schema": schema}}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": operation}}}
    line = ("call", file(tmp_path, document), "POST /a", "--args", json.dumps({"body": body}), "--dry-run")
    done = apifold(*line, "--format", "json")
    assert (done.code, done.json["url"], done.json["body"]["kind"]) == (0, "/a", kind)
    assert b"hello" in base64.b64decode(done.json["body"]["base64"]) or kind not in {"text", "bytes"}
    shown = apifold(*line).out
    assert ("bytes of" in shown) == (kind in {"multipart", "bytes"})


def test_dry_run_needs_neither_credentials_nor_an_absolute_server(tmp_path: Path) -> None:
    relative = file(tmp_path, {**SPEC, "servers": [{"url": "/v1"}]})
    done = apifold("call", relative, "getItem", "--args", '{"id": 1}', "--dry-run", "--format", "json")
    assert (done.code, done.json["url"], done.json["body"]) == (0, "/v1/items/1", {"kind": "none", "base64": ""})


def test_dry_run_masks_secrets_unless_told_to_show_them(spec: str) -> None:
    line = ["call", spec, "putItem", "--args", '{"id": 1, "body": {}}', "--dry-run", "--auth", "key=env:K"]
    masked = apifold(*line, environment={"K": "s3cret-value"})
    assert "X-Key: ***" in masked.out
    assert "s3cret-value" not in masked.out + masked.err
    assert "X-Key: s3cret-value" in apifold(*line, "--show-secrets", environment={"K": "s3cret-value"}).out


def test_dry_run_does_without_credentials_that_are_named_and_not_there(spec: str) -> None:
    line = ["call", spec, "putItem", "--args", '{"id": 1, "body": {}}', "--dry-run", "--format", "json"]
    done = apifold(*line, "--auth", "key=env:NOWHERE")
    assert (done.code, "X-Key" in done.out) == (0, False)
    assert done.err.splitlines() == [
        "warning: The environment variable NOWHERE, which --auth key names, is not set.",
        "warning: the call would need key (API key in header X-Key): --auth key=env:KEY",
    ]
    assert apifold(*(word for word in line if word != "--dry-run"), "--auth", "key=env:NOWHERE").code == 2


def test_dry_run_opens_no_connection(spec: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        url = f"http://127.0.0.1:{canary.getsockname()[1]}"
        assert apifold("call", spec, "getItem", "--args", '{"id": 1}', "--base-url", url, "--dry-run").code == 0
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_call_prints_the_answer(shop: str) -> None:
    done = apifold("call", shop, "getBook", "--args", '{"bookId": 1}')
    assert (done.code, done.err, done.json["title"]) == (0, "", "The Left Hand of Darkness")


def test_call_shows_a_person_json_in_lines_and_a_program_what_the_api_sent(shop: str) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    line, screen = ["call", shop, "getBook", "--args", '{"bookId": 1}'], Screen()
    assert main(line, screen, io.StringIO(), {}) == 0
    assert screen.getvalue().splitlines()[:3] == ["{", '  "id": 1,', '  "title": "The Left Hand of Darkness",']
    assert apifold(*line).out.startswith('{"id": 1, "title": "The Left Hand of Darkness", ')


def test_call_by_method_and_path_as_json_is_the_result_of_a_tool(shop: str) -> None:
    done = apifold("call", shop, "get /books/{bookId}", "--args", '{"bookId": 3}', "--format", "json")
    assert (done.code, done.json["isError"], done.json["structuredContent"]["title"]) == (0, False, "Frankenstein")
    assert json.loads(done.json["content"][0]["text"]) == done.json["structuredContent"]


def test_numbers_of_an_answer_stay_as_they_were_sent() -> None:
    body = b'{"n": 1e400, "m": 1.00, "big": 123456789012345678901234567890}'

    async def numbers(_: Request) -> Response:
        return Response(200, body, "application/json")

    with running(numbers) as url:
        line = ("call", str(DEMO), "getBook", "--args", '{"bookId": 1}', "--base-url", url)
        assert apifold(*line).out == body.decode() + "\n"
        shown = apifold(*line, "--format", "json").out
    assert re.search(r'"structuredContent": \{\s+"n": 1e400,\s+"m": 1\.00,\s+"big": 1234567890123', shown)


def test_call_that_the_api_refuses_fails_and_says_what_the_api_said(shop: str) -> None:
    done = apifold("call", shop, "getBook", "--args", '{"bookId": 99}')
    assert done.code == 1
    assert "404" in done.out
    assert "there is no book 99" in done.out


def test_call_uses_the_credential_of_the_document(shop: str) -> None:
    line = ["call", shop, "restock", "--args", '{"bookId": 2, "body": {"copies": 4}}']
    refused = apifold(*line)
    assert refused.code == 1
    assert "--auth shopKey=env:" in refused.out
    done = apifold(*line, "--auth", "shopKey=env:KEY", environment={"KEY": SHOP_KEY})
    assert (done.code, done.json["stock"]) == (0, 4)


def test_call_shows_what_a_picture_is(shop: str) -> None:
    assert apifold("call", shop, "getCover", "--args", '{"bookId": 1}').out.startswith("(image/png, ")


def test_arguments_may_come_from_a_file_or_standard_input(shop: str, tmp_path: Path) -> None:
    path = file(tmp_path, {"bookId": 1}, "arguments.json")
    assert apifold("call", shop, "getBook", "--args", f"@{path}").json["id"] == 1
    assert json.loads(run("call", shop, "getBook", "--args", "-", stdin='{"bookId": 4}').stdout)["id"] == 4


def test_arguments_that_are_no_text_are_a_mistake_like_any_other(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "arguments.json"
    path.write_bytes(b'{"id": "\xff"}')
    done = apifold("call", spec, "getItem", "--args", f"@{path}")
    assert (done.code, done.err.splitlines()[0].startswith(f"error: {path} is not JSON: ")) == (2, True)


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "error", "hint"),
    [
        (["srve", "x"], 2, "there is no command 'srve'", "did you mean `apifold serve`?"),
        (["help-me"], 2, "there is no command 'help-me'", "there are serve, tools, call"),
        (["--format", "json"], 2, "--format is no command", "options stand behind it"),
        (["tools", "SPEC", "--frmat", "json"], 2, "there is no option --frmat", "did you mean --format?"),
        (["tools", "SPEC", "--colour=red"], 2, "there is no option --colour", "`apifold tools --help`"),
        (["tools", "SPEC", "more"], 2, "'more' is one word too many", "`apifold tools --help`"),
        (["tools", "SPEC", "--format", "xml"], 2, "invalid choice: 'xml'", "`apifold tools --help`"),
        (["serve", "SPEC", "--auth"], 2, "--auth: expected one argument", "`apifold serve --help`"),
        (["serve", "SPEC", "--auth", "kye=x"], 2, "no security scheme 'kye'. It has: key.", "--auth key="),
        (["serve", "SPEC", "--base-url", "shop.example"], 2, "shop.example is no http(s) URL", "https://shop.example"),
        (["serve", "SPEC", "--timeout", "nan"], 2, "nan seconds is out of range", "more than 0"),
        (["serve", "SPEC", "--allow-upstream", "x"], 2, "'x' is neither a network", "127.0.0.1"),
        (["serve", "SPEC", "--allow-origin", "x.example"], 2, "x.example is no origin", "https://"),
        (["demo", "--port", "9000"], 2, "--port is where MCP clients connect", "--api-port"),
        (
            ["call", "RELATIVE", "getItem", "--args", '{"id": 1}'],
            1,
            "does not say on which host /v1",
            "Name it with --base",
        ),
        (["call", "SPEC"], 2, "required: TOOL", "`apifold call --help`"),
        (["call", "SPEC", "GET /items/7"], 1, "'GET /items/7'", "did you mean 'GET /items/{id}'?"),
        (["call", "SPEC", "no such thing"], 1, "'no such thing'", "`apifold tools "),
        (["call", "SPEC", "getItem", "--args", '{"id": NaN}'], 2, "--args is not JSON: NaN", "--args"),
        (["call", "SPEC", "getItem", "--args", '{"id": 1e400}'], 2, "1e400 is too large for a number", "--args"),
        (["call", "-", "getItem", "--args", "-"], 2, "cannot both be standard input", "--args @FILE"),
        (["serve", "SPEC", "--port", "99999"], 2, "'99999' is not a port", "apifold serve --help"),
        (["serve"], 2, "No document was given", "SPEC"),
        (["tools"], 2, "No document was given", "SPEC"),
        (["serve", "SPEC", "--host", "0.0.0.0"], 2, "On 0.0.0.0 anybody", "--token"),
        (["serve", "SPEC", "--auth", "nobody=env:X"], 2, "X", "X"),
        (["tools", "nowhere.yaml"], 1, "cannot read 'nowhere.yaml'", "Give the path"),
        (["tools", "SPEC", "--config", "CONFIG"], 2, "the key `prot` is unknown", "Did you mean `port`?"),
        (["call", "SPEC", "getItm"], 1, "there is no tool or operation 'getItm'", "did you mean 'getItem'?"),
        (["call", "SPEC", "getItem", "--args", "{id: 1}"], 2, "--args is not JSON", "--args"),
        (["call", "SPEC", "getItem", "--args", "[1]"], 2, "--args is not a JSON object", "--args"),
        (["call", "SPEC", "getItem", "--args", "@nowhere"], 2, "cannot read 'nowhere'", "@"),
        (["call", "SPEC", "getItem", "--args", '{"id": 1}', "--base-url", "ftp://x"], 2, "ftp", "http"),
    ],
)
def test_mistake_is_one_line_and_the_next_step_another(
    spec: str, tmp_path: Path, line: list[str], code: int, error: str, hint: str
) -> None:
    files = {
        "SPEC": spec,
        "CONFIG": file(tmp_path, "prot: 80\n", "apifold.yaml"),
        "RELATIVE": file(tmp_path, {**SPEC, "servers": [{"url": "/v1"}]}, "relative.json"),
    }
    done = apifold(*(files.get(word, word) for word in line))
    first, second = done.err.splitlines()
    assert (done.code, done.out, first[:7], second[:6]) == (code, "", "error: ", "hint: ")
    assert error in first
    assert hint in second


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "<html></html>", "just words", "\x00\x01", "openapi: 9.9.9", "a: &a [*a]", "[" * 50_000],
)
@pytest.mark.parametrize("command", ["tools", "validate"])
def test_what_is_no_document_is_a_sentence_and_never_a_trace(tmp_path: Path, command: str, text: str) -> None:
    done = apifold(command, file(tmp_path, text))
    assert (done.code, done.err.count("error: "), "inside apifold" in done.err) == (1, 1, False)
    assert done.err.startswith(f"error: {tmp_path / 'openapi.json'}: ")


def test_fault_of_ours_is_a_sentence_and_with_debug_a_trace(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apifold.cli.commands.tools.compile_tools", lambda *_: 1 / 0)
    done = apifold("tools", spec)
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "error: something went wrong inside apifold: ZeroDivisionError: division by zero",
    )
    with pytest.raises(ZeroDivisionError):
        apifold("tools", spec, environment={"APIFOLD_DEBUG": "1"})


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_teaches_with_examples() -> None:
    for line in (["--help"], *([command.name, "--help"] for command in COMMANDS)):
        done = run(*line)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\nexamples:\n  # " in done.stdout


def test_version_is_one_line() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "apifold 0.1.0\n", "")


@pytest.mark.parametrize("line", [["help"], ["help", "serve"], ["serve", "-h"], ["serve", "SPEC", "--help"]])
def test_help_may_be_asked_for_in_other_ways(line: list[str]) -> None:
    done = apifold(*line)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: apifold {'COMMAND' if line == ['help'] else 'serve SPEC'} [options]")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_help_fits_the_terminal(columns: int) -> None:
    done = run("serve", "--help", variables={"COLUMNS": str(columns)})
    text, _, _ = done.stdout.partition("examples:")
    assert max(map(len, text.splitlines())) <= min(columns, 96)


def test_no_command_shows_what_there_is_and_is_wrong_usage() -> None:
    done = apifold()
    assert done.code == 2
    assert "apifold demo --serve" in done.out


@pytest.mark.parametrize(
    "line",
    [["--version"], ["serve", "--help"], ["connect"], ["serve", str(DEMO), "--transport", "stdio"]],
    ids=["version", "help", "connect", "serve"],
)
def test_start_takes_less_than_200_milliseconds(line: list[str], tmp_path: Path) -> None:
    """Of the processor's time, the best of some. The server has read its document and waits for a first message, which
    does not come. On a machine that is busy with other things all takes longer: there it has to stay below thrice what
    the libraries alone take.
    """
    environment = {**clean_environment(), "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    def seconds(*command: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *command], check=True, capture_output=True, stdin=subprocess.DEVNULL, env=environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    start, libraries = ("-m", "apifold", *line), ("-c", "import asyncio, msgspec, httptools, uvloop")
    seconds(*start)  # the modules are compiled once
    tries = [(seconds(*start), seconds(*libraries)) for _ in range(5)]
    best, best_of_libraries = map(min, zip(*tries, strict=True))
    assert best < max(0.2, 3 * best_of_libraries)


def test_start_loads_nothing_that_it_does_not_need() -> None:
    """Each of these takes milliseconds and is for a document, an argument or an answer of some kind."""
    command = [sys.executable, "-X", "importtime", "-m", "apifold", "serve", str(DEMO), "--transport", "stdio"]
    done = subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, env=clean_environment(), text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "apifold.gateway.stdio" in loaded
    late = {
        "aiohttp", "apifold.bootstrap.config", "apifold.core.openapi.yaml_reader", "apifold.core.requests.validate",
        "apifold.core.tools.faithful", "difflib", "email.utils", "html", "jsonschema_rs", "random", "shutil", "yaml",
    }  # fmt: skip
    assert loaded & late == set()


# --- pipes, terminals and signals -------------------------------------------------------------------------------------


def test_document_may_come_through_a_pipe() -> None:
    done = run("tools", "-", "--format", "json", stdin=DEMO.read_text())
    assert (done.returncode, len(json.loads(done.stdout))) == (0, 15)


@pytest.mark.parametrize(
    "words",
    [f"tools {DEMO} --format json", f"tools {DEMO}", f"validate {DEMO} --format json", "connect", "serve --help"],
)
def test_reader_that_has_enough_is_not_an_error(words: str) -> None:
    line = f"{' '.join(APIFOLD)} {words} | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=clean_environment(), check=False
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 1, "")


def test_terminal_gets_colour_and_a_table_of_its_width() -> None:
    seen, written = pty.openpty()
    environment = {**clean_environment(), "TERM": "xterm", "COLUMNS": "60"}
    del environment["NO_COLOR"]
    with subprocess.Popen([*APIFOLD, "tools", str(DEMO)], stdout=written, stderr=written, env=environment) as process:
        os.close(written)
        text = b""
        while chunk := _read(seen):
            text += chunk
        assert process.wait(30) == 0
    os.close(seen)
    lines = text.decode().splitlines()
    assert lines[1].startswith("\x1b[36mlistBooks\x1b[0m")
    assert (
        max(len(line.replace("\x1b[36m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")) for line in lines[1:16])
        <= 60
    )


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end of a pseudo-terminal is closed
        return b""


@pytest.mark.parametrize(
    "module", ["apifold.cli.main", "apifold.cli.arguments", "asyncio", "apifold.gateway", "uvloop"]
)
def test_start_that_is_interrupted_says_nothing(tmp_path: Path, module: str) -> None:
    """Ctrl-C while a module is being loaded, which is nearly all that a start is."""
    (tmp_path / "sitecustomize.py").write_text(
        f"""
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
"""
    )
    done = run("serve", str(DEMO), "--port", "0", variables={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_answers_until_it_is_told_to_stop_and_then_ends_well(number: signal.Signals) -> None:
    with started("serve", str(DEMO), "--port", "0") as server:
        url = server.wait_for(r"http://127\.0\.0\.1:\d+/mcp").group()
        server.wait_for("Ctrl-C")
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
        accept = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        answer = send("POST", url, body=body, headers=accept)
        assert len(answer.json["result"]["tools"]) == 15
        assert server.stop(number) == 0
        assert "Traceback" not in server.text


def test_server_says_what_will_not_work_as_it_stands(spec: str) -> None:
    with started("serve", spec, "--port", "0") as server:
        server.wait_for("Ctrl-C")
        server.stop()
        assert "warning: 1 operation is left out: `python -m apifold validate" in server.text
        assert "warning: 1 tool needs key (API key in header X-Key): --auth key=env:" in server.text


def test_server_says_where_it_is_and_where_calls_may_go(spec: str) -> None:
    with started("serve", spec, "--port", "0", "--auth", "key=x") as server:
        url = server.wait_for(r"^Shop 2: 2 of 3 tools at (http://127\.0\.0\.1:\d+/mcp)$").group(1)
        server.wait_for("Ctrl-C")
        server.stop()
    lines = [line for line in server.text.splitlines() if not line.startswith("warning: ")]  # on another stream
    assert lines == [
        f"Shop 2: 2 of 3 tools at {url}",
        "",
        "  API            https://shop.example/v1",
        "  calls go to    private networks too (--no-private-upstreams: public ones only)",
        f"  older clients  {url.removesuffix('mcp')}sse",
        f"  Claude Code    claude mcp add --transport http shop {url}",
        f"  others         python -m apifold connect --url {url}",
        "",
        "Ctrl-C stops it.",
    ]


def test_server_for_others_says_that_calls_go_to_public_networks_and_how_clients_name_the_token(spec: str) -> None:
    line = ("serve", spec, "--port", "0", "--host", "0.0.0.0")
    with started(*line, "--token", "t0ken") as server:
        server.wait_for(r"calls go to +public networks only \(--allow-upstream")
        server.wait_for(r'claude mcp add .* --header "Authorization: Bearer \$APIFOLD_TOKEN"$')
        server.wait_for(r"connect --url http://127\.0\.0\.1:\d+/mcp --token-env APIFOLD_TOKEN$")
    with started(*line, "--public") as server:
        server.wait_for("warning: Whoever can reach 0.0.0.0 can use the API: no token is asked for.")


def test_server_over_stdio_keeps_standard_output_for_the_protocol(spec: str) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    done = run("serve", spec, "--transport", "stdio", stdin=f"{json.dumps(hello)}\n{json.dumps(listing)}\n")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (done.returncode, first["id"], second["id"]) == (0, 1, 2)
    assert [tool["name"] for tool in second["result"]["tools"]] == ["getItem", "putItem"]
    assert "Shop 2: 2 of 3 tools over stdio; calls go to private networks too" in done.stderr


# --- demo -------------------------------------------------------------------------------------------------------------


def test_demo_alone_is_an_api_that_answers_and_ends_well() -> None:
    with started("demo", "--api-port", "0") as demo:
        url = demo.wait_for(r"curl -s '(.+)'").group(1)
        demo.wait_for(r"serve it +python -m apifold serve http://127\.0\.0\.1:\d+/openapi\.json --auth shopKey=")
        assert [book["id"] for book in send("GET", url).json["items"]] == [1]
        assert demo.stop() == 0
        assert "Traceback" not in demo.text


def test_busy_port_of_the_demo_is_named_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run("demo", "--api-port", str(port))
    assert (done.returncode, done.stderr) == (
        1,
        f"error: Port {port} is in use by another program.\nhint: Choose another with --api-port, or 0 for any that is free.\n",
    )


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says how much memory is one's own")
def test_idle_server_with_the_demo_takes_at_most_80_megabytes() -> None:
    """Proportional set size of the one process that there is."""
    with started("demo", "--serve", "--port", "0", "--api-port", "0") as demo:
        demo.wait_for("Ctrl-C")
        rollup = Path(f"/proc/{demo.process.pid}/smaps_rollup").read_text()
        kilobytes = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children").read_text().split()
    assert (kilobytes <= 80 * 1024, children) == (True, [])


def test_interrupted_command_ends_without_a_word(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("apifold.cli.commands.tools.compile_tools", interrupted)
    assert apifold("tools", spec) == Done(130, "", "")
