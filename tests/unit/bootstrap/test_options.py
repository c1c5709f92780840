"""Flags over file over environment over defaults."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from apifold import settings
from apifold.bootstrap.options import Layer, LimitsLayer, Options, OptionsRefused, SelectLayer, Transport, decide
from apifold.bootstrap.secrets import open_secrets
from apifold.core.limits import CALL
from apifold.core.requests.credentials import AuthRefused, AuthSpec, parse_auth
from apifold.core.requests.secret import Secret, SecretRefused
from apifold.core.tools.selection import Selection


def test_defaults_are_what_nobody_said() -> None:
    assert decide(Layer(spec="a")) == Options(spec="a")


def test_flag_wins_over_file_and_file_over_default() -> None:
    file = Layer(spec="file", host="h", port=1, token="t", select=SelectLayer(tags=("a",), read_only=True))
    flags = Layer(port=2, transport=Transport.STDIO, select=SelectLayer(tags=("b",), deprecated=True))
    assert decide(flags, file, token="environment", public_url="https://x") == Options(
        spec="file",
        host="h",
        port=2,
        token=Secret("t"),
        transport=Transport.STDIO,
        selection=Selection(tags=("b",), read_only=True, include_deprecated=True),
        public_url="https://x",
    )


def test_flag_can_take_back_what_the_file_says() -> None:
    file = Layer(spec="a", public=True, private_upstreams=True, select=SelectLayer(read_only=True, tags=("x",)))
    flags = Layer(public=False, private_upstreams=False, select=SelectLayer(read_only=False, tags=()))
    assert decide(flags, file) == Options(spec="a", private_upstreams=False)


def test_token_of_the_environment_is_the_last_resort() -> None:
    assert decide(Layer(spec="a"), token="e").token == Secret("e")
    assert decide(Layer(spec="a", token="f"), token="e").token == Secret("f")
    assert decide(Layer(spec="a"), Layer(token=""), token="e").token == Secret("e")
    assert decide(Layer(spec="a"), Layer(token="")).token is None


def test_secrets_of_file_and_flags_are_merged_by_name() -> None:
    decided = decide(Layer(auth=("a=env:A2", "c=env:C")), Layer(spec="x", auth=("a=env:A", "b=env:B")))
    assert decided.auth == (AuthSpec("a", "env", "A2"), AuthSpec("b", "env", "B"), AuthSpec("c", "env", "C"))


def test_limits_are_taken_one_by_one() -> None:
    decided = decide(
        Layer(spec="a", limits=LimitsLayer(timeout_seconds=1.5)),
        Layer(limits=LimitsLayer(retries=0, timeout_seconds=9)),
    )
    assert decided.limits == replace(CALL, timeout_seconds=1.5, retries=0)


@pytest.mark.parametrize(
    "layer",
    [
        Layer(),
        Layer(spec=""),
        Layer(spec="a", port=-1),
        Layer(spec="a", port=65_536),
        Layer(spec="a", limits=LimitsLayer(timeout_seconds=0)),
        Layer(spec="a", limits=LimitsLayer(timeout_seconds=float("nan"))),
        Layer(spec="a", limits=LimitsLayer(timeout_seconds=float("inf"))),
        Layer(spec="a", limits=LimitsLayer(response_bytes=10)),
        Layer(spec="a", base_url="api.example.com"),
        Layer(spec="a", base_url="ftp://api.example.com"),
        Layer(spec="a", token="two words"),
        Layer(spec="a", token=""),
        Layer(spec="a", token="tökén"),
        Layer(spec="a", allow_upstreams=("localhost",)),
        Layer(spec="a", allow_hosts=("https://mcp.example.com",)),
        Layer(spec="a", allow_hosts=("mcp.example.com:80",)),
        Layer(spec="a", allow_origins=("app.example.com",)),
        Layer(spec="a", allow_origins=("https://app.example.com/page",)),
        Layer(spec="a", limits=LimitsLayer(retries=-1)),
        Layer(spec="a", limits=LimitsLayer(result_bytes=10)),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_next_step(layer: Layer) -> None:
    with pytest.raises(OptionsRefused) as caught:
        decide(layer)
    assert caught.value.hint


def test_environment_says_token_address_and_file() -> None:
    said = settings.read(
        {"APIFOLD_TOKEN": " s3cr3t ", "APIFOLD_PUBLIC_URL": "https://mcp.test/", "APIFOLD_CONFIG": "a.yaml"}
    )
    assert said == settings.Settings("s3cr3t", "https://mcp.test", "a.yaml")
    assert settings.read({}) == settings.Settings()
    assert "s3cr3t" not in repr(said)


def test_secrets_are_fetched_from_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from file\n", encoding="utf-8")
    specs = [parse_auth(text) for text in ("a=env:A", f"b=file:{tmp_path}/key", "c=plain", "d=literal:env:X")]
    assert open_secrets(specs, {"A": "from environment\n"}) == (
        ("a", Secret("from environment")),
        ("b", Secret("from file")),
        ("c", Secret("plain")),
        ("d", Secret("env:X")),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=env:MISSING", "The environment variable MISSING, which --auth a names, is not set."),
        ("a=env:EMPTY", "The environment variable EMPTY, which --auth a names, is not set."),
        ("a=file:/no/such/file", "/no/such/file, which --auth a names, cannot be read: No such file or directory."),
        ("a=file:EMPTY_FILE", "EMPTY_FILE, which --auth a names, is empty."),
        ("a=file:BINARY", "BINARY, which --auth a names, cannot be read: it is not text."),
        ("a=file:LARGE", "LARGE, which --auth a names, is too large for a secret."),
    ],
)
def test_secret_that_is_not_there_is_named(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY_FILE").write_text("\n", encoding="utf-8")
    (tmp_path / "BINARY").write_bytes(b"\xff\xfe")
    (tmp_path / "LARGE").write_bytes(b"x" * 100_000)
    with pytest.raises(AuthRefused) as caught:
        open_secrets([parse_auth(text)], {"EMPTY": ""})
    assert caught.value.message == message


def test_secret_with_a_line_break_inside_is_refused() -> None:
    with pytest.raises(SecretRefused):
        open_secrets([parse_auth("a=env:A")], {"A": "one\r\nX-Evil: two"})


def test_public_address_has_to_be_one() -> None:
    with pytest.raises(OptionsRefused, match="APIFOLD_PUBLIC_URL=mcp"):
        decide(Layer(spec="a"), public_url="mcp.test")


def test_base_url_may_be_a_path_relative_to_where_the_document_comes_from() -> None:
    assert decide(Layer(spec="a", base_url=" /v2 ")).base_url == "/v2"
