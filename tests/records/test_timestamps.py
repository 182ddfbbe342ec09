"""Time stamps of an authority that is made of OpenSSL, on this machine."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from regml.errors import ConfigError, RecordError
from regml.records.timestamps import FOLDER, stamp
from regml.records.verify import Verification, verify

pytest.importorskip("rfc3161_client")

SETTINGS = """\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = leaf.pem
signer_key = leaf.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    url: str
    certificate: Path


def openssl(folder: Path, line: str) -> None:
    subprocess.run(
        ["openssl", *line.split()], cwd=folder, check=True, capture_output=True
    )


def certificates(folder: Path, name: str) -> None:
    key = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config s.cnf"
    openssl(
        folder,
        f"{key} -x509 -subj /CN={name} -extensions root -keyout root.key -out root.pem",
    )
    openssl(folder, f"{key} -subj /CN={name}-leaf -keyout leaf.key -out leaf.csr")
    openssl(
        folder,
        "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -extfile s.cnf "
        "-extensions leaf -out leaf.pem -set_serial 7",
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "s.cnf").write_text(SETTINGS)
    (folder / "serial").write_text("01\n")
    certificates(folder, "tsa")

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "asked").write_bytes(
                self.rfile.read(int(self.headers["Content-Length"]))
            )
            openssl(
                folder, "ts -reply -config s.cnf -section one -queryfile asked -out got"
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "got").read_bytes())

        def log_message(self, *said: object) -> None:
            del said

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Authority(f"http://127.0.0.1:{server.server_port}/", folder / "root.pem")
        server.shutdown()


def verified(project: Any, certificate: Path | None) -> Verification:
    return verify(project.root, project.signers, certificate=certificate)


def test_a_stamp_tells_since_when_the_log_is_as_it_is(
    project: Any, authority: Authority, tmp_path: Path
) -> None:
    record = project.approve()
    status, out, err = project.regml("record", "stamp", "--tsa", authority.url)
    assert status == 0, err
    name = out.strip()
    assert name == f"{FOLDER}/{record.sha256[:16]}.tsr"
    result = verified(project, authority.certificate)
    assert result.problems == ()
    [told] = result.stamped
    assert f"record {record.id} and all before it existed at 20" in told
    # OpenSSL says so too, from the stamp alone
    done = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-in", project.root / name),
            *("-data", project.root / record.path, "-CAfile", authority.certificate),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in done.stdout + done.stderr
    # without the certificate it is said that nobody looked
    [unseen] = verified(project, None).unseen
    assert "1 time stamps were not checked" in unseen


def test_a_stamp_is_an_anchor_and_another_authority_is_not_believed(
    project: Any, authority: Authority, tmp_path: Path
) -> None:
    record = project.approve()
    stamp(project.root, authority.url)
    (tmp_path / "s.cnf").write_text(SETTINGS)
    certificates(tmp_path, "other")
    [problem] = verified(project, tmp_path / "root.pem").problems
    assert "is no good time stamp of this authority" in problem.message
    assert "ErrorStack" not in problem.message
    (project.root / record.path).unlink()
    (project.root / "records/log.jsonl").unlink()
    [problem] = verified(project, authority.certificate).problems
    assert f"does not list record {record.id}" in problem.message


def test_where_there_is_nothing_to_stamp_or_to_check_it_is_said(
    project: Any, authority: Authority
) -> None:
    with pytest.raises(RecordError, match="nothing to stamp"):
        stamp(project.root, authority.url)
    project.approve()
    assert verified(project, None).unseen == ()
    [unseen] = verified(project, authority.certificate).unseen
    assert f"there is no time stamp in {FOLDER} to check" in unseen


def test_an_edited_stamp_is_one_short_message(
    project: Any, authority: Authority
) -> None:
    project.approve()
    [name] = stamp(project.root, authority.url)
    answer = bytearray((project.root / name).read_bytes())
    answer[-5] ^= 1  # of the signature
    (project.root / name).write_bytes(answer)
    [problem] = verified(project, authority.certificate).problems
    assert "is no good time stamp of this authority" in problem.message
    assert len(problem.message) < 200


def test_an_authority_that_does_not_answer_is_one_message(project: Any) -> None:
    project.approve()
    with pytest.raises(RecordError, match="gives no time stamp"):
        stamp(project.root, "http://127.0.0.1:9/")
    with pytest.raises(ConfigError, match="no http or https URL"):
        stamp(project.root, "file:///etc/passwd")
    assert not (project.root / FOLDER).exists()
