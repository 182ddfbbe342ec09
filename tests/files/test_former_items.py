"""Ids that an item had which was removed, and that another one has now."""

from pathlib import Path

import pytest

from regml.files.former_items import FormerItem, former_items
from tests.files.test_history import Repository

OLD = "risk/RISK-009.md"
TEXT = "---\ntitle: {}\n---\nText.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "project")
    made.commit("First", {OLD: TEXT.format("Noise"), "a": "1"})
    return made


def asked(repository: Repository, title: str) -> tuple[FormerItem, ...]:
    return former_items(repository.root, {"RISK-009": title}, "HEAD")


def without(repository: Repository, message: str = "Remove it") -> str:
    (repository.root / OLD).unlink()
    return repository.commit(message, {"b": message}, GIT_COMMITTER_DATE="@86400 +0000")


def test_an_id_that_another_item_has_now_tells_of_the_one_before(
    repository: Repository,
) -> None:
    removed = without(repository)
    repository.commit("Another", {"risk/new/RISK-009.md": TEXT.format("Light")})
    why = f"removed in commit {removed[:12]} of 1970-01-02"
    assert asked(repository, "Light") == (FormerItem("RISK-009", "Noise", why),)


def test_an_item_that_was_brought_back_is_the_same_one(repository: Repository) -> None:
    without(repository)
    repository.commit("Back", {OLD: TEXT.format("Noise")})
    assert asked(repository, "Noise") == ()


def test_an_item_that_was_moved_and_renamed_later_is_the_same_one(
    repository: Repository,
) -> None:
    (repository.root / OLD).unlink()
    repository.commit("Move", {"risk/new/RISK-009.md": TEXT.format("Noise")})
    assert asked(repository, "Loud noise") == ()


def test_an_item_that_was_always_there_is_none(repository: Repository) -> None:
    repository.commit("Rename", {OLD: TEXT.format("Loud noise")})
    assert asked(repository, "Loud noise") == ()


def test_what_a_shallow_clone_knows_says_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    without(repository)
    repository.commit("Another", {OLD: TEXT.format("Light")})
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=1", repository.root.as_uri(), str(clone))
    assert former_items(clone, {"RISK-009": "Light"}, "HEAD") == ()
    assert former_items(tmp_path, {"RISK-009": "Light"}, "HEAD") == ()


def test_a_project_below_the_root_of_its_repository_is_asked_alike(
    tmp_path: Path,
) -> None:
    made = Repository(tmp_path / "many")
    path = made.root / "device" / OLD
    made.commit("First", {f"device/{OLD}": TEXT.format("Noise")})
    path.unlink()
    made.commit("Remove", {"b": "1"})
    made.commit("Another", {f"device/{OLD}": TEXT.format("Light")})
    [found] = former_items(made.root / "device", {"RISK-009": "Light"}, "HEAD")
    assert found.title == "Noise"
