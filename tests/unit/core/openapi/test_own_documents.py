"""The repository's own documents: every feature of each version, read from files, as a whole."""

from collections.abc import Mapping

import pytest

from apifold.bootstrap.sources import load_path
from apifold.core.openapi.document import Document
from apifold.core.openapi.model import Dialect, Location, Operation, SecurityKind, Style
from support.documents import DOCUMENTS, problems


def load(name: str) -> Document:
    return load_path(DOCUMENTS / name)


def by_id(document: Document) -> Mapping[str, Operation]:
    return {operation.operation_id or operation.key: operation for operation in document.operations}


@pytest.mark.parametrize(
    ("name", "dialect", "operations", "found"),
    [
        (
            "harbour-2.0.json",
            Dialect.SWAGGER_2_0,
            7,
            [("parameter.ignored_header", "/paths/~1ships/get/parameters/6", "GET /ships")],
        ),
        (
            "harbour-3.0.yaml",
            Dialect.OPENAPI_3_0,
            9,
            [
                ("parameter.ignored_header", "/paths/~1ships/get/parameters/9", "GET /ships"),
                ("callback.ignored", "/paths/~1ships/post", "POST /ships"),
            ],
        ),
        ("harbour-3.1.yaml", Dialect.OPENAPI_3_1, 4, [("webhook.ignored", "/webhooks", "")]),
        (
            "harbour-3.2.json",
            Dialect.OPENAPI_3_2,
            6,
            [
                (
                    "encoding.positional",
                    "/paths/~1ships~1{path}/put/requestBody/content/multipart~1mixed",
                    "PUT /ships/{path}",
                )
            ],
        ),
    ],
)
def test_document_loads_whole(name: str, dialect: Dialect, operations: int, found: list[tuple[str, str, str]]) -> None:
    document = load(name)
    assert document.dialect is dialect
    assert len(document.operations) == document.declared_operations == operations
    assert problems(document) == found


def test_swagger_collection_formats_bodies_and_servers() -> None:
    found = by_id(load("harbour-2.0.json"))
    assert [
        (each.name, each.location.value, each.style.value, each.explode) for each in found["listShips"].parameters
    ] == [
        ("X-Trace", "header", "simple", False),
        ("flags", "query", "form", False),
        ("sizes", "query", "spaceDelimited", False),
        ("cargo", "query", "tabDelimited", False),
        ("berths", "query", "pipeDelimited", False),
        ("state", "query", "form", True),
        ("limit", "query", "form", False),
    ]
    bodies = {name: [media.content_type for media in each.body.content] for name, each in found.items() if each.body}
    assert bodies == {
        "registerShip": ["application/json", "application/vnd.harbour+json"],
        "moor": ["application/x-www-form-urlencoded"],
        "uploadPapers": ["multipart/form-data"],
    }
    assert [server.url for server in found["registerShip"].servers] == [
        "https://harbour.example.com/v1",
        "http://harbour.example.com/v1",
    ]
    assert [server.url for server in found["scrapShip"].servers] == ["https://harbour.example.com/v1"]
    assert [sorted(dict(each.schemes)) for each in found["registerShip"].security] == [["captain", "key"], ["staff"]]
    assert [media.content_type for media in found["downloadPapers"].responses[0].content] == ["application/pdf"]


def test_parameters_of_3_0_in_every_location_and_style() -> None:
    found = by_id(load("harbour-3.0.yaml"))
    assert [
        (each.name, each.location.value, each.style.value, each.explode) for each in found["listShips"].parameters
    ] == [
        ("filter", "query", "deepObject", True),
        ("flags", "query", "form", False),
        ("sizes", "query", "spaceDelimited", False),
        ("berths", "query", "pipeDelimited", False),
        ("page[size]", "query", "form", True),
        ("route", "query", "form", True),
        ("area", "query", "form", True),
        ("X-Lanterns", "header", "simple", False),
        ("watch", "cookie", "form", True),
    ]
    assert [(each.name, each.style.value, each.explode) for each in found["shipRoute"].parameters] == [
        ("shipId", "simple", False),
        ("legs", "matrix", True),
        ("harbour", "label", False),
        ("cargo", "simple", False),
    ]
    assert [(each.name, each.required) for each in found["getShip"].parameters] == [("shipId", True), ("verbose", True)]


def test_servers_security_and_bodies_of_3_0() -> None:
    document = load("harbour-3.0.yaml")
    found = by_id(document)
    assert [found[name].servers[0].url for name in ("listShips", "getShip", "changeShip")] == [
        "https://{region}.harbour.example.com/v2",
        "https://ships.harbour.example.com",
        "https://write.harbour.example.com/{stage}",
    ]
    assert [[name for name, _ in each.schemes] for each in found["registerShip"].security] == [
        ["key", "captain"],
        ["staff"],
        [],
    ]
    assert found["tides"].security == ()
    assert {name: scheme.kind for name, scheme in document.security_schemes.items()} == {
        "key": SecurityKind.API_KEY,
        "staff": SecurityKind.BASIC,
        "watchman": SecurityKind.HTTP,
        "token": SecurityKind.BEARER,
        "session": SecurityKind.API_KEY,
        "captain": SecurityKind.OAUTH2,
    }
    papers = found["uploadPapers"].body
    assert papers is not None
    multipart, raw = papers.content
    assert {name: each.content_type for name, each in multipart.encoding.items()} == {
        "scan": "image/png, application/pdf",
        "about": "application/json",
        "pages": None,
    }
    assert (multipart.encoding["pages"].style, list(multipart.encoding["scan"].headers)) == (Style.FORM, ["X-Seal"])
    assert raw.content_type == "application/octet-stream"
    assert [answer.status for answer in found["getShip"].responses] == ["200"]


