"""What differs between two versions of a dataset or of a model."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from regml import cli
from regml.dhf.pages.versions import dataset_page as portal_page
from regml.errors import ConfigError
from regml.files.past import code_change, content_with_digest
from regml.items.recorded import Record, StageRun
from regml.project import Project, open_project
from regml.trace.dataset_diff import dataset_difference, dataset_page
from regml.trace.lineage import lineage
from regml.trace.model_diff import ModelSide, model_page, model_side
from regml.trace.nodes import SHORT, DatasetVersion, ModelVersion
from regml.trace.page import Page, Section, plain
from regml.trace.render import page_json
from regml.versions import compare
from tests.audited import Audited, git
from tests.factories import CASES, MANIFEST, Parts, case, manifest_of


def test_a_dataset_differs_by_images_patients_labels_splits_and_readers() -> None:
    before = manifest_of(Parts(cases=CASES[:4]))
    after = manifest_of(
        Parts(
            cases=(
                case(0, label_sha256="22" * 32),
                case(1, split="tuning", annotators=("R-2",)),
                case(2, image_sha256="33" * 32, patient="P-00", age_years=99.0),
                case(9),
            )
        )
    )
    found = dataset_difference(before, after)
    assert [c.case for c in found.added] == ["HV-09"]
    assert [c.case for c in found.removed] == ["HV-03"]
    assert found.patients_added == ("P-09",)
    assert found.patients_removed == ("P-02", "P-03")
    assert [m.name for m in found.relabelled] == ["HV-00"]
    assert [(m.name, m.after) for m in found.splits] == [("HV-01", "tuning")]
    assert [(m.name, m.after) for m in found.annotators] == [("HV-01", "R-2")]
    assert [m.name for m in found.images] == ["HV-02"]
    assert [(m.before, m.after) for m in found.patients] == [("P-02", "P-00")]
    assert [(name, f.field) for name, fields in found.fields for f in fields] == [
        ("HV-02", "age_years")
    ]
    titles = [s.title for s in dataset_page("a", "b", found).sections]
    assert "Other facts of cases" in titles
    assert "Excluded cases" not in titles


def test_json_loses_nothing_of_what_differs() -> None:
    before, after = manifest_of(Parts()), manifest_of(Parts())
    after = after.model_copy(update={"specification": "DS-09", "limitation": "few"})
    found = dataset_difference(before, after)
    assert len(found.rest) == 2
    told = json.loads(page_json(dataset_page("a", "b", found)))
    whole = told["sections"][-1]
    assert whole["title"] == "The dataset as a whole"
    assert {(row["field"], row["after"]) for row in whole["table"]} == {
        ("specification", "DS-09"),
        ("limitation", "few"),
    }
    again = Page("p", "", (Section("s", (("run", "1"), ("run", "2"))),))
    [section] = json.loads(page_json(again))["sections"]
    assert section["facts"] == {"run": "1", "run (2)": "2"}


def test_of_the_files_a_case_was_made_from_the_numbers_are_told() -> None:
    many = [f"{n:02}" * 32 for n in range(10, 20)]
    old = case(0, sources=tuple(many[:8]))
    new = case(0, sources=tuple(many[1:]), label_sha256="22" * 32)
    found = dataset_difference(
        manifest_of(Parts(cases=(old,))), manifest_of(Parts(cases=(new,)))
    )
    [(_, [change])] = found.fields
    assert list(change.lines()) == [
        'sources: "8 files" -> '
        '"9 files, of them 2 that were not there before, 1 that are gone"'
    ]


def test_what_lies_inside_of_what_stays_visible() -> None:
    value = {"a": {"b": 1, "c": {"d": [2, 3]}}, "e": [[1, 1], [2]], "f": 4}
    assert plain(value) == "a: (b: 1, c: (d: 2; 3)), e: (1; 1); (2), f: 4"


def test_equal_datasets_do_not_differ() -> None:
    same = manifest_of(Parts())
    found = dataset_difference(same, manifest_of(Parts()))
    numbers = {name: value for name, value in found.counts() if name != "cases"}
    assert set(numbers.values()) == {"0"}
    assert (found.rest, found.readers, found.fields) == ((), (), ())


def test_readers_and_the_whole_dataset_are_compared_too() -> None:
    before, after = (
        manifest_of(Parts()),
        manifest_of(Parts(manifest={"annotators": ()})),
    )
    wider = after.model_copy(update={"largest_extent_mm": 70.0})
    found = dataset_difference(before, wider)
    assert [m.name for m in found.readers] == ["R-1", "R-2"]
    assert [change.field for change in found.rest] == ["largest_extent_mm"]


@pytest.fixture(scope="module")
def project(audited: Audited) -> Project:
    return open_project(audited.root)


def test_an_earlier_manifest_is_found_in_git_by_its_digest(
    audited: Audited, project: Project
) -> None:
    dataset = project.graph.find("dataset@1.0.0").value
    assert isinstance(dataset, DatasetVersion)
    assert dataset.manifest is None
    assert "HV-01" in [c.case for c in project.manifest_of(dataset).cases]
    content = content_with_digest(audited.root, MANIFEST, dataset.sha256)
    assert content == audited.git("show", f"v1.0.0:{MANIFEST}").encode()


def test_pages_show_the_images_of_earlier_versions(
    audited: Audited, project: Project, tmp_path: Path
) -> None:
    def images(read: Project) -> set[str]:
        dataset = read.graph.find("dataset@1.0.0").value
        assert isinstance(dataset, DatasetVersion)
        page = portal_page(read.graph, f"dataset@{dataset.sha256[:SHORT]}", dataset)
        tables = [table for title, table in page.sections if title == "Images"]
        return {str(row[0]).split("'")[0] for table in tables for row in table.rows}

    assert images(project) == set()
    shown = images(project.with_earlier_manifests())
    assert any("HV-01" in image for image in shown), shown
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(audited.root), str(clone))
    git(clone, "checkout", "-q", "--orphan", "alone")
    git(clone, "commit", "-q", "-m", "Without what was before")
    assert images(open_project(clone).with_earlier_manifests()) == set()


def test_a_manifest_on_another_branch_is_found_as_well(
    audited: Audited, tmp_path: Path
) -> None:
    subprocess.run(
        ["git", "clone", "-q", str(audited.root), str(tmp_path / "clone")], check=True
    )
    clone = tmp_path / "clone"
    wanted = open_project(audited.root).graph.find("dataset@1.0.0").value
    assert isinstance(wanted, DatasetVersion)
    git(clone, "switch", "-q", "--orphan", "empty")
    git(clone, "commit", "-q", "--allow-empty", "-m", "Nothing")
    assert content_with_digest(clone, MANIFEST, wanted.sha256) is not None


def test_who_has_only_the_end_of_the_history_is_told_so(
    audited: Audited, tmp_path: Path
) -> None:
    url = f"file://{audited.root}"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", url, str(tmp_path / "clone")],
        check=True,
    )
    shallow = open_project(tmp_path / "clone")
    with pytest.raises(ConfigError, match="git fetch --unshallow"):
        compare(shallow, "dataset@1.0.0", "dataset@2.0.0")
    page = compare(shallow, "model@1.0.0", "model@2.0.0")
    told = {section.title: section for section in page.sections}
    assert "no commit holds this content" in told["Data"].facts[0][1]
    assert "Fetch the whole history" in told["Code"].facts[0][1]
    assert told["Packages"].table is not None


@pytest.fixture
def reworded(audited: Audited, tmp_path: Path) -> Path:
    """A clone in which somebody rewrote by what data are selected and annotated."""
    root = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(audited.root), str(root))
    for name, was, now in (
        ("DS-01", "T1-weighted MR", "any image there is"),
        ("DS-01", "population: ", "population: any image there is, not "),
        ("AP-01", "Trained reader", "Anybody"),
    ):
        path = root / f"requirements_srs/data/{name}.md"
        text = path.read_text()
        assert was in text
        path.write_text(text.replace(was, now))
    return root


@pytest.mark.parametrize(
    "asked", ["lineage", "export datasheet", "export croissant", "export cyclonedx-ml"]
)
def test_data_are_told_of_in_the_wording_they_were_selected_by(
    asked: str,
    reworded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What somebody writes afterwards is no criterion of what was selected before."""
    name = "model@1.0.0" if asked.endswith("ml") else "dataset@1.0.0"
    words = ["regml", "-C", str(reworded), *asked.split(), name]
    monkeypatch.setattr("sys.argv", words)
    cli.main()  # a bill of materials tells with its status what is open in it
    told = capsys.readouterr().out
    assert "Adults" in told
    assert "any image there is" not in told
    if asked in ("lineage", "export datasheet"):
        assert "T1-weighted MR" in told
        assert re.search(r"qualification.*Trained reader", told)
        assert told.count("it changed since") == 2
        assert "as it was then" in told


