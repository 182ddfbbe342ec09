"""Imported items are all written, or none."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError, ConfigError
from regml.exchange.convert import Converted
from regml.exchange.foreign import ForeignItem, ForeignLink, Reading
from regml.exchange.mapping import Mapping, completed, read_mapping, write_mapping
from regml.exchange.names import assign
from regml.exchange.place import checked_folder, place, write_all
from regml.files.new_item import FOLDERS
from regml.items.base import Kind
from regml.items.links import MODELS
from regml.items.requirements import UserNeed

ROOT = Path(__file__).parents[2]


def test_every_kind_has_a_folder_in_which_items_are_read() -> None:
    assert set(FOLDERS) == set(MODELS)
    for folder in FOLDERS.values():
        assert checked_folder(Path("/project"), Path(folder)) == folder


@pytest.mark.parametrize("folder", ["..", "/etc", "docs", ".", "risk/../.."])
def test_items_go_only_where_they_are_read(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ConfigError, match="items are not read there"):
        checked_folder(tmp_path, Path(folder))


def test_what_is_too_long_says_what_to_do() -> None:
    need = UserNeed(id="UN-01", title="A", text="x" * 1_000_001)
    placed, remarks = place([Converted(need, ForeignItem("N", "UN", "a.csv:2"))], [])
    assert placed == ()
    assert [remark.remedy for remark in remarks] == [
        "Keep what is not text beside the item and name it there."
    ]


def test_a_file_that_cannot_be_written_leaves_everything_as_it_was(
    tmp_path: Path,
) -> None:
    (tmp_path / "risk").mkdir()
    (tmp_path / "risk" / "a.md").write_text("before", encoding="utf-8")
    (tmp_path / "blocked").write_text("a file, no folder", encoding="utf-8")
    with pytest.raises(ConfigError, match="Nothing was imported"):
        write_all(
            tmp_path,
            {"risk/a.md": "after", "new/deep/b.md": "b", "blocked/c.md": "c"},
        )
    assert (tmp_path / "risk" / "a.md").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "a.md",
        "blocked",
        "risk",
    ]


def test_a_rename_that_fails_takes_back_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("before", encoding="utf-8")
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == "c.md":
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(ConfigError, match="No space left"):
        write_all(tmp_path, {"a.md": "after", "b.md": "b", "c.md": "c"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == "before"


def test_a_folder_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "project" / "risk").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="symbolic link"):
        write_all(tmp_path / "project", {"risk/a.md": "a"})
    assert not list((tmp_path / "outside").iterdir())


# -- ids ------------------------------------------------------------------------------


def named(*ids: str, existing: tuple[UserNeed, ...] = ()) -> list[str]:
    items = [(ForeignItem(one, "", ""), Kind.USER_NEED) for one in ids]
    names = assign(items, existing)
    return [names[one].id for one in ids]


def test_a_number_is_kept_where_it_is_free() -> None:
    assert named("A-7", "B_7", "C", "UN-09") == ["UN-007", "UN-010", "UN-011", "UN-09"]


def test_a_number_of_several_parts_says_nothing() -> None:
    assert named("r-3-1", "r-3-2", "1.2.3") == ["UN-001", "UN-002", "UN-003"]


def test_an_item_that_was_imported_before_keeps_its_id() -> None:
    old = UserNeed(id="UN-05", title="A", foreign_id="N-1")
    other = UserNeed(id="UN-01", title="B")
    assert named("N-1", "N-01", existing=(old, other)) == ["UN-05", "UN-06"]


def test_the_id_of_a_removed_item_is_not_given_again() -> None:
    items = [(ForeignItem(one, "", ""), Kind.USER_NEED) for one in ("N-2", "N")]
    names = assign(items, (), given=("UN-002", "UN-009"))
    assert [name.id for name in names.values()] == ["UN-010", "UN-011"]


# -- mappings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("kinds: {A: XX}", "XX is no kind of item"),
        ("fields: {A: titel}", "no item has a field 'titel'"),
        ("links: {A: nowhere}", "no item has a field 'nowhere'"),
        ("defaults: {SRS: {colour: red}}", "SRS has no field 'colour'"),
        ("kind: {A: SRS}", r"map\.yaml:1: has an unknown key 'kind'"),
        ("- a", "needs 'key: value' lines"),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BrokenFileError, match=words):
        read_mapping(path)


def test_the_mapping_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "exchange-with-other-tools.md"
    block = page.read_text(encoding="utf-8").partition("```yaml\n")[2]
    path = tmp_path / "map.yaml"
    path.write_text(block.partition("```")[0], encoding="utf-8")
    mapping = read_mapping(path)
    assert mapping.kind("SYS", "") == "UN"
    assert mapping.target("TST", "Ablauf") == "preparation"
    assert mapping.word("category", " leistung ") == "performance"


def test_a_mapping_can_be_toml(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[kinds]\nSYS = "UN"\n', encoding="utf-8")
    assert read_mapping(path) == Mapping(kinds={"SYS": "UN"})
    path.write_text("[kinds", encoding="utf-8")
    with pytest.raises(BrokenFileError, match=r"map\.toml: is not TOML"):
        read_mapping(path)


def test_a_written_mapping_speaks_of_all_that_the_source_holds(tmp_path: Path) -> None:
    item = ForeignItem(
        "X-1", "exotic", "", {"colour": "red"}, (ForeignLink("near", "Y"),)
    )
    whole = completed(Mapping(), Reading((item,)))
    assert whole.kinds == {"exotic": "ignore"}
    assert whole.fields == {"colour": "body"}
    assert whole.links == {"near": "auto"}
    path = tmp_path / "map.yaml"
    path.write_text(write_mapping(whole), encoding="utf-8")
    assert read_mapping(path) == whole
