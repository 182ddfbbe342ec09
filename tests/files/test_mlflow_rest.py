"""What a server may answer, and what it never gets to see."""

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from regml.files import mlflow_rest
from regml.files.mlflow_places import open_store, place_of
from regml.files.mlflow_rest import Server
from regml.files.mlflow_store import LARGEST, UnseenStoreError

Answer = tuple[int, dict[str, str], str]


class Simulator:
    """A server on this machine that answers what a test wants.

    Attributes:
        address: Where it listens.
        asked: Path and headers of each request.
        answer: What it says to the last part of a path and its parameters.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda *_: (500, {}, "")
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                simulator.asked.append((self.path, dict(self.headers)))
                parts = urlsplit(self.path)
                asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
                status, headers, text = simulator.answer(
                    parts.path.rpartition("/mlflow/")[2], asked
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def encrypt(self, certificate: Path) -> None:
        """Speak TLS from now on, with a new certificate written to a file."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
        own = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.SubjectAlternativeName([own]), critical=False)
            .sign(key, hashes.SHA256())
        )
        certificate.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + made.public_bytes(Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = self.address.replace("http:", "https:")

    def __enter__(self) -> "Simulator":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "*")
    with Simulator() as simulator:
        yield simulator


def ok(value: object) -> Answer:
    return 200, {}, json.dumps(value)


def run(**data: object) -> dict[str, object]:
    return {"run": {"info": {"lifecycle_stage": "active"}, "data": data}}


def test_a_run_is_read_with_all_pages_and_all_that_is_no_number(
    server: Simulator,
) -> None:
    pages = {
        None: {
            "metrics": [
                {"key": "loss", "value": 0.5, "step": "1", "timestamp": 1},
                {"key": "loss", "value": "NaN", "step": 2},
            ],
            "next_page_token": "more",
        },
        "more": {"metrics": [{"key": "loss", "value": "-Infinity"}]},
    }

    def answer(method: str, asked: dict[str, str]) -> Answer:
        if method == "runs/get":
            latest = [{"key": "loss", "value": "NaN"}]
            texts = [{"key": "ä b", "value": "x"}, {"key": "empty"}]
            return ok(run(metrics=latest, params=texts, tags=texts))
        if asked["metric_key"] == "gone":
            return ok({})
        return ok(pages[asked.get("page_token")])

    server.answer = answer
    found = Server(f"{server.address}/prefix/").read("r 1", ["gone"])
    assert found is not None
    assert found.metrics == {"loss": ((1, 0.5), (2, None), (0, -LARGEST))}
    assert found.latest == {"loss": None}
    assert found.params == found.tags == {"ä b": "x", "empty": ""}
    assert not found.deleted
    assert server.asked[0][0] == "/prefix/api/2.0/mlflow/runs/get?run_id=r+1"


def test_registered_versions_are_read_with_all_pages(server: Simulator) -> None:
    rows = [
        {"name": "m", "version": "1", "tags": [{"key": "record", "value": "ab"}]},
        {"name": "m", "version": "2", "source": "urn:x"},
    ]

    def answer(method: str, asked: dict[str, str]) -> Answer:
        if method == "registered-models/search":
            aliases = [{"alias": "released", "version": "2"}]
            return ok({"registered_models": [{"name": "m", "aliases": aliases}]})
        assert method == "model-versions/search"
        if "page_token" not in asked:
            return ok({"model_versions": rows[:1], "next_page_token": "more"})
        return ok({"model_versions": rows[1:]})

    server.answer = answer
    first, second = Server(server.address).registered()
    assert (first.name, first.version, first.released) == ("m", 1, False)
    assert first.tags == {"record": "ab"}
    assert (second.version, second.released, second.source) == (2, True, "urn:x")
    server.answer = lambda *_: ok({"model_versions": [{"version": "x"}]})
    with pytest.raises(UnseenStoreError, match="does not answer as MLflow does"):
        Server(server.address).registered()


def test_a_server_that_pages_for_ever_is_left(server: Simulator) -> None:
    row = {"key": "loss", "value": 1, "step": 1}
    server.answer = lambda method, _: (
        ok(run(metrics=[row]))
        if method == "runs/get"
        else ok({"metrics": [row], "next_page_token": "again"})
    )
    found = Server(server.address).read("r", [])
    assert found is not None
    assert len(found.metrics["loss"]) == 2


