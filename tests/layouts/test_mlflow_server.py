"""MLflow on servers of our own on this machine: PostgreSQL, and its REST API."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from regml.learning.registry import register
from regml.learning.tracking import log_training
from regml.learning.train import CurvePoint, Trained
from regml.records.registered import compare_registry, model_source
from regml.records.tracked import Tracked, compare_tracked
from tests.factories import record as recorded
from tests.factories import release
from tests.records.test_tracked import record

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

APP = """\
import sys
from werkzeug.serving import run_simple
from mlflow.server import app
run_simple("127.0.0.1", int(sys.argv[1]), app)
"""
"""MLflow's own server in one process; 'mlflow server' starts four."""

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # MLflow's own, at its import
    pytest.mark.skipif(
        not find_spec("mlflow"), reason="needs MLflow: pip install regml[pipeline]"
    ),
]


def user() -> dict[str, Any]:
    """Return who the server runs as; PostgreSQL refuses to be root."""
    if os.getuid():
        return {}
    found = {entry.pw_name: entry for entry in pwd.getpwall()}
    who = found.get("postgres") or found.get("nobody")
    if who is None:
        pytest.skip("needs a user who is not root to run PostgreSQL as")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": ()}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a database; its server ends with the tests."""
    if not PROGRAMS:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    if not find_spec("psycopg2"):
        pytest.skip("needs psycopg2: pip install regml[server]")
    programs, who = PROGRAMS[-1].parent, user()
    # not below tmp_path, which other users may not enter
    folder = Path(tempfile.mkdtemp(prefix="regml-pg-"))
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        data = folder / "data"
        where: dict[str, Any] = {"cwd": folder, "env": {"LC_ALL": "C"}, **who}
        subprocess.run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "ada",
                "-A",
                "trust",
                "-N",
                "-EUTF8",
            ],
            check=True,
            capture_output=True,
            **where,
        )
        port = str(free_port())
        options = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
        options += ["-c", "listen_addresses=127.0.0.1", "-p", port]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **where,
        )
        try:
            _wait(server, port)
            yield f"postgresql+psycopg2://ada@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": open connections are ended
            server.wait(timeout=20)
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The address of the database behind MLflow's server: PostgreSQL where it is."""
    if PROGRAMS and find_spec("psycopg2"):
        return str(request.getfixturevalue("database"))
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def server(behind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server; it ends with the tests."""
    address = f"http://127.0.0.1:{free_port()}"
    folder = tmp_path_factory.mktemp("server")
    places = {
        "_MLFLOW_SERVER_FILE_STORE": behind,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HOME": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", APP, address.rpartition(":")[2]],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **places},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            assert process.poll() is None
            try:
                with urlopen(f"{address}/health", timeout=20):  # noqa: S310
                    break
            except URLError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(server: "subprocess.Popen[bytes]", port: str) -> None:
    import psycopg2

    for _ in range(200):
        assert server.poll() is None
        try:
            psycopg2.connect(
                host="127.0.0.1", port=port, user="ada", dbname="postgres"
            ).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("PostgreSQL did not start")


def train() -> str | None:
    points = tuple(CurvePoint(n, 1 / n, 0.1, 0.04 * n) for n in (10, 20))
    trained = Trained(b"", 1, 20, 0.8, points, "cpu")
    return log_training(
        trained, experiment="Gerät", parameters={"steps": 20}, tags={"commit": "ab"}
    )


def test_a_training_is_logged_to_a_server_with_postgresql(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    identity = train()
    assert identity
    with psycopg2.connect(database.replace("+psycopg2", "")) as connection:
        rows = connection.cursor()
        rows.execute("SELECT key, value FROM params WHERE run_uuid = %s", [identity])
        assert rows.fetchall() == [("steps", "20")]
        rows.execute(
            "SELECT step, value FROM metrics WHERE key = 'tuning_dice' "
            "AND run_uuid = %s ORDER BY step",
            [identity],
        )
        assert rows.fetchall() == [(10, 0.4), (20, 0.8)]
        rows.execute("SELECT name FROM experiments WHERE name <> 'Default'")
        assert rows.fetchall() == [("Gerät",)]
        rows.execute("SELECT status FROM runs WHERE run_uuid = %s", [identity])
        assert rows.fetchall() == [("FINISHED",)]
    connection.close()
    assert list(tmp_path.iterdir()) == []  # nothing is written beside the server


Store = Callable[[str], Any]
"""Runs a statement of SQL about one run."""

ATTACKS: dict[str, tuple[Callable[[Store, Any, str], object], str]] = {
    "a tag": (
        lambda _, client, run: client.set_tag(run, "commit", "cd"),
        "tag commit is 'cd', the recorded run logged 'ab'",
    ),
    "a parameter": (
        lambda sql, *_: sql("UPDATE params SET value = '99' WHERE run_uuid = :run"),
        "parameter steps is '99', the recorded run logged '20'",
    ),
    "a number": (
        lambda sql, *_: sql(
            "UPDATE metrics SET value = 0.9 WHERE run_uuid = :run "
            "AND key = 'tuning_dice' AND step = 20"
        ),
        "metric tuning_dice is 0.9 at its end, the recorded run logged 0.8",
    ),
    "another number": (
        lambda _, client, run: client.log_metric(run, "tuning_dice", 0.99, step=30),
        "metric tuning_dice has 3 points, the recorded run logged 2",
    ),
    "what is shown": (
        lambda sql, *_: sql(
            "UPDATE latest_metrics SET value = 0.9 WHERE run_uuid = :run "
            "AND key = 'tuning_dice'"
        ),
        "metric tuning_dice is shown as 0.9, the recorded run logged 0.8",
    ),
    "a run": (lambda _, client, run: client.delete_run(run), "is deleted, though"),
    "a run for good": (
        lambda sql, *_: [
            sql(f"DELETE FROM {table} WHERE run_uuid = :run")  # noqa: S608
            for table in ("tags", "params", "metrics", "latest_metrics", "runs")
        ],
        "is not there, though",
    ),
}


def test_what_servers_show_is_held_against_the_records(
    server: str, behind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient
    from sqlalchemy import create_engine, text

    notes: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "regml.learning.tracking.note", lambda _, facts: notes.append(facts)
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    client, engine = MlflowClient(server), create_engine(behind)

    def said(place: str, noted: dict[str, Any]) -> Tracked:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
        return compare_tracked(tmp_path, [record(mlflow=noted)])

    def sql(statement: str) -> None:
        with engine.begin() as opened:
            opened.execute(text(statement), {"run": run})

    for attack, message in ATTACKS.values():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
        run = str(train())
        noted = notes[-1]
        assert (noted["run"], noted["store"]) == (run, server)
        assert said(server, noted) == said(behind, noted) == Tracked(1, (), ())
        attack(sql, client, run)
        for place in (server, behind):
            found = said(place, {**noted, "store": server.replace("http", "x")})
            if "not there" in message:  # the record says another place
                assert (found.compared, found.problems) == (0, ())
                assert "Name the place with MLFLOW_TRACKING_URI" in found.unseen[0]
            found = said(place, {k: v for k, v in noted.items() if k != "store"})
            assert found.compared == 1
            assert any(message in told for _, _, told in found.problems), found
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_releases_are_registered_on_a_server_and_held_against_it(
    server: str, behind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    records = []
    for number in (1, 2):
        said = release(version=f"{number}.0.0", model=f"{number}" * 64)
        records.append(recorded(said, number=number))
        tags = {"version": said.version, "sha256": said.model or ""}
        tags["record"] = records[-1].sha256
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
        source = model_source(said.model or "")
        assert register(tmp_path, "Tiny", source=source, tags=tags) == str(number)

    def problems(place: str) -> tuple[tuple[str, str], ...]:
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", place)
        found = compare_registry(tmp_path, records)
        assert (found.compared, found.unseen) == (2, ())
        return found.problems

    assert problems(server) == problems(behind) == ()
    MlflowClient(server).set_registered_model_alias("Tiny", "released", "1")
    for place in (server, behind):
        [(path, told)] = problems(place)
        assert path == records[1].path
        assert "released points to version 1; the latest release there is 2.0" in told
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"http://127.0.0.1:{free_port()}")
    assert "whether it hands out what" in compare_registry(tmp_path, records).unseen[0]


@pytest.mark.parametrize("kind", ["http", "postgresql+psycopg2", "mysql+none", "ftp"])
def test_a_place_that_cannot_be_asked_is_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"{kind}://ada:s3cret@127.0.0.1:{free_port()}/x?password=s3cret"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
    found = compare_tracked(tmp_path, [record(mlflow={"run": "r", "metrics": {}})])
    assert (found.compared, found.problems) == (0, ())
    [told] = found.unseen
    assert f"{kind}://127.0.0.1" in told
    assert "what MLflow shows of 1 recorded runs was not compared" in told
    assert "s3cret" not in told


def test_a_server_that_is_away_costs_only_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"postgresql+psycopg2://ada@127.0.0.1:{free_port()}/x?connect_timeout=1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
    # MLflow tries for 100 seconds; once is enough here
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)
    trained = Trained(b"", 1, 20, 0.8, (), "cpu")
    assert log_training(trained, experiment="D", parameters={}, tags={}) is None
    assert "MLflow has not logged this training" in capsys.readouterr().err