def test_yaml_of_3_0_merges_and_keeps_words_that_look_like_booleans() -> None:
    document = load("harbour-3.0.yaml")
    ship = document.resolver.resolve("#/components/schemas/Ship", "").value
    assert isinstance(ship, dict)
    assert ship["required"] == ["name"]
    assert document.resolver.resolve("#/components/schemas/Ship/properties/weather/enum", "").value == [
        "on",
        "off",
        "no",
    ]
    inner = document.resolver.resolve("#/components/schemas/Area/properties/inner", "")
    assert document.resolver.follow(inner).value == {"type": "string"}
    assert document.info.version == "2"


def test_references_of_3_1_by_id_anchor_and_with_siblings() -> None:
    document = load("harbour-3.1.yaml")
    found = by_id(document)
    assert [(key, each.summary) for key, each in found.items()] == [
        ("getShip", "One ship"),
        ("traceShip", "One ship"),
        ("writeLog", ""),
        ("setFlag", ""),
    ]
    body = found["writeLog"].body
    assert body is not None
    assert (body.description, found["writeLog"].parameters[0].description) == (
        "What happened",
        "The ship whose log it is",
    )
    schema = found["getShip"].responses[0].content[0].schema
    assert schema is not None
    ship = document.resolver.follow(schema)
    assert ship.pointer == "/components/schemas/Ship"
    assert document.resolver.resolve("ship", "").pointer == ship.pointer
    assert document.resolver.resolve("#/$defs/name", "").value == {"type": "string", "minLength": 1}
    assert [[name for name, _ in each.schemes] for each in found["getShip"].security] == [
        ["staff", "badge"],
        ["signed"],
    ]


def test_additions_of_3_2() -> None:
    document = load("harbour-3.2.json")
    found = by_id(document)
    assert [each.key for each in document.operations][:4] == [
        "QUERY /ships",
        "GET /ships",
        "LINK /ships",
        "copy /ships",
    ]
    search, crew = found["searchShips"].parameters
    assert (search.location, search.content is not None, crew.style) == (Location.QUERYSTRING, True, Style.COOKIE)
    lines, events = found["searchShips"].responses[0].content
    assert (lines.item_schema is not None, events.item_schema is not None) == (True, True)
    assert found["getShip"].parameters[0].allow_reserved
    example = found["getShip"].parameters[0].example
    assert example is not None
    assert example.value == "north/ada"
    ((name, _),) = found["getShip"].security[0].schemes
    assert document.security_schemes[name].kind is SecurityKind.OAUTH2


def test_document_in_several_files_lives_where_its_parts_are() -> None:
    document = load("harbour/openapi.yaml")
    assert [(each.key, each.base) for each in document.operations] == [
        ("GET /ships", "paths/ships.yaml"),
        ("POST /ships", "paths/ships.yaml"),
        ("GET /ships/{shipId}", "paths/ship by id.json"),
        ("PUT /ships/{shipId}", "paths/ship by id.json"),
        ("GET /tugs", "paths/ships.yaml"),
    ]
    assert problems(document) == [
        ("reference.file_missing", "", ""),
        ("reference.file_not_allowed", "", ""),
        ("reference.file_not_allowed", "", ""),
        ("reference.unresolved", "paths/ship by id.json#/item/delete/parameters/0", "DELETE /ships/{shipId}"),
        ("reference.unresolved", "/paths/~1pilots", ""),
        ("reference.unresolved", "/paths/~1quays", ""),
        ("reference.unresolved", "/paths/~1secrets", ""),
    ]
    assert [found.message.partition(": ")[2] for found in document.diagnostics[:3]] == [
        "No such file or directory",
        "files on the network are not fetched",
        "it lies outside of the document's folder",
    ]
    ship = document.resolver.resolve("schemas/ship.yaml#/properties/berth", "")
    assert document.resolver.follow(ship).pointer == "/components/schemas/Berth"
    assert document.resolver.resolve("schemas/tug.yaml#/allOf/0", "").value == {"$ref": "ship.yaml"}


def test_of_a_broken_document_everything_that_can_live_lives_and_everything_else_is_named() -> None:
    document = load("harbour-broken.yaml")
    assert [each.key for each in document.operations] == [
        "GET /ships/{id}/{Berth_No}",
        "PATCH /ships/{id}/{Berth_No}",
        "HEAD /ships/{id}/{Berth_No}",
        "PUT /body",
        "PATCH /body",
        "DELETE /body",
        "GET /body",
    ]
    assert [
        (found.code, found.operation or found.pointer) for found in document.diagnostics if found.severity == "error"
    ] == [
        ("path.malformed", "/paths/~1list"),
        ("reference.unresolved", "/paths/~1lost"),
        ("parameter.malformed", "POST /ships/{id}/{Berth_No}"),
        ("reference.unresolved", "PUT /ships/{id}/{Berth_No}"),
        ("operation.malformed", "DELETE /ships/{id}/{Berth_No}"),
        ("reference.unresolved", "OPTIONS /ships/{id}/{Berth_No}"),
        ("body.malformed", "POST /body"),
        ("reference.unresolved", "/paths/~1loop"),
        ("path.malformed", "GET /fields/{}"),
    ]
    assert document.declared_operations == 13
    assert document.servers[0].url == "https://{port}.example.com"
    assert list(document.security_schemes) == ["key"]
