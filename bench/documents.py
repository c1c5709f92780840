"""The documents that are measured: three operations for calls, and one of 500 operations for lists."""

from typing import Any

ADDRESS = {
    "type": "object",
    "required": ["street", "city"],
    "properties": {
        "street": {"type": "string", "maxLength": 200},
        "city": {"type": "string"},
        "country": {"type": "string", "minLength": 2, "maxLength": 2},
    },
}
ORDER = {
    "type": "object",
    "required": ["customer", "lines"],
    "properties": {
        "customer": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "email": {"type": "string"}, "address": ADDRESS},
        },
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "quantity"],
                "properties": {
                    "sku": {"type": "string"},
                    "quantity": {"type": "integer", "minimum": 1},
                    "price": {"type": "number"},
                    "options": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
        "note": {"type": "string"},
        "express": {"type": "boolean"},
    },
}
ANSWER = {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}}}


def _parameter(name: str, where: str, kind: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}


def calls(base_url: str) -> dict[str, Any]:
    """Three operations, one for each kind of call in the mix."""
    get = {
        "operationId": "get_item",
        "summary": "Get an item",
        "parameters": [
            _parameter("id", "path", "string"),
            _parameter("q", "query", "string"),
            _parameter("limit", "query", "integer"),
        ],
        "responses": ANSWER,
    }
    post = {
        "operationId": "create_order",
        "summary": "Create an order",
        "requestBody": {"required": True, "content": {"application/json": {"schema": ORDER}}},
        "responses": ANSWER,
    }
    report = {
        "operationId": "get_report",
        "summary": "A long report",
        "parameters": [_parameter("month", "query", "string")],
        "responses": ANSWER,
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "bench", "version": "1"},
        "servers": [{"url": base_url}],
        "paths": {"/items/{id}": {"get": get}, "/orders": {"post": post}, "/reports": {"get": report}},
    }


def many(base_url: str, count: int = 500) -> dict[str, Any]:
    """`count` operations with a few parameters and, every third, a body."""
    paths: dict[str, Any] = {}
    for number in range(count):
        operation: dict[str, Any] = {
            "operationId": f"operation_{number}",
            "summary": f"Operation number {number}",
            "description": "Does something that a description of ordinary length explains in one or two sentences. It is safe.",
            "parameters": [
                _parameter("id", "path", "string"),
                _parameter("limit", "query", "integer"),
                _parameter("q", "query", "string"),
            ],
            "responses": ANSWER,
        }
        if number % 3 == 0:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": ORDER}}}
        paths[f"/resource{number}/{{id}}"] = {"post" if number % 3 == 0 else "get": operation}
    return {
        "openapi": "3.0.3",
        "info": {"title": "many", "version": "1"},
        "servers": [{"url": base_url}],
        "paths": paths,
    }


def order() -> dict[str, Any]:
    """A nested order of about 2 kB as JSON."""
    line = {"sku": "SKU-000000", "quantity": 3, "price": 19.5, "options": ["red", "large", "gift wrap"]}
    return {
        "customer": {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "address": {"street": "12 Long Street", "city": "London", "country": "GB"},
        },
        "lines": [{**line, "sku": f"SKU-{i:06}"} for i in range(19)],
        "note": "please ring twice " * 10,
        "express": True,
    }