def test_only_the_words_of_mlflow_mean_that_there_is_no_run(server: Simulator) -> None:
    gone = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"})
    server.answer = lambda *_: (404, {}, gone)
    assert Server(server.address).read("r", []) is None
    server.answer = lambda *_: (404, {}, "<html>no such page</html>")
    with pytest.raises(UnseenStoreError, match="answers with status 404"):
        Server(server.address).read("r", [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, ""), "refuses to answer .* MLFLOW_TRACKING_TOKEN"),
        ((403, {}, ""), "refuses to answer"),
        ((503, {}, ""), "status 503"),
        ((200, {}, "<html>"), "does not answer as MLflow does"),
        ((200, {}, "[" * 100_000), "does not answer as MLflow does"),
        (ok([]), "does not answer as MLflow does"),
        (ok({"run": 7}), "does not answer as MLflow does"),
        (ok({"run": {"info": {}, "data": {}}}), "does not answer as MLflow does"),
        (ok(run(metrics=[{"key": "a", "value": "x"}])), "does not answer as MLflow"),
        (ok(run(params=["x"])), "does not answer as MLflow does"),
        (
            ok({**run(metrics=[{"key": "a"}]), "metrics": [{"step": 1e999}]}),
            "as MLflow",
        ),
        ((200, {"Content-Length": "99"}, "{"), "does not answer as MLflow does"),
    ],
)
def test_what_is_not_understood_is_not_believed(
    server: Simulator, answer: Answer, said: str
) -> None:
    server.answer = lambda *_: answer
    with pytest.raises(UnseenStoreError, match=said):
        Server(server.address).read("r", [])


def test_an_answer_that_is_too_long_is_not_read(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_rest, "LARGEST", 10)
    server.answer = lambda *_: ok(run())
    with pytest.raises(UnseenStoreError, match="does not answer as MLflow does"):
        Server(server.address).read("r", [])


def test_nobody_else_is_asked_and_nobody_else_gets_the_password(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    with Simulator() as other:
        there = {"Location": f"{other.address}/api/2.0/mlflow/runs/get"}
        for status in (301, 302, 303, 307, 308):
            server.answer = lambda *_, status=status: (status, there, "")
            with pytest.raises(UnseenStoreError, match="sends elsewhere") as caught:
                Server(server.address).read("r", [])
            assert "s3cret" not in str(caught.value)
        assert other.asked == []


def test_credentials_are_those_of_mlflow(
    server: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def sent(uri: str = server.address) -> dict[str, str]:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        store = open_store(tmp_path)
        with pytest.raises(UnseenStoreError) as caught:
            store.read("r", [])
        assert not any(word in str(caught.value) + store.name for word in words)
        return server.asked[-1][1]

    words = ("s3cret", "ada", "t0ken")
    assert "Authorization" not in sent()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    assert sent()["Authorization"] == "Bearer t0ken"
    address = server.address.replace("//", "//ada:s3cret%40@")
    basic = base64.b64encode(b"ada:s3cret@").decode()
    assert sent(address)["Authorization"] == f"Basic {basic}"
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret@")
    assert sent()["Authorization"] == f"Basic {basic}"
    monkeypatch.setenv("MLFLOW_WORKSPACE", "clinic")
    assert sent()["X-Mlflow-Workspace"] == "clinic"
    assert place_of(address) == server.address


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://", "names no host"),
        ("http://[::1", "its address is none"),
        ("http://host:port", "its address is none"),
        ("http://no host/x", "cannot be reached"),
    ],
)
def test_an_address_that_is_none_is_said(
    uri: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(UnseenStoreError, match=said):
        Server(uri).read("r", [])


def test_a_header_that_cannot_be_sent_is_not_shown(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0\nken")
    with pytest.raises(UnseenStoreError) as caught:
        Server(server.address).read("r", [])
    assert "ken" not in str(caught.value)


def test_a_silent_server_is_not_waited_for(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_rest, "SECONDS", 0.05)
    answered = threading.Event()

    def wait(*_: object) -> Answer:
        answered.wait(5)
        return 200, {}, ""

    server.answer = wait
    with pytest.raises(UnseenStoreError, match=r"cannot be reached .*timed out"):
        Server(server.address).read("r", [])
    answered.set()


def test_a_server_is_believed_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")  # not by us
    simulator = Simulator()
    simulator.answer = lambda *_: ok(run())
    simulator.encrypt(tmp_path / "server.pem")
    with simulator:
        with pytest.raises(UnseenStoreError, match="CERTIFICATE_VERIFY_FAILED"):
            Server(simulator.address).read("r", [])
        assert simulator.asked == []
        certificate = str(tmp_path / "server.pem")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", certificate)
        assert Server(simulator.address).read("r", []) is not None


def test_a_certificate_that_is_none_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "none.pem"))
    with pytest.raises(UnseenStoreError, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
        Server("https://127.0.0.1")
    (tmp_path / "none.pem").write_text("no certificate")  # an ssl.SSLError
    with pytest.raises(UnseenStoreError, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
        Server("https://127.0.0.1")
