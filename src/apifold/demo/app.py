"""The demo API over HTTP: which operation a request means, its arguments checked against the document, its answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from apifold.demo import document, forms
from apifold.demo.pictures import kind_of
from apifold.demo.shop import Book, Conflict, Cover, Missing, Order, Shop, page, stocked
from apifold.demo.wire import Request, Response

SHOP_KEY = "corner-shop-key"
"""What `X-Shop-Key` must be. Not a secret: it is printed where the demo is started."""

PICTURE_BYTES = 2 * 1024 * 1024


class Problem(Exception):
    """An answer with a status of 400 or more, as RFC 9457 has it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its arguments read and checked."""

    shop: Shop
    request: Request
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any


Answer = Callable[[Call], Awaitable[Response]]


async def list_books(call: Call) -> Response:
    return _json(200, _page(call, call.shop.find_books(call.query)))


async def add_book(call: Call) -> Response:
    book = call.shop.add_book(call.body)
    return _json(201, book, ("Location", f"{document.BASE_PATH}/books/{book['id']}"))


async def get_book(call: Call) -> Response:
    return _json(200, call.shop.book(call.path["bookId"]))


async def update_book(call: Call) -> Response:
    return _json(200, call.shop.change_book(call.path["bookId"], call.body))


async def remove_book(call: Call) -> Response:
    call.shop.remove_book(call.path["bookId"])
    return Response(204)


async def get_cover(call: Call) -> Response:
    picture = call.shop.cover_of(call.path["bookId"])
    return Response(200, picture.data, picture.content_type)


async def set_cover(call: Call) -> Response:
    number = call.path["bookId"]
    call.shop.book(number)
    parts = {part.name: part for part in forms.multipart(call.request.headers["content-type"], call.request.body)}
    image = parts.get("image")
    if image is None:
        raise Problem(422, "the form has no `image`", errors=(("/image", "is required"),))
    kind = kind_of(image.data)
    if not kind:
        raise Problem(415, "the image is neither PNG nor JPEG")
    if len(image.data) > PICTURE_BYTES:
        raise Problem(422, "the image has more than 2 MB", errors=(("/image", "is too large"),))
    caption = parts["caption"].data.decode("utf-8", "replace") if "caption" in parts else None
    call.shop.set_cover(number, Cover(kind, image.data, caption))
    return _json(200, {"bookId": number, "contentType": kind, "bytes": len(image.data), "caption": caption})


async def export_books(call: Call) -> Response:
    disposition = ("Content-Disposition", 'attachment; filename="books.csv"')
    return Response(200, call.shop.shelf_as_csv().encode(), "text/csv; charset=utf-8", (disposition,))


async def list_orders(call: Call) -> Response:
    return _json(200, _page(call, call.shop.find_orders(call.query.get("status", []))))


async def place_order(call: Call) -> Response:
    order = call.shop.place_order(call.body, repeat_key=call.request.headers.get("idempotency-key", ""))
    return _json(201, order, ("Location", f"{document.BASE_PATH}/orders/{quote(order['id'])}"))


async def get_order(call: Call) -> Response:
    return _json(200, call.shop.order(call.path["orderId"]))


async def cancel_order(call: Call) -> Response:
    return _json(200, call.shop.cancel_order(call.path["orderId"]))


async def sales_report(call: Call) -> Response:
    await asyncio.sleep(call.query.get("seconds", 2))
    return _json(200, call.shop.sales())


async def subscribe(call: Call) -> Response:
    topics = call.body.get("topics", [])
    call.shop.subscribe(call.body["email"], topics)
    return _json(201, {"email": call.body["email"], "topics": topics})


async def restock(call: Call) -> Response:
    return _json(200, call.shop.change_book(call.path["bookId"], {"stock": call.body["copies"]}))


ROUTES: Mapping[tuple[str, str], Answer] = {
    ("GET", "/books"): list_books,
    ("POST", "/books"): add_book,
    ("GET", "/books/{bookId}"): get_book,
    ("PATCH", "/books/{bookId}"): update_book,
    ("DELETE", "/books/{bookId}"): remove_book,
    ("GET", "/books/{bookId}/cover"): get_cover,
    ("PUT", "/books/{bookId}/cover"): set_cover,
    ("GET", "/exports/books.csv"): export_books,
    ("GET", "/orders"): list_orders,
    ("POST", "/orders"): place_order,
    ("GET", "/orders/{orderId}"): get_order,
    ("POST", "/orders/{orderId}/cancel"): cancel_order,
    ("GET", "/reports/sales"): sales_report,
    ("POST", "/newsletter"): subscribe,
    ("PUT", "/stock/{bookId}"): restock,
}


class DemoAPI:
    """The handler for `wire.HTTPServer`, with a shop of its own."""

    def __init__(self, shop: Shop | None = None) -> None:
        self.shop = shop or stocked()
        self._checker = document.Checker()

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except Problem as problem:
            return _problem(problem)
        except document.Mismatch as mismatch:
            return _problem(Problem(422, "the request does not fit the document", errors=mismatch.errors))
        except forms.BadForm as error:
            return _problem(Problem(422, str(error)))
        except Missing as error:
            return _problem(Problem(404, str(error)))
        except Conflict as error:
            return _problem(Problem(409, str(error)))

    async def _answer(self, request: Request) -> Response:
        if request.path == "/openapi.json" and request.method in {"GET", "HEAD"}:
            return Response(200, document.SOURCE, "application/json")
        template, values = _match(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        answer = ROUTES.get((method, template))
        if answer is None:
            allowed = ", ".join(method for method, path in ROUTES if path == template)
            raise Problem(405, f"{request.method} is not possible here", headers=(("Allow", allowed),))
        operation = document.operation(method, template)
        return await answer(self._read(request, operation, values))

    def _read(self, request: Request, operation: Mapping[str, Any], values: Mapping[str, str]) -> Call:
        if operation.get("security") and request.headers.get("x-shop-key") != SHOP_KEY:
            raise Problem(401, "this needs the shop's key in X-Shop-Key", headers=(("WWW-Authenticate", "ApiKey"),))
        parameters = operation["parameters"]
        path = document.read_path(parameters, values)
        query = document.read_query(parameters, request.query)
        for parameter in parameters:
            given = path if parameter["in"] == "path" else query
            if parameter["name"] in given:
                pointer = f"/{parameter['in']}/{parameter['name']}"
                self._checker.check(parameter["schema"], given[parameter["name"]], pointer=pointer)
        body = self._body(request, operation)
        return Call(self.shop, request, path, query, body)

    def _body(self, request: Request, operation: Mapping[str, Any]) -> object:
        if "requestBody" not in operation:
            return None
        content: Mapping[str, Any] = operation["requestBody"]["content"]
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in content:
            raise Problem(415, f"the body must be {' or '.join(content)}, not {media_type or 'of no type'}")
        if media_type == "multipart/form-data":
            return None  # its parts are bytes: the operation reads them
        schema = content[media_type]["schema"]
        value = _form(request.body) if media_type.endswith("urlencoded") else _decode(request.body)
        self._checker.check(schema, value, pointer="")
        return value


def _match(path: str) -> tuple[str, dict[str, str]]:
    """The path template that a path means, literal segments before variable ones, and the values in it."""
    if path.startswith(document.BASE_PATH + "/"):
        segments = path.removeprefix(document.BASE_PATH).split("/")
        for template in document.DOCUMENT["paths"]:
            pattern = template.split("/")
            if len(pattern) == len(segments) and all(
                wanted.startswith("{") or wanted == found for wanted, found in zip(pattern, segments, strict=True)
            ):
                return template, {
                    wanted[1:-1]: found
                    for wanted, found in zip(pattern, segments, strict=True)
                    if wanted.startswith("{")
                }
    raise Problem(404, f"there is nothing at {path}; the document is at /openapi.json")


def _form(body: bytes) -> dict[str, object]:
    """`email=…&topics=…&topics=…` as the value that the schema describes."""
    value: dict[str, object] = {}
    topics: list[str] = []
    for name, text in forms.urlencoded(body):
        if name == "topics":
            topics.append(text)
        else:
            value[name] = text
    return {**value, "topics": topics} if topics else value


def _decode(body: bytes) -> object:
    """A JSON value (RFC 8259: no NaN, and nothing that UTF-8 cannot say)."""
    try:
        value: object = json.loads(body, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is not JSON: {error}") from error
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _page(call: Call, items: list[Book] | list[Order]) -> dict[str, object]:
    return page(items, limit=call.query.get("limit", 20), offset=call.query.get("offset", 0))


def _json(status: int, value: object, *headers: tuple[str, str]) -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", headers)


def _problem(problem: Problem) -> Response:
    value: dict[str, object] = {
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        value["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in problem.errors]
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(problem.status, body, "application/problem+json", problem.headers)