def test_where_the_wording_of_then_is_nowhere_todays_is_marked(
    reworded: Path, tmp_path: Path
) -> None:
    git(reworded, "commit", "-qam", "Other criteria")
    source = reworded.as_uri()
    git(tmp_path, "clone", "-q", "--depth=1", source, str(tmp_path / "shallow"))
    project = open_project(tmp_path / "shallow").with_wordings()
    page = lineage(project.graph, "dataset@1.0.0", project.find_manifest)
    facts = [dict(section.facts) for section in page.sections]
    [chosen] = [found for found in facts if "inclusion" in found]
    assert chosen["inclusion"] == "any image there is"
    assert chosen["wording"].startswith("as it is now; how it was in run ")
    assert chosen["wording"].endswith(" is in no commit that is here")


def test_a_manifest_that_was_never_committed_is_named(project: Project) -> None:
    dataset = project.graph.find("dataset@1.0.0").value
    assert isinstance(dataset, DatasetVersion)
    gone = replace(dataset, sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"dataset@0{12}: no commit holds"):
        project.manifest_of(gone)


def test_the_cache_of_dvc_is_asked_last_and_not_trusted(
    audited: Audited, tmp_path: Path
) -> None:
    url = f"file://{audited.root}"
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(clone)], check=True)
    shallow = open_project(clone)
    dataset = shallow.graph.find("dataset@1.0.0").value
    assert isinstance(dataset, DatasetVersion)
    run = dataset.runs[-1].statement
    assert isinstance(run, StageRun)
    md5 = next(a.md5 for a in run.outputs if a.path == MANIFEST)
    kept = clone / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert shallow.find_manifest(dataset) is None
    kept.write_text(audited.git("show", f"v1.0.0:{MANIFEST}"))
    assert shallow.find_manifest(dataset) is not None


