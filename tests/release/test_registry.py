"""The registry of MLflow: told of a release, and never in its way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.release.conftest import Shop
from tests.release.test_sign import releases

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, at its import


def test_a_release_is_registered_under_its_digest(shop: Shop) -> None:
    mlflow = pytest.importorskip("mlflow")
    store = f"sqlite:///{shop.root / 'mlflow.db'}"
    shop.write(".git/info/exclude", "/mlflow.db\n")
    shop.release("--mlflow")
    [(record, said)] = releases(shop)
    client = mlflow.MlflowClient(store, store)
    version = client.get_model_version_by_alias("Tiny Device", "released")
    assert version.version == 1
    assert version.tags == {
        "record": record.sha256,
        "sha256": said.model,
        "version": "1.0.0",
    }
    assert version.source == f"regml:/model/sha256/{said.model}"
    assert str(shop.root) not in version.source


def test_a_registry_that_fails_leaves_the_release(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    nowhere = f"sqlite:///{tmp_path}/file/mlflow.db"
    done = shop.regml("release", "--mlflow", MLFLOW_TRACKING_URI=nowhere)
    assert done.status == 1
    assert "released and recorded, but not registered in MLflow" in done.err
    assert "Later: regml release 1.0.0 --archive-only --mlflow" in done.err
    assert len(releases(shop)) == 1
    mlflow = pytest.importorskip("mlflow")
    shop.commit("1.0.0")
    store = f"sqlite:///{tmp_path}/mlflow.db"
    later = ("release", "1.0.0", "--archive-only", "--mlflow", "--tag")
    done = shop.regml(*later, MLFLOW_TRACKING_URI=store)
    assert done.status == 0, done.err
    client = mlflow.MlflowClient(store, store)
    version = client.get_model_version_by_alias("Tiny Device", "released")
    [(record, said)] = releases(shop)
    assert version.tags["record"] == record.sha256
    assert shop.git("rev-parse", "v1.0.0^{commit}").strip() == said.commit
    refused = shop.regml("release", "--archive-only", "--of", "release@1.0.0")
    assert "--archive-only signs nothing" in refused.err


INSERT = (
    "INSERT INTO model_versions SELECT name, 2, creation_time, last_updated_time, "
    "description, user_id, current_stage, 'runs:/ab/model', run_id, status, "
    "status_message, run_link, storage_location, workspace FROM model_versions"
)
THEIRS = (
    "INSERT INTO registered_models (name, workspace) SELECT 'theirs', workspace "
    "FROM registered_models",
    "INSERT INTO registered_model_aliases (name, workspace, alias, version) "
    "SELECT 'theirs', workspace, alias, 7 FROM registered_model_aliases",
)
EDITS = (
    ((INSERT, "UPDATE registered_model_aliases SET version = 2"),
     "the alias released points to version 2; the latest release there is 1.0.0, "
     "version 1"),
    (("DELETE FROM registered_model_aliases",), "the alias released is gone"),
    (("UPDATE model_version_tags SET value = 'ab' WHERE key = 'sha256'",),
     "its tag sha256 is 'ab', released was"),
    (("UPDATE model_versions SET source = '/tmp/other'",),
     "its source is '/tmp/other'"),
)  # fmt: skip


def test_a_registry_that_hands_out_something_else_is_found(shop: Shop) -> None:
    pytest.importorskip("mlflow")
    shop.write(".git/info/exclude", "/mlflow.db\n")
    shop.release("--mlflow")
    store = shop.root / "mlflow.db"
    _run(store, THEIRS)
    whole = store.read_bytes()
    before = shop.regml("verify")
    assert "registry   1 released versions compared" in before.out
    assert "registered model" not in before.out
    for statements, said in EDITS:
        _run(store, statements)
        after = shop.regml("verify")
        assert said in after.out
        assert after.status == 1
        store.write_bytes(whole)


def _run(store: Path, statements: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(store)) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0
