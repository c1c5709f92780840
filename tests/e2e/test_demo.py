"""The demo API does what its document says, over real sockets."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from apifold.demo import document
from apifold.demo.app import ROUTES, SHOP_KEY
from apifold.demo.pictures import cover
from support.demo import Reply, running, send, send_json

pytestmark = pytest.mark.wire

NEW_BOOK = {
    "title": "Kindred",
    "subtitle": "A novel",
    "authors": [{"name": "Octavia E. Butler", "born": 1947}],
    "genre": "fiction",
    "price": {"amount": 11.5, "currency": "EUR"},
    "published": "1979-06-01",
    "stock": 3,
    "tags": ["time travel"],
}
CUSTOMER = {"name": "Ada", "address": {"street": "1 Byron Row", "city": "London", "country": "GB"}}


@pytest.fixture
def api() -> Iterator[str]:
    with running() as url:
        yield f"{url}{document.BASE_PATH}"


def form(image: bytes, *, caption: str | None = None) -> tuple[bytes, dict[str, str]]:
    parts = [b'--X\r\nContent-Disposition: form-data; name="image"; filename="c.png"\r\n\r\n' + image + b"\r\n"]
    if caption is not None:
        parts.append(f'--X\r\nContent-Disposition: form-data; name="caption"\r\n\r\n{caption}\r\n'.encode())
    return b"".join(parts) + b"--X--\r\n", {"Content-Type": "multipart/form-data; boundary=X"}


def assert_documented(reply: Reply, method: str, template: str) -> None:
    """The status, media type and body of an answer are ones that the document promises."""
    responses = document.operation(method, template)["responses"]
    described = document.resolve(responses[str(reply.status)])
    if "content" not in described:
        assert reply.body == b""
        return
    media_type = reply.headers["content-type"].partition(";")[0]
    schema: dict[str, Any] | None = described["content"][media_type].get("schema")
    if schema is not None:
        value = reply.json if media_type.endswith("json") else reply.body.decode()
        document.Checker().check(schema, value, pointer="")


def test_every_documented_operation_is_there_and_no_other() -> None:
    documented = {
        (method.upper(), template)
        for template, item in document.DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert set(ROUTES) == documented


def test_every_answer_is_one_that_the_document_promises(api: str) -> None:
    book, order = f"{api}/books/1", f"{api}/orders/A-1001"
    image, image_headers = form(cover(3), caption="Three")
    keyed = {"X-Shop-Key": SHOP_KEY, "Content-Type": "application/json"}
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    placed = send_json("POST", f"{api}/orders", {"customer": CUSTOMER, "lines": [{"bookId": 1, "copies": 1}]})
    steps: list[tuple[str, str, int, Reply]] = [
        ("POST", "/orders", 201, placed),
        ("POST", "/orders", 404, send_json("POST", f"{api}/orders", {"customer": CUSTOMER, "lines": [{"bookId": 99, "copies": 1}]})),
        ("POST", "/orders", 409, send_json("POST", f"{api}/orders", {"customer": CUSTOMER, "lines": [{"bookId": 8, "copies": 1}]})),
        ("GET", "/orders", 200, send("GET", f"{api}/orders?status=open,cancelled&limit=1")),
        ("GET", "/orders", 422, send("GET", f"{api}/orders?status=lost")),
        ("GET", "/orders/{orderId}", 200, send("GET", order)),
        ("GET", "/orders/{orderId}", 404, send("GET", f"{api}/orders/A-1")),
        ("GET", "/books", 200, send("GET", f"{api}/books?q=le%20guin&genre=fiction&genre=children&filter%5BmaxPrice%5D=10")),
        ("GET", "/books", 422, send("GET", f"{api}/books?limit=0")),
        ("POST", "/books", 201, send_json("POST", f"{api}/books", NEW_BOOK)),
        ("POST", "/books", 409, send_json("POST", f"{api}/books", NEW_BOOK)),
        ("POST", "/books", 422, send_json("POST", f"{api}/books", {"title": ""})),
        ("GET", "/books/{bookId}", 200, send("GET", book)),
        ("GET", "/books/{bookId}", 404, send("GET", f"{api}/books/99")),
        ("PATCH", "/books/{bookId}", 200, send_json("PATCH", book, {"subtitle": None}, "application/merge-patch+json")),
        ("PATCH", "/books/{bookId}", 422, send_json("PATCH", book, {"title": None}, "application/merge-patch+json")),
        ("DELETE", "/books/{bookId}", 409, send("DELETE", book)),
        ("DELETE", "/books/{bookId}", 204, send("DELETE", f"{api}/books/2")),
        ("DELETE", "/books/{bookId}", 404, send("DELETE", f"{api}/books/2")),
        ("GET", "/books/{bookId}/cover", 200, send("GET", f"{book}/cover")),
        ("GET", "/books/{bookId}/cover", 404, send("GET", f"{api}/books/99/cover")),
        ("PUT", "/books/{bookId}/cover", 200, send("PUT", f"{book}/cover", body=image, headers=image_headers)),
        ("PUT", "/books/{bookId}/cover", 415, send("PUT", f"{book}/cover", body=form(b"GIF89a")[0], headers=image_headers)),
        ("PUT", "/books/{bookId}/cover", 422, send("PUT", f"{book}/cover", body=b"--X--", headers=image_headers)),
        ("GET", "/exports/books.csv", 200, send("GET", f"{api}/exports/books.csv")),
        ("POST", "/orders/{orderId}/cancel", 200, send("POST", f"{order}/cancel")),
        ("POST", "/orders/{orderId}/cancel", 409, send("POST", f"{order}/cancel")),
        ("GET", "/reports/sales", 200, send("GET", f"{api}/reports/sales?seconds=0")),
        ("GET", "/reports/sales", 422, send("GET", f"{api}/reports/sales?seconds=nan")),
        ("POST", "/newsletter", 201, send("POST", f"{api}/newsletter", body=b"email=a%40b.example&topics=poetry", headers=urlencoded)),
        ("POST", "/newsletter", 409, send("POST", f"{api}/newsletter", body=b"email=a%40b.example", headers=urlencoded)),
        ("POST", "/newsletter", 422, send("POST", f"{api}/newsletter", body=b"email=nobody", headers=urlencoded)),
        ("PUT", "/stock/{bookId}", 200, send("PUT", f"{api}/stock/1", body=b'{"copies": 9}', headers=keyed)),
        ("PUT", "/stock/{bookId}", 401, send_json("PUT", f"{api}/stock/1", {"copies": 9})),
        ("PUT", "/stock/{bookId}", 404, send("PUT", f"{api}/stock/99", body=b'{"copies": 9}', headers=keyed)),
    ]  # fmt: skip
    assert {(method, template) for method, template, _, _ in steps} == set(ROUTES)
    for method, template, status, reply in steps:
        assert (method, template, reply.status) == (method, template, status)
        assert_documented(reply, method, template)


def test_document_is_served_where_the_base_path_does_not_reach(api: str) -> None:
    reply = send("GET", api.removesuffix(document.BASE_PATH) + "/openapi.json")
    assert (reply.status, reply.headers["content-type"], reply.json) == (200, "application/json", document.DOCUMENT)


def test_search_narrows_by_words_genres_and_properties(api: str) -> None:
    def titles(query: str) -> list[str]:
        return [book["title"] for book in send("GET", f"{api}/books?{query}").json["items"]]

    assert titles("q=le+guin") == ["A Wizard of Earthsea", "The Left Hand of Darkness"]
    assert titles("genre=poetry&genre=history&sort=-price") == [
        "The Histories",
        "The Guns of August",
        "Leaves of Grass",
        "Goblin Market",
    ]
    assert titles("filter%5BmaxPrice%5D=7&filter[inStock]=true&sort=price") == ["Goblin Market", "The Time Machine"]
    assert titles("filter[inStock]=false") == ["A Brief History of Time"]


def test_pages_follow_one_another_to_the_end(api: str) -> None:
    seen, offset = [], 0
    while offset is not None:
        page = send("GET", f"{api}/books?limit=5&offset={offset}").json
        seen += [book["id"] for book in page["items"]]
        offset = page["nextOffset"]
    assert sorted(seen) == list(range(1, 13))


def test_null_clears_a_field_and_absence_keeps_it(api: str) -> None:
    added = send_json("POST", f"{api}/books", NEW_BOOK).json
    url = f"{api}/books/{added['id']}"
    changed = send_json("PATCH", url, {"subtitle": None, "stock": 1}, "application/merge-patch+json").json
    assert changed == {**added, "subtitle": None, "stock": 1}
    assert send("GET", url).json == changed


def test_order_takes_copies_from_stock_and_cancelling_gives_them_back(api: str) -> None:
    order = {"customer": CUSTOMER, "lines": [{"bookId": 1, "copies": 2}, {"bookId": 11, "copies": 1}], "note": None}
    placed = send_json("POST", f"{api}/orders", order).json
    assert placed["total"] == [{"amount": 32.8, "currency": "EUR"}]
    assert send("GET", f"{api}/books/1").json["stock"] == 3
    refused = send_json("POST", f"{api}/orders", {"customer": CUSTOMER, "lines": [{"bookId": 1, "copies": 4}]})
    assert (refused.status, refused.json["detail"]) == (
        409,
        "only 3 copies of “The Left Hand of Darkness” are left, not 4",
    )
    send("POST", f"{api}/orders/{placed['id']}/cancel")
    assert send("GET", f"{api}/books/1").json["stock"] == 5


def test_same_idempotency_key_gives_the_same_order(api: str) -> None:
    body = json.dumps({"customer": CUSTOMER, "lines": [{"bookId": 1, "copies": 1}]}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
    first, second = (send("POST", f"{api}/orders", body=body, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert send("GET", f"{api}/books/1").json["stock"] == 4


@pytest.mark.parametrize("tail", [b"\r\n", b"\n", b"--", b"\r\n--X!", b"\x00\xff"])
def test_uploaded_picture_comes_back_byte_for_byte(api: str, tail: bytes) -> None:
    image = cover(5) + b"\r\n--Y\r\r\n\n" + tail
    body, headers = form(image.replace(b"\r\n--X", b"\r\n--Z"))
    assert send("PUT", f"{api}/books/5/cover", body=body, headers=headers).status == 200
    stored = send("GET", f"{api}/books/5/cover")
    assert (stored.headers["content-type"], stored.body) == ("image/png", image.replace(b"\r\n--X", b"\r\n--Z"))


def test_problem_names_each_place_that_is_wrong(api: str) -> None:
    reply = send_json("POST", f"{api}/books", {**NEW_BOOK, "price": {"amount": -1, "currency": "EUR"}, "genre": "noir"})
    assert reply.headers["content-type"] == "application/problem+json"
    assert sorted(error["pointer"] for error in reply.json["errors"]) == ["/genre", "/price/amount"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[" * 100_000, 422), (b'{"title": "\\ud800"}', 422), (b'{"x": NaN}', 422), (b"\xff", 422)],
)
def test_body_that_is_not_json_is_a_problem_and_not_a_broken_connection(api: str, body: bytes, status: int) -> None:
    reply = send("POST", f"{api}/books", body=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")


def test_wrong_method_and_unknown_path_say_what_there_is(api: str) -> None:
    wrong = send("DELETE", f"{api}/books")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, POST")
    assert send("GET", f"{api}/magazines").status == 404


def test_head_is_answered_without_a_body(api: str) -> None:
    reply = send("HEAD", f"{api}/books/1")
    assert (reply.status, reply.body) == (200, b"")


def exchange(url: str, data: bytes) -> bytes:
    """Send raw bytes and read until the other side closes."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_pipelined_requests_are_answered_in_order_on_one_connection(api: str) -> None:
    line = b"GET /api/books/%d HTTP/1.1\r\nHost: shop\r\n\r\n"
    last = b"GET /api/books/3 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    answer = exchange(api, line % 1 + line % 2 + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b'"id": 1') < answer.index(b'"id": 2') < answer.index(b'"id": 3')


def test_body_is_read_after_the_server_says_continue(api: str) -> None:
    host, _, port = api.removeprefix("http://").partition("/")[0].partition(":")
    head = b"POST /api/newsletter HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head + b"Content-Length: 15\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"email=a@b.cd.ef")
        assert connection.recv(1024).startswith(b"HTTP/1.1 201 Created\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: shop\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"413"),
        (b"POST /api/books HTTP/1.1\r\nHost: shop\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000, b"413"),
    ],
)
def test_what_is_no_request_or_too_large_is_refused_and_closed(api: str, request_bytes: bytes, status: bytes) -> None:
    assert exchange(api, request_bytes).startswith(b"HTTP/1.1 " + status)