def test_a_model_differs_in_every_section(project: Project) -> None:
    page = compare(project, "model@1.0.0", "model@2.0.0")
    rows = {s.title: s.table.rows if s.table else () for s in page.sections}
    data = next(s for s in page.sections if s.title == "Data")
    assert ("re-labelled", "1") in data.facts
    assert [subject for _, subject in rows["Commits since"]] == [
        "Smooth the outlines",
        "Release 1.0.0",
        "Run everything for model 1",
    ]
    assert ("device/volume.py", "1", "0") in rows["Controlled files that differ"]
    assert not [r for r in rows["Controlled files that differ"] if "records" in r[0]]
    assert ("params.yaml.train.seed", "7", "8") in rows["Parameters"]
    assert ("hyperparameters.steps", "10", "20") in rows["Parameters"]
    assert [row[0] for row in rows["Environment"]] == ["gpu", "system.kernel"]
    assert rows["Packages"] == (("numpy", "2.1.0", "2.2.0"),)
    measured = {row[:3]: row[3:] for row in rows["Metrics"]}
    before, after, limit = measured["SRS-002", "dice whole mean", "all"]
    assert limit == "ci95_lower at least 0.8"
    assert before.startswith("0.91 (0.8833 to 0.9367, n=6)")
    assert after.startswith("0.9 (0.88 to 0.92, n=4)")
    assert rows["Requirements whose verdict changed"] == (
        ("SRS-004", "failed", "passed", "the same"),
    )


