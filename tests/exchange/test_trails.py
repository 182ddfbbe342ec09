"""Where everything comes from, handed out and read by the others' own libraries."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from regml.errors import ConfigError
from regml.exchange.trails import OF_DATASET, Trail, export_trail
from regml.items.recorded import StageRun
from regml.project import Project, open_project
from tests.audited import Audited, build
from tests.factories import MANIFEST


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    root = tmp_path_factory.mktemp("audited") / "project"
    root.mkdir()
    return build(root)


@pytest.fixture(scope="module")
def project(audited: Audited) -> Project:
    return open_project(audited.root)


def exported(project: Project, form: Trail, name: str | None = None) -> bytes:
    found = export_trail(project, form, name)
    assert found.remarks == ()
    return found.content


@pytest.mark.parametrize("form", list(Trail))
def test_the_same_commit_gives_the_same_bytes(audited: Audited, form: Trail) -> None:
    first, again = open_project(audited.root), open_project(audited.root, at="HEAD")
    assert exported(first, form) == exported(again, form)
    assert exported(first, form).endswith(b"\n")


def test_prov_is_read_by_the_library_of_its_makers(
    audited: Audited, project: Project
) -> None:
    from prov.model import ProvActivity, ProvDocument, ProvGeneration, ProvUsage

    content = exported(project, Trail.PROV).decode()
    document = ProvDocument.deserialize(content=content, format="json")
    again = document.serialize(format="json")
    assert ProvDocument.deserialize(content=again, format="json") == document
    activities = {str(a.identifier) for a in document.get_records(ProvActivity)}
    train = f"regml:stagerun-{audited.records['train 2'].id}"
    assert {train, f"regml:approval-{audited.records['approval 2'].id}"} <= activities
    run = audited.records["train 2"].statement
    assert isinstance(run, StageRun)
    made = {
        str(dict(g.formal_attributes)[_key(g, "entity")])
        for g in document.get_records(ProvGeneration)
        if str(dict(g.formal_attributes)[_key(g, "activity")]) == train
    }
    assert made == {f"regml:content-{out.sha256}" for out in run.outputs}
    used = {
        str(dict(u.formal_attributes)[_key(u, "entity")])
        for u in document.get_records(ProvUsage)
        if str(dict(u.formal_attributes)[_key(u, "activity")]) == train
    }
    assert used == {f"regml:content-{a.sha256}" for a in run.inputs}


def _key(relation: Any, name: str) -> Any:
    keys = (key for key, _ in relation.formal_attributes)
    return next(key for key in keys if key.localpart == name)


def test_a_failed_run_generates_nothing_in_prov(
    audited: Audited, project: Project
) -> None:
    document = json.loads(exported(project, Trail.PROV))
    failed = f"regml:stagerun-{audited.records['failed train 1'].id}"
    assert document["activity"][failed]["regml:outcome"] == "failed"
    relations = document["wasGeneratedBy"].values()
    assert failed not in {r["prov:activity"] for r in relations}


def test_content_made_twice_has_one_generation_in_prov(project: Project) -> None:
    document = json.loads(exported(project, Trail.PROV))
    entities = [r["prov:entity"] for r in document["wasGeneratedBy"].values()]
    assert len(entities) == len(set(entities))
    again = [e for e in document["entity"].values() if "regml:madeAgainBy" in e]
    assert "data/deidentified" in [e["prov:label"] for e in again]


def test_a_crate_is_loaded_with_its_runs_and_people(
    audited: Audited, project: Project, tmp_path: Path
) -> None:
    from rocrate.rocrate import ROCrate

    audited.git("worktree", "add", "-q", "--detach", str(tmp_path / "crate"))
    content = exported(project, Trail.RO_CRATE)
    (tmp_path / "crate/ro-crate-metadata.json").write_bytes(content)
    crate = ROCrate(tmp_path / "crate")
    assert crate.name == "Device 1.0.0"
    assert crate.description == "Volumes"
    parts = {part.id for part in crate.root_dataset["hasPart"]}
    assert {"reports/dataset.json", "records/log.jsonl", "dvc.yaml"} <= parts
    runs = {action.id: action for action in crate.get_by_type("CreateAction")}
    train = runs[f"#run-{audited.records['train 2'].id}"]
    assert train["agent"]["name"] == "Dora"
    assert [found["name"] for found in train["result"]] == ["model/weights.safetensors"]
    assert train["subjectOf"].id == audited.records["train 2"].path
    failed = runs[f"#run-{audited.records['failed train 2'].id}"]
    assert failed["actionStatus"] == "http://schema.org/FailedActionStatus"
    audited.git("worktree", "remove", "--force", str(tmp_path / "crate"))


@pytest.mark.parametrize("form", [Trail.PROV, Trail.RO_CRATE, Trail.OPENLINEAGE])
def test_a_trail_names_the_environment_of_its_runs(
    audited: Audited, project: Project, form: Trail
) -> None:
    path = audited.records["train 2"].environment
    assert (audited.root / path).is_file()
    text = exported(project, form).decode()
    assert f'"{path}"' in text


def test_the_environments_of_a_crate_have_their_digests(
    audited: Audited, project: Project
) -> None:
    graph = json.loads(exported(project, Trail.RO_CRATE))["@graph"]
    environments = [n for n in graph if n["@id"].startswith("records/environments/")]
    assert {n["@id"] for n in environments} == {
        record.environment for record in audited.records.values()
    }
    for node in environments:
        content = (audited.root / node["@id"]).read_bytes()
        assert node["sha256"] == hashlib.sha256(content).hexdigest()


def test_every_reference_of_a_crate_leads_somewhere(project: Project) -> None:
    graph = json.loads(exported(project, Trail.RO_CRATE))["@graph"]
    names = [node["@id"] for node in graph]
    assert len(names) == len(set(names))
    led = {
        one["@id"]
        for node in graph
        for value in node.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict)
    }
    assert {n for n in led - set(names) if not n.startswith("https://")} == set()


def test_openlineage_events_are_what_its_client_would_write(
    audited: Audited, project: Project
) -> None:
    from openlineage.client import event_v2 as events
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        error_message_run,
        job_type_job,
        source_code_location_job,
    )
    from openlineage.client.serde import Serde

    kinds: dict[str, type[Any]] = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet,
        "jobType": job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet,
        "errorMessage": error_message_run.ErrorMessageRunFacet,
    }

    def facets(rows: dict[str, Any]) -> dict[str, Any]:
        """Make facets of the client's own types, and see that nothing gets lost."""
        made = {}
        for name, row in rows.items():
            if name.startswith("regml_"):
                assert row["_producer"]
                assert row["_schemaURL"]
                continue
            plain = {k: v for k, v in row.items() if not k.startswith("_")}
            made[name] = kinds[name](**plain)
            told = Serde.to_dict(made[name])
            assert told | {"_producer": row["_producer"]} == row
        return made

    lines = exported(project, Trail.OPENLINEAGE).decode().splitlines()
    for line in lines:
        row = json.loads(line)
        event = events.RunEvent(
            eventType=events.RunState(row["eventType"]),
            eventTime=row["eventTime"],
            producer=row["producer"],
            run=events.Run(row["run"]["runId"], facets(row["run"]["facets"])),
            job=events.Job(
                row["job"]["namespace"],
                row["job"]["name"],
                facets(row["job"]["facets"]),
            ),
            inputs=[
                events.InputDataset(a["namespace"], a["name"], facets(a["facets"]))
                for a in row["inputs"]
            ],
            outputs=[
                events.OutputDataset(a["namespace"], a["name"], facets(a["facets"]))
                for a in row["outputs"]
            ],
        )
        told = Serde.to_dict(event)
        assert {k: told[k] for k in ("eventType", "eventTime", "schemaURL")} == {
            k: row[k] for k in ("eventType", "eventTime", "schemaURL")
        }
    found = [json.loads(line) for line in lines]
    assert len({row["run"]["runId"] for row in found}) * 2 == len(found)
    last = [row["eventType"] for row in found if row["job"]["name"] == "train"]
    assert last == ["START", "FAIL", "START", "COMPLETE"] * 2


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # its own
def test_croissant_is_valid_and_its_records_can_be_read(
    audited: Audited,
    project: Project,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import mlcroissant

    (tmp_path / "reports").mkdir()
    earlier = audited.git("show", f"v1.0.0:{MANIFEST}")
    (tmp_path / MANIFEST).write_text(earlier)
    metadata = tmp_path / "croissant.json"
    metadata.write_bytes(exported(project, Trail.CROISSANT, "dataset@1.0.0"))
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(metadata)
    assert caplog.text == ""
    assert dataset.metadata.ctx.issues.errors == set()
    assert dataset.metadata.name == "Development data"
    rows = list(dataset.records("cases"))
    assert [row["cases/case"] for row in rows][:2] == [b"HV-00", b"HV-01"]
    assert len(rows) == 12


def test_a_datasheet_says_who_chose_who_outlined_and_what_is_unknown(
    project: Project,
) -> None:
    text = exported(project, Trail.DATASHEET, "dataset@2.0.0").decode()
    for words in (
        "| asked for by | UN-01 Fast volume |",
        "| Quinn | quality | approval |",
        "| R-1 | radiologist | 9 | 2025-03-01 | 12 |",
        "| R-3 | not listed |",
        "| split | tuning | 1 |",
        "| consent and ethics | Waiver 12/2024 |",
        "| spacing mm | 1.0 |",
        "| released | 2.0.0 by Quinn",
    ):
        assert words in text


@pytest.mark.parametrize("form", OF_DATASET)
def test_a_model_has_no_datasheet(project: Project, form: Trail) -> None:
    with pytest.raises(ConfigError, match="is a model version, not a dataset"):
        export_trail(project, form, "model@current")


def test_provenance_is_about_the_whole_project(project: Project) -> None:
    with pytest.raises(ConfigError, match="leave dataset@current out"):
        export_trail(project, Trail.PROV, "dataset@current")


def test_a_doubted_record_stays_out_and_is_named(
    audited: Audited, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    audited.git("clone", "-q", str(audited.root), str(clone))
    config = (clone / "regml.toml").read_text()
    (clone / "regml.toml").write_text(config.partition("signers =")[0])
    found = export_trail(open_project(clone), Trail.PROV)
    assert b"stagerun" not in found.content
    assert audited.records["train 1"].path in {r.subject for r in found.remarks}
    assert "whom regml.toml does not name" in found.remarks[0].message
