"""`docs/configuration.md` names every key of the file and every option that goes with it, and no other."""

import re
from pathlib import Path

from apifold.bootstrap.config import parse_config
from apifold.bootstrap.options import Layer, LimitsLayer, SelectLayer
from apifold.cli.arguments import COMMANDS, parser_of
from apifold.settings import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()


def test_every_key_is_explained_and_no_other() -> None:
    explained = {
        key
        for row in re.findall(r"^\| (`[a-z_`., ]+`) \| (?:`|\|)", PAGE, flags=re.MULTILINE)
        for key in re.findall(r"`([a-z_.]+)`", row)
    }
    groups = {"select": SelectLayer, "limits": LimitsLayer}
    known = set(Layer.__struct_fields__) - set(groups)
    known |= {f"{group}.{key}" for group, struct in groups.items() for key in struct.__struct_fields__}
    assert explained == known


def test_every_option_it_names_is_one_of_serve() -> None:
    serve = next(command for command in COMMANDS if command.name == "serve")
    options = {name for action in parser_of(serve)._actions for name in action.option_strings}
    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= options


def test_example_is_a_file_that_is_accepted() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    layer = parse_config(example.encode(), {"SHOP_KEY": "k"})
    assert (layer.spec, layer.port, layer.token) == ("openapi.yaml", 8080, None)


def test_every_variable_of_ours_is_explained() -> None:
    named = set(re.findall(r"`APIFOLD_([A-Z_]+)`", PAGE))
    assert named == {name.upper() for name in Settings._fields} | {"DEBUG"}