def test_a_verdict_that_changed_because_the_limit_did_is_told_as_such(
    project: Project,
) -> None:
    def side(name: str, **changes: object) -> ModelSide:
        node = project.graph.find(name)
        assert isinstance(node.value, ModelVersion)
        found = model_side(project.graph, node.id, node.value)
        assert found.evaluation
        rows = tuple(
            replace(row, fingerprint="ff" * 32, facts={**row.facts, **changes})
            if changes and row.requirement == "SRS-002"
            else row
            for row in found.evaluation.rows
        )
        twice = (*rows, *(row for row in rows if row.requirement == "SRS-002"))
        verdicts = {**found.verdicts, "SRS-002": "passed" if changes else "failed"}
        wordings = {
            **found.wordings,
            "SRS-002": frozenset(
                row.fingerprint for row in rows if row.requirement == "SRS-002"
            ),
        }
        measured = replace(found.evaluation, rows=twice)
        return replace(found, evaluation=measured, verdicts=verdicts, wordings=wordings)

    before, after = side("model@1.0.0"), side("model@2.0.0", at_least=0.5)
    page = model_page(before, after, None, "nobody asked")
    rows = {s.title: s.table.rows for s in page.sections if s.table}
    limits = {row[1]: row[-1] for row in rows["Metrics"] if "mean" in row[1]}
    lowered = "ci95_lower at least 0.8 -> ci95_lower at least 0.5"
    assert limits == {"dice whole mean": lowered, "dice whole mean (2)": lowered}
    told = {row[0]: row[1:] for row in rows["Requirements whose verdict changed"]}
    assert told["SRS-002"] == ("failed", "passed", "changed as well")
    assert told["SRS-004"] == ("failed", "passed", "the same")


def test_other_files_of_a_package_under_the_same_version_are_shown(
    project: Project,
) -> None:
    def with_own_files(record: Record) -> Record:
        """Let the package be another one at every run, under one version."""
        said = record.statement
        numpy = {"version": "2.1.0", "sha256": record.sha256}
        environment = {**said.origin.environment, "packages": {"numpy": numpy}}
        origin = replace(said.origin, environment=environment)
        return replace(record, statement=replace(said, origin=origin))

    records = tuple(map(with_own_files, project.evidence.records))
    other = replace(project, evidence=replace(project.evidence, records=records))
    page = compare(other, "model@1.0.0", "model@2.0.0")
    [table] = [s.table for s in page.sections if s.title == "Packages"]
    assert table is not None
    [(name, before, after)] = table.rows
    assert name == "numpy"
    assert before.startswith("2.1.0 (RECORD ")
    assert after.startswith("2.1.0 (RECORD ")
    assert before != after


def test_a_model_does_not_differ_from_itself(project: Project) -> None:
    page = compare(project, "model@2.0.0", "model@current")
    told = {s.title: s.facts for s in page.sections}
    assert "Both were trained on dataset@" in told["Data"][0][1]
    assert told["Code"][0][1] == "Both were trained at the same commit."
    assert told["Parameters"][0][1] == "No difference."
    assert told["Requirements whose verdict changed"][0][1] == "None."


def test_code_that_only_the_earlier_one_has_is_told(audited: Audited) -> None:
    head = audited.git("rev-parse", "v2.0.0").strip()
    old = audited.git("rev-parse", "v2.0.0~2").strip()
    found = code_change(audited.root, head, old, ["device"])
    assert [subject for _, subject in found.left] == [
        "Release 2.0.0",
        "Run everything for model 2",
    ]
    assert found.commits == ()
    assert found.files == ()


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_command_tells_versions_from_revisions(
    audited: Audited,
    form: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = ["diff", "dataset@1.0.0", "dataset@2.0.0", "--format", form]
    monkeypatch.setattr("sys.argv", ["regml", "-C", str(audited.root), *typed])
    assert cli.main() == 0
    out = capsys.readouterr().out
    assert "HV-12" in out
    assert form != "json" or json.loads(out)["sections"]


def test_a_model_and_a_dataset_cannot_be_compared(project: Project) -> None:
    with pytest.raises(ConfigError, match="cannot be compared"):
        compare(project, "model@1.0.0", "dataset@2.0.0")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("model@9.9", "model@current"), "'model@9.9' is unknown"),
        (("model@1.0.0", "dataset@1.0.0"), "cannot be compared"),
        (("model@1.0.0", "HEAD"), "'HEAD' is unknown"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_2(
    audited: Audited,
    typed: tuple[str, str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["regml", "-C", str(audited.root), "diff", *typed])
    assert cli.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_of_images_that_are_partly_there_every_size_is_told(
    audited: Audited, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(audited.root), str(clone)], check=True)
    assert open_project(clone).evidence.surroundings.data_sizes == {}
    (clone / "data/dataset/images/HV-02.nii.gz").mkdir(parents=True)
    (clone / "data/dataset/images/HV-04.nii.gz").write_text("four")
    sizes = open_project(clone).evidence.surroundings.data_sizes
    assert len(sizes) == 24
    assert {n: size for n, size in sizes.items() if size is not None} == {
        "data/dataset/images/HV-04.nii.gz": 4
    }
