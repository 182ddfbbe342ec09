"""MLflow's database on PostgreSQL: a cluster of our own on the loopback address."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from regml.learning.tracking import log_training
from regml.learning.train import CurvePoint, Trained

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # MLflow's own, at its import
    pytest.mark.skipif(
        not PROGRAMS, reason="needs PostgreSQL: apt-get install postgresql"
    ),
    pytest.mark.skipif(
        not (find_spec("psycopg2") and find_spec("mlflow")),
        reason="needs psycopg2 and MLflow: pip install regml[pipeline,server]",
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


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database; the server ends with the test."""
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
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
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


def test_a_training_is_logged_to_a_server_with_postgresql(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    points = tuple(CurvePoint(n, 1 / n, 0.1, 0.04 * n) for n in (10, 20))
    trained = Trained(b"", 1, 20, 0.8, points, "cpu")
    identity = log_training(
        trained, experiment="Gerät", parameters={"steps": 20}, tags={"commit": "ab"}
    )
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
        rows.execute("SELECT status FROM runs")
        assert rows.fetchall() == [("FINISHED",)]
    connection.close()
    assert list(tmp_path.iterdir()) == []  # nothing is written beside the server


def test_a_server_that_is_away_costs_only_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = f"postgresql+psycopg2://ada@127.0.0.1:{port}/postgres?connect_timeout=1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
    # MLflow tries for 100 seconds; once is enough here
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)
    trained = Trained(b"", 1, 20, 0.8, (), "cpu")
    assert log_training(trained, experiment="D", parameters={}, tags={}) is None
    assert "MLflow has not logged this training" in capsys.readouterr().err
