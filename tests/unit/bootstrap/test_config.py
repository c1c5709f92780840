"""The configuration file: what it may say, and how every mistake is named."""

from pathlib import Path

import msgspec
import pytest

from apifold.bootstrap.config import LARGEST_FILE, ConfigRefused, parse_config, read_config
from apifold.bootstrap.options import Layer, LimitsLayer, SelectLayer, Transport
from apifold.core.tools.model import Profile

EVERYTHING = b"""
spec: ./shop.yaml          # a comment
base_url: ${BASE:-http://127.0.0.1:1/api}
auth:
  key: ${KEY}
  file_key: file:/run/secret
  env_key: env:OTHER
  "header:X-Tenant": "t-1"
  absent: ${NOT_SET:-}
server_variables: {region: eu, version: "2"}
transport: stdio
host: 0.0.0.0
port: ${PORT:-8080}
token: "${KEY}"
public: false
profile: faithful
select:
  tags: [books, "no"]
  methods: [GET]
  paths: ["/a/**"]
  operations: [listBooks, GET /x]
  exclude_tags: []
  read_only: true
  deprecated: true
limits:
  timeout_seconds: 20
  retries: 0
remote_refs: true
private_upstreams: false
allow_upstreams: [10.0.0.0/8]
allow_hosts: [mcp.test]
allow_origins: ["https://app.test"]
"""


def test_every_key_is_read() -> None:
    assert msgspec.structs.asdict(parse_config(EVERYTHING, {"KEY": "k$1", "PORT": ""})) == msgspec.structs.asdict(
        Layer(
            spec="./shop.yaml",
            base_url="http://127.0.0.1:1/api",
            server_variables={"region": "eu", "version": "2"},
            auth=("key=literal:k$1", "file_key=file:/run/secret", "env_key=env:OTHER", "header:X-Tenant=literal:t-1"),
            transport=Transport.STDIO,
            host="0.0.0.0",
            port=8080,
            token="k$1",
            public=False,
            profile=Profile.FAITHFUL,
            select=SelectLayer(
                tags=("books", "no"),
                methods=("GET",),
                paths=("/a/**",),
                operations=("listBooks", "GET /x"),
                exclude_tags=(),
                read_only=True,
                deprecated=True,
            ),
            limits=LimitsLayer(timeout_seconds=20, retries=0),
            remote_refs=True,
            private_upstreams=False,
            allow_upstreams=("10.0.0.0/8",),
            allow_hosts=("mcp.test",),
            allow_origins=("https://app.test",),
        )
    )


def test_every_key_of_a_layer_is_in_the_example() -> None:
    said = msgspec.structs.asdict(parse_config(EVERYTHING, {"KEY": "k"}))
    assert [key for key, value in said.items() if value is None] == []


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"{}", b"select:\n", b"auth:\n", b"token: ${T:-}\n"])
def test_file_may_say_nothing(text: bytes) -> None:
    assert parse_config(text, {}) == Layer()


def test_json_is_read_too() -> None:
    assert parse_config(b'{"spec": "a.json", "port": 0}', {}) == Layer(spec="a.json", port=0)


