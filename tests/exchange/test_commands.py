"""regml import and regml export, as a person types them."""

import subprocess
import sys
from pathlib import Path

import networkx
import pytest

from regml.errors import MissingExtraError
from regml.exchange import formats
from regml.exchange.exporter import commit_time, export_project
from regml.exchange.formats import Target
from regml.project import open_project


def regml(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("regml"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def status(project: Path) -> list[str]:
    done = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_import_writes_items_once_and_changes_them_only_when_asked(
    project: Path, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("id,type,title,Parent,category\nR-900,req,One,UN-01,data\n")
    dry = regml("import", "csv", table, "--dry-run", cwd=project)
    assert (dry.returncode, status(project)) == (0, [])
    first = regml("import", "csv", table, cwd=project)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "new  R-900  SRS-900  requirements_srs/software/SRS-900.md\n"
    assert first.stderr == (
        "1 item in the source: 1 new, 0 changed, 0 unchanged, 0 not imported.\n"
    )
    again = regml("import", "csv", table, cwd=project)
    assert (again.returncode, again.stdout.split()[0]) == (0, "unchanged")

    table.write_text("id,type,title,Parent,category\nR-900,req,Two,UN-01,data\n")
    refused = regml("import", "csv", table, cwd=project)
    assert refused.returncode == 1
    assert "Nothing was written: 1 items are there with other content (SRS-900)" in (
        refused.stderr
    )
    assert refused.stdout.endswith('SRS-900.md\n    title: "One" -> "Two"\n')
    file = project / "requirements_srs" / "software" / "SRS-900.md"
    assert "title: One" in file.read_text(encoding="utf-8")
    assert regml("import", "csv", table, "--update", cwd=project).returncode == 0
    assert "title: Two" in file.read_text(encoding="utf-8")
    assert "foreign_id: R-900" in file.read_text(encoding="utf-8")


def test_what_does_not_come_over_is_said_and_counts(
    project: Path, fixtures: Path, tmp_path: Path
) -> None:
    new_map = tmp_path / "map.yaml"
    done = regml(
        "import", "doorstop", fixtures / "doorstop",
        "--dry-run", "--write-map", new_map, cwd=project,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no field takes the attribute 'priority'" in done.stderr
    assert "priority: body" in new_map.read_text(encoding="utf-8")
    assert status(project) == []
    mapped = regml(
        "import", "doorstop", fixtures / "doorstop",
        "--map", new_map, "--into", "requirements_srs/legacy", cwd=project,
    )  # fmt: skip
    assert "priority" not in mapped.stderr
    assert len(status(project)) == 3
    assert all("requirements_srs/legacy/" in line for line in status(project))


def test_a_source_that_cannot_be_read_is_one_line(
    project: Path, tmp_path: Path
) -> None:
    done = regml("import", "reqif", tmp_path / "none.reqif", cwd=project)
    assert done.returncode == 2
    assert done.stderr == f"regml: {tmp_path / 'none.reqif'}: does not exist.\n"


def test_a_commit_is_exported_to_the_same_bytes_from_tree_and_history(
    project: Path, tmp_path: Path
) -> None:
    tree, history = open_project(project), open_project(project, at="HEAD")
    for form in Target:
        one, two = export_project(tree, form), export_project(history, form)
        assert one == two
        assert one.remarks == ()
    assert commit_time(tree) == commit_time(history) > "2026"
    assert status(project) == []

    links = tree.graph.edges
    file = tmp_path / "all.graphml"
    file.write_bytes(export_project(tree, Target.GRAPHML).content)
    read = networkx.read_graphml(file)
    assert set(read.nodes) == set(tree.graph.nodes)
    found = {(one, two, facts["link"]) for one, two, facts in read.edges(data=True)}
    assert found == {(edge.source, edge.target, str(edge.link)) for edge in links}
    assert read.nodes["SRS-001"]["kind"] == "SRS"


def test_what_is_exported_changes_nothing_when_it_is_imported(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "all.reqif"
    assert regml("export", "reqif", "--out", file, cwd=project).returncode == 0
    done = regml("import", "reqif", file, cwd=project)
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"unchanged"}
    assert status(project) == []


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    for form in (formats.Target.XLSX, formats.Source.REQIF):
        with pytest.raises(MissingExtraError, match=r"pip install 'regml\[exchange\]'"):
            formats.require_extra(form)
