"""The bookshop itself: what is on the shelf, what was ordered, and the rules between the two. Plain state, no HTTP."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NotRequired, TypedDict, TypeVar

from apifold.demo.pictures import cover

T = TypeVar("T")


class Author(TypedDict):
    name: str
    born: NotRequired[int | None]


class Price(TypedDict):
    amount: float
    currency: str


class Book(TypedDict):
    id: int
    title: str
    subtitle: str | None
    authors: list[Author]
    genre: str
    price: Price
    published: str | None
    stock: int
    tags: list[str]


BLANK: Mapping[str, object] = {
    "id": 0,
    "title": "",
    "subtitle": None,
    "authors": (),
    "genre": "",
    "price": None,
    "published": None,
    "stock": 0,
    "tags": (),
}
"""The fields of a book in order; those that a new book must name come from it."""


class OrderLine(TypedDict):
    bookId: int
    copies: int


class Order(TypedDict):
    id: str
    status: str
    customer: Mapping[str, object]
    lines: list[OrderLine]
    note: str | None
    total: list[Price]
    placedAt: str


class Missing(Exception):
    """There is no such thing."""


class Conflict(Exception):
    """It does not fit the state of the shop."""


@dataclass(frozen=True, slots=True)
class Cover:
    content_type: str
    data: bytes
    caption: str | None


@dataclass
class Shop:
    books: dict[int, Book] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    covers: dict[int, Cover] = field(default_factory=dict)
    subscribers: dict[str, list[str]] = field(default_factory=dict)
    repeats: dict[str, str] = field(default_factory=dict)
    """Idempotency key to order id."""
    last_book: int = 0
    last_order: int = 1000

    def book(self, number: int) -> Book:
        try:
            return self.books[number]
        except KeyError:
            raise Missing(f"there is no book {number}") from None

    def order(self, number: str) -> Order:
        try:
            return self.orders[number]
        except KeyError:
            raise Missing(f"there is no order {number}") from None

    def add_book(self, new: Mapping[str, object]) -> Book:
        self.last_book += 1
        book: Book = {name: new.get(name, default) for name, default in BLANK.items()}  # type: ignore[assignment] # checked against NewBook
        book["id"] = self.last_book
        if any(_same_work(book, other) for other in self.books.values()):
            self.last_book -= 1
            raise Conflict(f"“{book['title']}” by {book['authors'][0]['name']} is on the shelf already")
        self.books[book["id"]] = book
        return book

    def change_book(self, number: int, change: Mapping[str, object]) -> Book:
        """RFC 7396: members replace members; fields that can be empty are cleared by null."""
        book: Book = {**self.book(number), **change}  # type: ignore[typeddict-item] # checked against BookChange
        self.books[number] = book
        return book

    def remove_book(self, number: int) -> None:
        book = self.book(number)
        waiting = [order["id"] for order in self.orders.values() if order["status"] == "open" and _has(order, number)]
        if waiting:
            raise Conflict(f"“{book['title']}” is in open order {waiting[0]}; cancel that first")
        del self.books[number]
        self.covers.pop(number, None)

    def find_books(self, wanted: Mapping[str, object]) -> list[Book]:
        """`wanted` has the query arguments of `listBooks`, checked."""
        found = [book for book in self.books.values() if _matches(book, wanted)]
        order = str(wanted.get("sort", "title"))
        key = order.removeprefix("-")
        found.sort(key=lambda book: _sort_value(book, key), reverse=order.startswith("-"))
        return found

    def cover_of(self, number: int) -> Cover:
        book = self.book(number)
        return self.covers.get(number) or Cover("image/png", cover(number), f"A plain cover for {book['title']}")

    def set_cover(self, number: int, picture: Cover) -> None:
        self.book(number)
        self.covers[number] = picture

    def place_order(self, new: Mapping[str, object], *, repeat_key: str = "") -> Order:
        if repeat_key in self.repeats:
            return self.orders[self.repeats[repeat_key]]
        lines: list[OrderLine] = new["lines"]  # type: ignore[assignment] # checked against NewOrder
        taken = _copies(lines)
        for number, copies in taken.items():
            book = self.book(number)
            if copies > book["stock"]:
                raise Conflict(f"only {book['stock']} copies of “{book['title']}” are left, not {copies}")
        for number, copies in taken.items():
            self.books[number]["stock"] -= copies
        self.last_order += 1
        order: Order = {
            "id": f"A-{self.last_order}",
            "status": "open",
            "customer": new["customer"],  # type: ignore[typeddict-item] # checked against NewOrder
            "lines": lines,
            "note": new.get("note"),  # type: ignore[typeddict-item] # same
            "total": _sums([(self.books[number]["price"], copies) for number, copies in taken.items()]),
            "placedAt": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self.orders[order["id"]] = order
        if repeat_key:
            self.repeats[repeat_key] = order["id"]
        return order

    def cancel_order(self, number: str) -> Order:
        order = self.order(number)
        if order["status"] != "open":
            raise Conflict(f"order {number} is {order['status']} already")
        for book_id, copies in _copies(order["lines"]).items():
            self.books[book_id]["stock"] += copies
        order["status"] = "cancelled"
        return order

    def find_orders(self, statuses: Sequence[str]) -> list[Order]:
        """Newest first; no statuses means all."""
        return [order for order in reversed(self.orders.values()) if not statuses or order["status"] in statuses]

    def subscribe(self, email: str, topics: list[str]) -> None:
        if email in self.subscribers:
            raise Conflict(f"{email} is subscribed already")
        self.subscribers[email] = topics

    def sales(self) -> dict[str, object]:
        sold: dict[int, int] = {}
        open_orders = self.find_orders(["open"])
        for order in open_orders:
            for number, copies in _copies(order["lines"]).items():
                sold[number] = sold.get(number, 0) + copies
        best = max(sold, key=lambda number: (sold[number], -number), default=0)
        return {
            "orders": len(open_orders),
            "copies": sum(sold.values()),
            "revenue": _sums([(price, 1) for order in open_orders for price in order["total"]]),
            "bestSeller": self.books[best] if best else None,
        }

    def shelf_as_csv(self) -> str:
        out = io.StringIO()
        table = csv.writer(out)
        table.writerow(["id", "title", "authors", "genre", "amount", "currency", "stock"])
        for book in self.books.values():
            names = "; ".join(author["name"] for author in book["authors"])
            price = book["price"]
            row = [book["id"], book["title"], names, book["genre"], price["amount"], price["currency"], book["stock"]]
            table.writerow(row)
        return out.getvalue()


def page(items: Sequence[T], *, limit: int, offset: int) -> dict[str, object]:
    """One page of a list, in the shape that every list of this API has."""
    end = offset + limit
    return {
        "items": list(items[offset:end]),
        "total": len(items),
        "nextOffset": end if end < len(items) else None,
    }


def stocked() -> Shop:
    """A shop with a dozen books."""
    shop = Shop()
    for title, author, born, genre, amount, published, stock in SHELF:
        shop.add_book(
            {
                "title": title,
                "authors": [{"name": author, "born": born}],
                "genre": genre,
                "price": {"amount": amount, "currency": "EUR"},
                "published": published,
                "stock": stock,
            }
        )
    return shop


def _same_work(book: Book, other: Book) -> bool:
    return (book["title"], book["authors"][0]["name"]) == (other["title"], other["authors"][0]["name"])


def _has(order: Order, number: int) -> bool:
    return any(line["bookId"] == number for line in order["lines"])


def _copies(lines: Sequence[OrderLine]) -> dict[int, int]:
    taken: dict[int, int] = {}
    for line in lines:
        taken[line["bookId"]] = taken.get(line["bookId"], 0) + line["copies"]
    return taken


def _sums(parts: Sequence[tuple[Price, int]]) -> list[Price]:
    """Prices added up per currency, exact to the cent."""
    sums: dict[str, Decimal] = {}
    for price, times in parts:
        sums[price["currency"]] = sums.get(price["currency"], Decimal(0)) + Decimal(str(price["amount"])) * times
    return [{"amount": float(amount), "currency": currency} for currency, amount in sorted(sums.items())]


def _matches(book: Book, wanted: Mapping[str, object]) -> bool:
    names = " ".join(author["name"] for author in book["authors"]).casefold()
    words = str(wanted.get("q", "")).casefold().split()
    text = f"{book['title']} {book['subtitle'] or ''}".casefold() + " " + names
    genres = wanted.get("genre")
    narrow = wanted.get("filter")
    return (
        all(word in text for word in words)
        and (not isinstance(genres, list) or book["genre"] in genres)
        and (not isinstance(narrow, dict) or _fits(book, names, narrow))
    )


def _fits(book: Book, names: str, narrow: Mapping[str, object]) -> bool:
    amount = book["price"]["amount"]
    low, high = narrow.get("minPrice", amount), narrow.get("maxPrice", amount)
    return (
        str(narrow.get("author", "")).casefold() in names
        and isinstance(low, int | float)
        and isinstance(high, int | float)
        and low <= amount <= high
        and narrow.get("inStock", book["stock"] > 0) == (book["stock"] > 0)
    )


def _sort_value(book: Book, key: str) -> tuple[str | float, int]:
    if key == "price":
        return book["price"]["amount"], book["id"]
    if key == "published":
        return book["published"] or "", book["id"]
    return book["title"].casefold(), book["id"]


SHELF: tuple[tuple[str, str, int, str, float, str, int], ...] = (
    ("The Left Hand of Darkness", "Ursula K. Le Guin", 1929, "fiction", 12.0, "1969-03-01", 5),
    ("A Wizard of Earthsea", "Ursula K. Le Guin", 1929, "children", 9.5, "1968-11-01", 8),
    ("Frankenstein", "Mary Shelley", 1797, "fiction", 7.9, "1818-01-01", 12),
    ("Middlemarch", "George Eliot", 1819, "fiction", 10.0, "1871-12-01", 3),
    ("The Time Machine", "H. G. Wells", 1866, "fiction", 6.5, "1895-05-07", 9),
    ("On the Origin of Species", "Charles Darwin", 1809, "science", 14.0, "1859-11-24", 4),
    ("Silent Spring", "Rachel Carson", 1907, "science", 13.2, "1962-09-27", 6),
    ("A Brief History of Time", "Stephen Hawking", 1942, "science", 11.9, "1988-03-01", 0),
    ("The Histories", "Herodotus", -484, "history", 15.5, "1996-01-01", 2),
    ("The Guns of August", "Barbara W. Tuchman", 1912, "history", 13.9, "1962-01-01", 5),
    ("Leaves of Grass", "Walt Whitman", 1819, "poetry", 8.8, "1855-07-04", 7),
    ("Goblin Market", "Christina Rossetti", 1830, "poetry", 5.9, "1862-01-01", 10),
)
