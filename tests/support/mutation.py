"""Documents that are wrong in one place: a seeded mutator that puts a value of another kind where a node stood."""

import copy
import random
from collections.abc import Iterator

from apifold.core.values import JSON

ODD_VALUES: tuple[JSON, ...] = (
    None,
    True,
    False,
    0,
    -1,
    3.5,
    10**400,
    "",
    "text",
    "#",
    "#/",
    "#/paths",
    "\x00",
    "a\r\nb: c",
    "http://[",
    "ÿ" * 300,
    [],
    [[]],
    [None, 1, "x", {}],
    {},
    {"": {}},
    {"$ref": "#"},
    {"$ref": "#/nowhere"},
    {"$ref": 5},
    {"$ref": None},
    {"$ref": "other.yaml#/x"},
    {"$ref": "#anchor"},
    {"x-": []},
)


def mutants(document: JSON, *, seed: int, count: int, changes: int = 3) -> Iterator[JSON]:
    """`count` copies of a document, each with `changes` nodes replaced, dropped or doubled. Same seed, same mutants."""
    chance = random.Random(seed)  # noqa: S311  repeatable, not secret
    for _ in range(count):
        mutant = copy.deepcopy(document)
        for _ in range(chance.randint(1, changes)):
            _change(mutant, chance)
        yield mutant


def _change(document: JSON, chance: random.Random) -> None:
    places = list(_places(document))
    if not places:
        return
    container, key = chance.choice(places)
    value = copy.deepcopy(chance.choice(ODD_VALUES))
    if isinstance(container, list) and isinstance(key, int):
        container[key] = value
    elif isinstance(container, dict) and isinstance(key, str):
        match chance.randrange(4):
            case 0:
                del container[key]
            case 1:
                container[str(chance.choice(ODD_VALUES))[:40]] = container.pop(key)
            case _:
                container[key] = value


def _places(document: JSON) -> Iterator[tuple[JSON, str | int]]:
    """Every place in a document, with those near the root no rarer than those in the depths."""
    level: list[JSON] = [document]
    while level:
        below: list[JSON] = []
        for container in level:
            if isinstance(container, dict):
                yield from ((container, key) for key in container)
                below += container.values()
            elif isinstance(container, list):
                yield from ((container, index) for index in range(len(container)))
                below += container
        level = below