def test_variable_filled_into_a_secret_is_the_secret_whatever_it_looks_like() -> None:
    assert parse_config(b"auth: {a: '${A}'}", {"A": "env:PATH"}).auth == ("a=literal:env:PATH",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"spec: ${A}-${B:-b}", "x-b"),
        (b"spec: $${A}", "${A}"),
        (b"spec: ${EMPTY}", None),
        (b"spec: ${EMPTY:-d}", "d"),
        (b"spec: ${B:-}", None),
        (b"spec: a$b", "a$b"),
        (b"spec: yes", "yes"),
        (b"spec: 2024-01-01", "2024-01-01"),
        (b"spec: 0x10", "0x10"),
        (b'spec: "8080"', "8080"),
    ],
)
def test_variables_and_plain_texts(text: bytes, value: str | None) -> None:
    assert parse_config(text, {"A": "x", "EMPTY": ""}).spec == value


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (b"spec: a\nprot: 3\n", "f.yaml, line 2: the key `prot` is unknown.", "Did you mean `port`?"),
        (b"spec: a\nselect:\n  tgs: [1]\n", "f.yaml, line 3: the key `select.tgs` is unknown.", "Did you mean `tags`?"),
        (
            b"limits: {timeout: 3}",
            "f.yaml, line 1: the key `limits.timeout` is unknown.",
            "Did you mean `timeout_seconds`?",
        ),
        (b"zzz: 1", "f.yaml, line 1: the key `zzz` is unknown.", "Known here: spec, base_url, "),
        (b"<<: {spec: a}", "f.yaml, line 1: the key `<<` is unknown.", "Known here: "),
        (b"spec: a\nspec: b\n", "f.yaml, line 2: the key `spec` is there twice.", ""),
        (b"port: abc", "f.yaml, line 1: `port` is wrong: expected `int`, got `str`.", ""),
        (b"port: 80.5", "f.yaml, line 1: `port` is wrong: expected `int`, got `float`.", ""),
        (b"public: yes", "f.yaml, line 1: `public` is wrong: expected `bool`, got `str`.", ""),
        (b"\nselect:\n  tags: [a, 1]\n", "f.yaml, line 3: `select.tags[1]` is wrong: expected `str`, got `int`.", ""),
        (b"select: 5", "f.yaml, line 1: `select` is wrong: expected `object`, got `int`.", ""),
        (
            b"transport: htp",
            "f.yaml, line 1: `transport` is wrong: invalid enum value 'htp'.",
            "It is one of: http, stdio.",
        ),
        (
            b"spec: ${NOPE}",
            "f.yaml, line 1: the environment variable NOPE, which `spec` refers to, is not set.",
            "Set it, or give a default: ${NOPE:-value}.",
        ),
        (b"spec: ${a b}", "f.yaml, line 1: `${a b}` is not a variable.", "Write ${NAME} or ${NAME:-default}."),
        (b"spec: ${A", "f.yaml, line 1: `${A` is not a variable.", "Write ${NAME} or ${NAME:-default}."),
        (b"auth: [a]", "f.yaml, line 1: `auth` maps a scheme's name to its secret.", "auth: {api_key: ${API_KEY}}"),
        (b"auth: {a: [1]}", "f.yaml, line 1: the secret of `a` has to be a text.", ""),
        (b"- spec", "f.yaml has to hold keys and values, such as `spec: openapi.yaml`.", ""),
        (b"just text", "f.yaml has to hold keys and values, such as `spec: openapi.yaml`.", ""),
        (b"{1: {2: 3}}", "f.yaml, line 1: the key `1` is unknown.", "Known here: "),
        (b"[a]: b", "f.yaml, line 1: a key has to be a plain text.", ""),
        (
            b"a: b\nc: [",
            "f.yaml is not readable YAML: expected the node content, but found '<stream end>' (line 2).",
            "",
        ),
        (b"a: \xff", "f.yaml is not readable YAML: it is not UTF-8 text.", ""),
        (b"a: !!python/object:os.system x", "f.yaml, line 1: the key `a` is unknown.", "Known here: "),
        (b"a: &a [*a]", "f.yaml is not readable YAML: it is nested too deeply.", ""),
        (b"a: " + b"[" * 5_000, "f.yaml is not readable YAML: it is nested too deeply.", ""),
    ],
)
def test_mistake_is_named_with_its_line_and_the_next_step(text: bytes, message: str, hint: str) -> None:
    with pytest.raises(ConfigRefused) as caught:
        parse_config(text, {}, name="f.yaml")
    found = caught.value
    assert found.message == message if message.endswith(".") else found.message.startswith(message)
    assert found.hint.startswith(hint)
    assert bool(found.hint) is bool(hint)


def test_aliases_that_multiply_are_refused() -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9) if i else 'x'}]" for i in range(9))
    with pytest.raises(ConfigRefused, match="more than 10,000 values"):
        parse_config(levels.encode(), {})


def test_mistyped_secret_is_not_shown() -> None:
    with pytest.raises(ConfigRefused) as caught:
        parse_config(b"port: ${KEY}", {"KEY": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in repr(parse_config(b"token: ${KEY}", {"KEY": "s3cr3t"}))


def test_relative_document_is_meant_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "apifold.yaml"
    for spec, expected in (("shop.yaml", str(tmp_path / "shop.yaml")), ("/a/b.yaml", "/a/b.yaml"), ("-", "-")):
        file.write_text(f'spec: "{spec}"\n', encoding="utf-8")
        assert read_config(str(file), {}).spec == expected
    file.write_text("spec: https://api.test/openapi.json\n", encoding="utf-8")
    assert read_config(str(file), {}).spec == "https://api.test/openapi.json"


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="No such file"):
        read_config(str(tmp_path / "nothing.yaml"), {})
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ConfigRefused, match="larger than"):
        read_config(str(large), {})
