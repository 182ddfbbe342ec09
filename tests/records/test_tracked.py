"""MLflow's tables against records, where no MLflow is needed to have them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from regml.errors import BrokenFileError
from regml.files.mlflow_store import LARGEST
from regml.items.recorded import Record, StageRun
from regml.learning.tracking import logged_facts
from regml.records.tracked import compare_tracked
from tests.factories import stage_run

TABLES = """
CREATE TABLE runs (run_uuid, lifecycle_stage);
CREATE TABLE metrics (key, value, step, is_nan, run_uuid);
CREATE TABLE latest_metrics (key, value, step, is_nan, run_uuid);
CREATE TABLE params (key, value, run_uuid);
CREATE TABLE tags (key, value, run_uuid);
INSERT INTO runs VALUES ('r', 'active');
INSERT INTO metrics VALUES
 ('loss', 0.5, 1, 0, 'r'), ('loss', 0.0, 2, 1, 'r'),
 ('far', 1.7976931348623157e308, 1, 0, 'r');
INSERT INTO latest_metrics VALUES
 ('loss', 0.0, 2, 1, 'r'), ('far', 1.7976931348623157e308, 1, 0, 'r');
INSERT INTO params VALUES ('rate', '0.1', 'r');
INSERT INTO tags VALUES ('data', 'ab', 'r'), ('mlflow.user', 'ada', 'r');
"""


def record(**notes: Any) -> Record:
    run = stage_run("train", notes=notes)
    assert isinstance(run, StageRun)
    return Record("0" * 12, "0" * 64, "records/runs/x.json", (), "key", run, "")


LOGGED = logged_facts(
    "r",
    [("loss", 1, 0.5), ("loss", 2, float("nan")), ("far", 1, float("inf"))],
    {"rate": "0.1"},
    {"data": "ab"},
)


def said(folder: Path, change: str = "") -> list[str]:
    (folder / "mlflow.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.executescript(TABLES + change)
    found = compare_tracked(folder, [record(mlflow=LOGGED)])
    assert found.compared == 1
    return [message for _, _, message in found.problems]


def test_what_was_logged_is_there_also_what_is_no_number(tmp_path: Path) -> None:
    assert LOGGED["metrics"]["far"]["last"] == LARGEST
    assert LOGGED["metrics"]["loss"]["last"] is None
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM runs", "is not there"),
        ("UPDATE runs SET lifecycle_stage = 'deleted'", "is deleted"),
        ("DELETE FROM metrics WHERE step = 2", "loss has 1 points, .* logged 2"),
        (
            "UPDATE metrics SET value = 0.4 WHERE key = 'loss' AND step = 1",
            "loss differs before its end",
        ),
        ("INSERT INTO metrics VALUES ('dice', 1, 1, 0, 'r')", "dice was added"),
        ("INSERT INTO params VALUES ('seed', '1', 'r')", "seed was added"),
        ("DELETE FROM tags WHERE key = 'data'", "tag data was removed"),
        ("UPDATE params SET value = ''", "parameter rate is ''"),
    ],
)
def test_what_was_changed_is_named(change: str, message: str, tmp_path: Path) -> None:
    [told] = said(tmp_path, change)
    assert re.search(message, told), told


def test_a_tag_that_somebody_adds_is_no_problem(tmp_path: Path) -> None:
    assert said(tmp_path, "INSERT INTO tags VALUES ('seen', 'yes', 'r')") == []


def test_a_run_that_noted_no_numbers_is_said_to_be_unseen(tmp_path: Path) -> None:
    found = compare_tracked(tmp_path, [record(model={"mlflow_run": "r"})])
    assert (found.compared, found.problems) == (0, ())
    assert "noted none of its numbers" in found.unseen[0]


def test_a_file_that_is_no_database_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database at all, but long enough" * 9)
    with pytest.raises(BrokenFileError, match=r"mlflow\.db.*--mlflow"):
        compare_tracked(tmp_path, [record(mlflow=LOGGED)])
