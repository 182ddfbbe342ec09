"""A DVC remote on S3, held by moto's server on this machine."""

import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.layouts.conftest import Place, dvc, run

pytestmark = pytest.mark.skipif(
    not (find_spec("dvc_s3") and find_spec("moto")),
    reason="needs dvc-s3 and moto: pip install -c constraints.txt dvc-s3 'moto[s3]'",
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket on a server of our own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                ask("PUT", f"{address}/store")
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        yield f"{address}/store"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)


SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/"
    "aws4_request, SignedHeaders=host, Signature=0"
}
"""moto looks at who signs, not at the signature."""


def ask(method: str, address: str, content: bytes | None = None) -> bytes:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request(method, f"/{path}", content, SIGNED)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


def keys(bucket: str) -> list[str]:
    return re.findall(r"<Key>(.*?)</Key>", ask("GET", f"{bucket}?list-type=2").decode())


def forget(place: Place) -> None:
    """Remove what DVC keeps here: the cache and the output."""
    shutil.rmtree(place.root / ".dvc/cache", ignore_errors=True)
    shutil.rmtree(place.root / "out", ignore_errors=True)


REMOTE = """\
[core]
    remote = far
['remote "far"']
    url = s3://store/regml
    endpointurl = {address}
"""


def test_what_comes_from_s3_is_believed_by_its_bytes(
    base: Place, tmp_path: Path, bucket: str
) -> None:
    first, second = Place(tmp_path / "mit S3"), Place(tmp_path / "zweiter Klon")
    shutil.copytree(base.root, first.root, symlinks=True)
    config = REMOTE.format(address=bucket.removesuffix("/store"))
    first.write(".dvc/config", config)
    first.commit()
    dvc(first.root, "push", "-q")
    assert len(keys(bucket)) == 3  # two files and the list of them

    run(tmp_path, "git", "clone", "--quiet", str(first.root), str(second.root))
    away = second.verify()
    assert (away.problems, away.absent) == ((), ("out",))
    assert second.check() == []

    dvc(second.root, "pull", "-q")
    assert (second.root / "out/b.txt").read_text() == "b"
    back = second.verify()
    assert (back.problems, back.absent) == ((), ())
    assert second.check() == []

    forget(second)
    content = "92eb5ffee6ae2fec3ad71c777531578f"  # md5 of "b"
    (altered,) = (key for key in keys(bucket) if key.endswith(content[2:]))
    ask("PUT", f"{bucket}/{altered}", b"B")
    dvc(second.root, "pull", "-q")  # DVC believes the name of the object
    assert (second.root / "out/b.txt").read_text() == "B"
    (problem,) = (p for p in second.verify().problems if p.path == "out")
    assert "b.txt differs" in problem.message
    # the check looks at records and dvc.lock, which are as they were
    assert second.check() == []

    second.write(".dvc/config", f"{config}    verify = true\n")
    forget(second)
    with pytest.raises(AssertionError):
        dvc(second.root, "pull", "-q")
