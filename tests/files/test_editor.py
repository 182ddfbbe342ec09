"""What editors get: schemas that say what the reader says, settings and snippets."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from regml.cli import cli
from regml.files.editor import editor_files, schema_files
from regml.files.markdown import ITEM_FOLDERS, read_items
from regml.items.base import Kind
from regml.items.schema import SCHEMAS, schema

ROOT = Path(__file__).parents[2]


def front_matter(path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])
    return fields


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_closed_and_describes_itself_and_its_fields(name: str) -> None:
    made = schema(name)
    assert made["$schema"].startswith("https://json-schema.org/")
    for part in (made, *made.get("$defs", {}).values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["description"]
            assert "Attributes:" not in part["description"]
    bare = [key for key, row in made["properties"].items() if "description" not in row]
    assert bare == []


@pytest.mark.parametrize("kind", list(Kind))
def test_the_schema_of_a_kind_has_neither_id_nor_text(kind: Kind) -> None:
    made = schema(kind.value.lower())
    assert not {"id", "text"} & set(made["properties"])
    assert "id" not in made.get("required", ())
    assert "title" in made["required"]


def test_the_schemas_know_every_field_of_the_example() -> None:
    for located in read_items(ROOT):
        made = schema(located.item.kind.value.lower())
        fields = front_matter(ROOT / located.path)
        assert set(fields) <= set(made["properties"]), located.path
        assert set(made["required"]) <= set(fields), located.path


def test_the_schemas_know_the_configuration_of_the_example() -> None:
    config = tomllib.loads((ROOT / "regml.toml").read_text("utf-8"))
    policy = yaml.safe_load((ROOT / "risk" / "policy.yaml").read_text("utf-8"))
    for name, fields in (("regml-toml", config), ("risk-policy", policy)):
        made = schema(name)
        assert set(fields) <= set(made["properties"])
        assert set(made["required"]) <= set(fields)
    link = schema("regml-toml")["$defs"]["LinkType"]
    assert {"from", "to"} <= set(link["properties"])
    assert link["properties"]["from"]["description"]


def test_every_reference_in_a_schema_leads_to_a_definition() -> None:
    for text in schema_files().values():
        made = json.loads(text)
        names = {f"#/$defs/{name}" for name in made.get("$defs", {})}
        assert set(references(made)) <= names


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for part in value.values() for ref in references(part)]
    if isinstance(value, list):
        return [ref for part in value for ref in references(part)]
    return []


def test_settings_name_schemas_that_are_there() -> None:
    files = editor_files()
    settings = json.loads(files[".vscode/settings.json"])
    assert {path.removeprefix("./") for path in settings["yaml.schemas"]} <= set(files)
    [rule] = tomllib.loads(files[".taplo.toml"])["rule"]
    assert rule["include"] == ["regml.toml"]
    assert rule["schema"]["path"].removeprefix("./") in files


def test_there_is_a_snippet_for_every_kind_that_becomes_an_item() -> None:
    snippets = json.loads(editor_files()[".vscode/regml.code-snippets"])
    assert {row["prefix"] for row in snippets.values()} == {
        f"regml-{kind.value.lower()}" for kind in Kind
    }
    for row in snippets.values():
        assert row["body"][0] == "---"
        assert any("${1:Title}" in line for line in row["body"])


def test_a_new_project_has_the_files_and_none_of_them_is_an_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regml.starter import start_project

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = start_project(tmp_path / "project").root
    for name, text in editor_files().items():
        assert (root / name).read_text("utf-8") == text
        assert not name.startswith(ITEM_FOLDERS)


def test_schemas_are_printed_listed_and_written(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["schema", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert run().split() == list(SCHEMAS)
    assert json.loads(run("SRS")) == schema("srs")
    run("--out", str(tmp_path / "all"))
    assert {p.name: p.read_text("utf-8") for p in (tmp_path / "all").iterdir()} == (
        schema_files()
    )
    run("risk", "--out", str(tmp_path / "one"))
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["risk.schema.json"]
