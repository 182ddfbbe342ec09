"""A new item: its id was never given before, and its file is whole."""

import datetime as dt
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from regml.cli import cli
from regml.errors import BrokenFileError, UnknownIdError
from regml.files.markdown import parse_item, read_items
from regml.files.new_item import (
    FOLDERS,
    folder_of,
    item_text,
    kind_named,
    kind_table,
    new_item,
    next_id,
)
from regml.items.base import Kind
from regml.items.requirements import Requirement
from regml.items.wording import placeholders

TODAY = dt.date(2026, 1, 2)
ITEM = "---\ntitle: A\ncategory: data\n---\nThe software shall be.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.email", "dora@example.org")
    git(tmp_path, "config", "user.name", "Dora")
    (tmp_path / "regml.toml").write_text("", encoding="utf-8")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


def put(root: Path, *ids: str, folder: str = "requirements_srs/software") -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for item_id in ids:
        (root / folder / f"{item_id}.md").write_text(ITEM, encoding="utf-8")


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "-qm", "Write")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_new_item_of_every_kind_is_valid_and_says_what_is_to_be_written(
    kind: Kind,
) -> None:
    path = f"{FOLDERS[kind]}/{kind}-01.md"
    text = item_text(kind, 'A "title": x # y', {}, path=path, today=TODAY)
    item = parse_item(path, text).item
    assert item.title == 'A "title": x # y'
    assert item.kind is kind
    assert list(placeholders(text))


@pytest.mark.parametrize("kind", list(Kind))
def test_the_first_item_of_every_kind_has_a_folder_and_a_number(
    project: Path, kind: Kind
) -> None:
    path = new_item(project, kind, "First", {}, today=TODAY)
    assert path.startswith(f"{FOLDERS[kind]}/{kind}-0")
    [located] = read_items(project)
    assert located.path == path
    assert int(located.item.id.partition("-")[2]) == 1


def test_the_next_id_comes_after_the_highest_one(project: Path) -> None:
    put(project, "SRS-001", "SRS-012")
    put(project, "SRS-020", folder="requirements_srs/old")
    assert next_id(project, Kind.REQUIREMENT) == "SRS-021"


def test_an_id_of_a_removed_item_is_not_given_again(project: Path) -> None:
    put(project, "SRS-001", "SRS-007")
    commit(project)
    (project / "requirements_srs/software/SRS-007.md").unlink()
    commit(project)
    assert next_id(project, Kind.REQUIREMENT) == "SRS-008"


def test_an_id_on_another_branch_or_of_a_renamed_item_is_taken(project: Path) -> None:
    put(project, "SRS-001")
    commit(project)
    git(project, "checkout", "-qb", "other")
    put(project, "SRS-030")
    commit(project)
    folder = project / "requirements_srs/software"
    (folder / "SRS-030.md").rename(folder / "SRS-040.md")
    commit(project)
    git(project, "checkout", "-q", "-")
    assert not (folder / "SRS-040.md").exists()
    assert next_id(project, Kind.REQUIREMENT) == "SRS-041"


def test_ids_keep_the_width_they_have(project: Path) -> None:
    put(project, "SRS-0009")
    put(project, "RISK-99", folder="risk")
    assert next_id(project, Kind.REQUIREMENT) == "SRS-0010"
    assert next_id(project, Kind.RISK) == "RISK-100"
    assert next_id(project, Kind.SOUP) == "SOUP-001"
    assert next_id(project, Kind.USER_NEED) == "UN-01"


def test_outside_a_repository_the_files_alone_count(tmp_path: Path) -> None:
    put(tmp_path, "SRS-004")
    assert next_id(tmp_path, Kind.REQUIREMENT) == "SRS-005"


def test_a_new_item_lies_where_the_others_of_its_kind_lie(project: Path) -> None:
    put(project, "SRS-001", "SRS-002", folder="requirements_srs/backend")
    put(project, "SRS-003")
    assert folder_of(project, Kind.REQUIREMENT) == "requirements_srs/backend"


def test_two_at_once_never_write_the_same_file(project: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(
            pool.map(
                lambda n: new_item(project, Kind.RISK, f"Risk {n}", {}, today=TODAY),
                range(16),
            )
        )
    assert len(set(paths)) == 16
    titles = {located.item.title for located in read_items(project)}
    assert titles == {f"Risk {n}" for n in range(16)}


def test_fields_are_given_in_yaml_and_one_value_may_stand_for_a_list(
    project: Path,
) -> None:
    fields = {"category": "data", "refines": "UN-01", "controls": "[RISK-001]"}
    fields |= {"text": "The software shall be.\n"}
    path = new_item(project, Kind.REQUIREMENT, "A", fields, today=TODAY)
    text = (project / path).read_text(encoding="utf-8")
    item = parse_item(path, text).item
    assert isinstance(item, Requirement)
    assert (item.category, item.refines, item.controls, item.text) == (
        "data",
        ("UN-01",),
        ("RISK-001",),
        "The software shall be.\n",
    )
    assert list(placeholders(text)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": "1"},
        {"category": "fast"},
        {"refines": "UN-x"},
        {"id": "SRS-009"},
        {"category": "a: [b"},
        {"category": "*a"},
    ],
)
def test_a_wrong_field_writes_nothing(project: Path, fields: dict[str, str]) -> None:
    with pytest.raises(BrokenFileError):
        new_item(project, Kind.REQUIREMENT, "A", fields, today=TODAY)
    assert not (project / "requirements_srs").exists()


def test_a_kind_is_named_in_any_case_and_an_unknown_one_is_answered() -> None:
    assert kind_named("srs") is kind_named("SRS") is Kind.REQUIREMENT
    with pytest.raises(UnknownIdError, match=r"'req'\. Kinds: un, srs, .*ext"):
        kind_named("req")


def test_every_kind_is_listed_with_its_next_id(project: Path) -> None:
    rows = {row[0]: row for row in kind_table(project)}
    assert set(rows) == {kind.value.lower() for kind in Kind}
    assert rows["srs"][2:] == ("requirements_srs/software", "SRS-001")


def test_the_command_prints_the_path(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    made = CliRunner().invoke(cli, ["new", "risk", "Wrong side", "--field", "text=x"])
    assert made.exit_code == 0
    assert made.output == "risk/RISK-001.md\n"
    assert "title: Wrong side\n" in (project / "risk/RISK-001.md").read_text("utf-8")
    listed = CliRunner().invoke(cli, ["new", "--list"])
    assert "RISK-002" in listed.output


@pytest.mark.parametrize(
    "arguments", [[], ["srs"], ["srs", "A", "--field", "category"]]
)
def test_an_incomplete_command_says_what_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(project)
    assert CliRunner().invoke(cli, ["new", *arguments]).exit_code == 2
    assert not (project / "requirements_srs").exists()
