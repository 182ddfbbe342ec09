"""Runs recorded in the repositories people have, not only in plain clones."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from regml.digest import digest_path
from regml.errors import BrokenFileError, ConfigError, UnknownIdError
from regml.files.git import list_files
from regml.project import open_project
from regml.records.held import difference
from regml.trace.rules import check
from tests.layouts.conftest import Place, run
from tests.records.conftest import MAIN

FILES_AT_TOP = ("regml.toml", "risk", "requirements.txt")


def test_a_clone_verifies_and_records_as_the_original(place: Place) -> None:
    found = place.verify()
    assert (found.believed, found.explained, found.absent) == (1, 1, ("out",))
    assert place.check() == place.check(at="HEAD") == []
    place.is_right()


def test_a_worktree_has_its_own_commit_and_its_own_dirt(
    place: Place, tmp_path: Path
) -> None:
    place.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "neben an"))
    beside = Place(tmp_path / "neben an")
    beside.write("note.txt", "1\n")
    beside.commit()
    place.write("requirements.txt", "# 1\n")
    beside.is_right()
    assert "uncommitted changes (requirements.txt)" in str(_dirt_of(place))


def test_a_revision_that_a_shallow_clone_lacks_says_how_to_get_it(
    place: Place, tmp_path: Path
) -> None:
    earlier = place.git("rev-parse", "HEAD").strip()
    place.write("src/other.py", "x = 1\n")
    place.commit()
    origin = f"file://{place.root}"
    run(tmp_path, "git", "clone", "-q", "--depth", "1", origin, "shallow")
    with pytest.raises(UnknownIdError, match="git fetch --unshallow"):
        open_project(tmp_path / "shallow", at=earlier)
    with pytest.raises(UnknownIdError, match="git log --oneline"):
        open_project(place.root, at="nothing")


def test_a_revision_refuses_links_and_submodules_that_stand_for_items(
    place: Place, tmp_path: Path
) -> None:
    """What the work tree refuses is not left out in silence at a revision."""
    item = place.root / "requirements_srs" / "SRS-001.md"
    item.rename(place.root / "shared.md")
    item.symlink_to("../shared.md")
    place.commit()
    for at in (None, "HEAD"):
        with pytest.raises(BrokenFileError, match=r"SRS-001\.md: is a symbolic link"):
            open_project(place.root, at=at)
    item.unlink()
    (place.root / "risk").rename(place.root / "shared")
    (place.root / "risk").symlink_to("shared")
    place.commit()
    for at in (None, "HEAD"):
        with pytest.raises(BrokenFileError, match="risk: is a symbolic link"):
            open_project(place.root, at=at)
    library = Place(tmp_path / "library")
    library.write("SRS-002.md", "---\ntitle: R\ncategory: functional\n---\nShall.\n")
    library.git("init", "--quiet")
    library.commit()
    (place.root / "risk").unlink()
    (place.root / "shared").rename(place.root / "risk")
    where = "requirements_srs/of-others"
    place.git("submodule", "--quiet", "add", str(library.root), where)
    place.commit()
    with pytest.raises(BrokenFileError, match=f"{where}: is a submodule"):
        open_project(place.root, at="HEAD")


def test_a_project_that_was_moved_says_where_it_was_looked_for(place: Place) -> None:
    place.git("mv", "-k", *FILES_AT_TOP, "requirements_srs")  # anywhere below
    (place.root / "dev").mkdir()
    place.git("mv", "requirements_srs", "dev/all")
    place.commit()
    with pytest.raises(ConfigError, match=r"no dev/all/regml\.toml in this revision"):
        open_project(place.root / "dev" / "all", at="HEAD~1")


def test_a_shallow_clone_with_a_detached_head_records_its_commit(
    base: Place, tmp_path: Path
) -> None:
    place = Place(tmp_path / "flach")
    source = base.root.as_uri()
    run(tmp_path, "git", "clone", "-q", "--depth=1", source, str(place.root))
    place.git("checkout", "--quiet", "--detach")
    # the commit of the recorded run is not here, and nothing is held against it
    assert place.verify().problems == ()
    place.is_right()


def test_a_project_in_a_folder_of_a_bigger_repository(
    base: Place, tmp_path: Path
) -> None:
    top = Place(tmp_path / "gross")
    place = _below(base, top, "geräte/eins")
    top.write("other/notes.txt", "1\n")
    top.git("init", "--quiet")
    top.commit()
    top.write("other/notes.txt", "2\n")  # somebody else's work is no dirt of ours
    [(rule, said)] = place.check()  # its history stayed where it came from
    assert rule == "M04"
    assert "which is not in this repository" in said
    place.is_right()
    top.commit()
    assert place.check(at="HEAD") == []


def test_a_project_that_is_a_submodule(place: Place, tmp_path: Path) -> None:
    outer = Place(tmp_path / "aussen")
    outer.root.mkdir()
    outer.git("init", "--quiet")
    outer.git("submodule", "--quiet", "add", str(place.root), "inner")
    outer.commit()
    inner = Place(outer.root / "inner")
    inner.is_right()
    assert inner.git("rev-parse", "HEAD") != outer.git("rev-parse", "HEAD")


@pytest.fixture
def with_library(place: Place, tmp_path: Path) -> Place:
    """A project that has another repository among its sources."""
    library = Place(tmp_path / "library")
    library.write("algorithm.py", "ANSWER = 1\n")
    library.git("init", "--quiet")
    library.commit()
    place.git("submodule", "--quiet", "add", str(library.root), "src/library")
    place.commit()
    return place


def test_a_submodule_counts_by_its_commit(with_library: Place) -> None:
    place = with_library
    place.is_right()
    inner = Place(place.root / "src/library")
    before = open_project(place.root).evidence.code
    inner.write("algorithm.py", "ANSWER = 2\n")
    assert "src/library" in str(_dirt_of(place))
    first = place.record().origin.diff_sha256
    inner.write("algorithm.py", "ANSWER = 3\n")
    assert place.record().origin.diff_sha256 != first
    inner.commit()
    assert "src/library" in str(_dirt_of(place))
    place.commit()
    place.is_right()
    assert open_project(place.root).evidence.code != before


def test_no_setting_hides_what_differs_in_a_submodule(with_library: Place) -> None:
    place = with_library
    place.git("config", "submodule.src/library.ignore", "all")
    place.git("config", "diff.ignoreSubmodules", "all")
    Place(place.root / "src/library").write("new.py", "1\n")
    assert "src/library" in str(_dirt_of(place))


def test_a_submodule_belongs_to_a_software_item(with_library: Place) -> None:
    place = with_library

    def unclaimed() -> list[str]:
        (outcome,) = check(open_project(place.root).graph, ["T07"])
        return [finding.subject for finding in outcome.findings]

    assert "src/library" in unclaimed()
    place.write(
        "design/SW-01.md",
        "---\ntitle: S\nsafety_class: B\nsources: [src/library/algorithm.py, src]\n"
        "---\nText.\n",
    )
    assert unclaimed() == []


def test_an_input_in_a_submodule_is_tracked_by_its_commit(with_library: Place) -> None:
    place = with_library
    inner = Place(place.root / "src/library")
    pipeline = (place.root / "dvc.yaml").read_text()
    wanted = "src/library/algorithm.py, src/library/loose.txt"
    place.write("dvc.yaml", pipeline.replace("input.txt", f"input.txt, {wanted}"))
    inner.write(".gitignore", "loose.txt\n")
    inner.commit()
    inner.write("loose.txt", "nobody tracks it\n")
    place.commit()
    assert place.record().origin.dirty == ("src/library/loose.txt",)


def test_a_submodule_that_is_not_checked_out_is_said(
    with_library: Place, tmp_path: Path
) -> None:
    place = Place(tmp_path / "ohne")
    run(tmp_path, "git", "clone", "-q", str(with_library.root), str(place.root))
    # what is under control is the same, but what ran cannot have been all of it
    same = open_project(place.root).evidence.code
    assert same == open_project(with_library.root).evidence.code
    assert place.record().origin.dirty == ("src/library",)


def test_a_repository_that_is_no_submodule_is_uncontrolled_code(place: Place) -> None:
    nested = Place(place.root / "src/copied")
    nested.write("a.py", "1\n")
    nested.git("init", "--quiet")
    nested.commit()
    assert place.record().origin.dirty == ("src/copied",)


def test_links_count_by_what_they_lead_to(place: Place, tmp_path: Path) -> None:
    place.write("shared/common.py", "A = 1\n")
    (place.root / "src/common.py").symlink_to("../shared/common.py")
    place.commit()
    place.is_right()
    assert list_files(place.root).links == {"src/common.py": "../shared/common.py"}
    before = open_project(place.root).evidence.code
    place.write("shared/common.py", "A = 2\n")
    place.commit()
    place.is_right()
    assert open_project(place.root).evidence.code != before


def test_a_link_that_leads_out_of_the_project_is_said(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "private.py").write_text("A = 1\n")
    (tmp_path / "private.txt").write_text("line\n")
    (place.root / "src/private.py").symlink_to(tmp_path / "private.py")
    (place.root / "input.txt").unlink()
    (place.root / "input.txt").symlink_to(tmp_path / "private.txt")
    place.commit()
    assert place.record().origin.dirty == ("input.txt", "src/private.py")


def _windows(origin: Place, folder: Path) -> Place:
    settings = ("-c", "core.autocrlf=true")
    run(folder, "git", "clone", "-q", *settings, str(origin.root), "windows")
    return Place(folder / "windows")


def test_no_setting_of_a_clone_rewrites_line_ends(base: Place, tmp_path: Path) -> None:
    place = _windows(base, tmp_path)
    for name in ("src/make.py", "input.txt", "dvc.lock"):
        kept = (base.root / name).read_bytes()
        assert (place.root / name).read_bytes() == kept
    assert place.verify().problems == ()


def test_line_ends_that_git_rewrites_are_no_other_code(
    place: Place, tmp_path: Path
) -> None:
    lines = (place.root / ".gitattributes").read_text().replace("* -text\n", "")
    place.write(".gitattributes", lines)
    place.commit()
    clone = _windows(place, tmp_path)
    assert b"\r\n" in (clone.root / "src/make.py").read_bytes()
    code = open_project(place.root).evidence.code
    assert open_project(clone.root).evidence.code == code
    assert clone.verify().problems == ()


def test_other_line_ends_of_a_file_are_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{\n}\n")
    recorded = digest_path(path, name="a.json")
    path.write_bytes(b"{\r\n}\r\n")
    assert "its line ends alone" in (difference(tmp_path, recorded) or "")
    path.write_bytes(b"{1\r\n}\r\n")
    assert "line ends" not in (difference(tmp_path, recorded) or "line ends")


def test_what_a_hook_is_told_names_the_same_repository(
    base: Place, tmp_path: Path
) -> None:
    top = Place(tmp_path / "mit Haken")
    place = _below(base, top, "sub")
    top.git("init", "--quiet")
    hook = top.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\nset -e\nenv | grep ^GIT_INDEX_FILE= > ../told\n"
        f"exec '{sys.executable}' -c '{MAIN}' -C sub check --rule C14 --rule C19\n",
    )
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    top.commit()  # the hook ran, or the commit failed
    assert (tmp_path / "told").read_text()
    lock = place.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("md5: ", "md5: 0", 1))
    with pytest.raises(AssertionError, match="Nothing explains"):
        top.commit()


def test_variables_of_git_do_not_lead_elsewhere(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Place(tmp_path / "elsewhere")
    elsewhere.root.mkdir()
    elsewhere.git("init", "--quiet")
    head = place.git("rev-parse", "HEAD").strip()
    place.write("src/make.py", (place.root / "src/make.py").read_text() + "# x\n")
    monkeypatch.setenv("GIT_DIR", str(elsewhere.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere.root))
    origin = place.record().origin
    assert (origin.commit, origin.dirty) == (head, ("src/make.py",))


def test_a_work_tree_whose_repository_lies_elsewhere(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(place.root / ".git", tmp_path / "kept.git")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", "kept.git")
    monkeypatch.setenv("GIT_WORK_TREE", place.root.name)
    place_git = {**os.environ, "GIT_DIR": str(tmp_path / "kept.git")}
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        env=place_git,
        cwd=place.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    evidence = open_project(place.root).evidence
    assert (evidence.commit, evidence.dirty) == (head, ())
    assert place.check() == []


def test_replaced_objects_change_no_commit(place: Place) -> None:
    head = place.git("rev-parse", "HEAD").strip()
    tidy = open_project(place.root, at=head).evidence.code
    place.write("src/make.py", "print('forged')\n")
    forged = place.commit()
    place.git("replace", head, forged)
    assert open_project(place.root, at=head).evidence.code == tidy


def test_a_cache_that_lies_elsewhere(base: Place, tmp_path: Path) -> None:
    place = Place(tmp_path / "ein Projekt")
    shutil.copytree(base.root, place.root, symlinks=True)
    shared = tmp_path / "geteilter Cache"
    shutil.move(place.root / ".dvc/cache", shared)
    shutil.rmtree(place.root / "out")
    assert place.verify().absent == ("out",)
    place.write(".dvc/config.local", "[cache]\n    dir = ../../geteilter Cache\n")
    whole = place.verify()
    assert (whole.problems, whole.absent, whole.cached) == ((), (), 1)
    content = next(p for p in shared.rglob("*") if p.is_file() and p.stat().st_size < 9)
    content.chmod(0o644)
    content.write_bytes(b"?")
    (problem,) = place.verify().problems
    assert "DVC's cache holds something else" in problem.message


def _dirt_of(place: Place) -> list[tuple[str, str]]:
    place.record()
    found = place.check()
    assert {rule for rule, _ in found} == {"M04"}
    return found


def _below(base: Place, top: Place, name: str) -> Place:
    """Copy the project into a folder of a bigger one, without its repository."""
    place = Place(top.root / name)
    run(base.root, "git", "worktree", "prune")
    place.root.mkdir(parents=True)
    for path in base.git("ls-files", "-z").split("\0"):
        if path:
            (place.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(base.root / path, place.root / path)
    return place
