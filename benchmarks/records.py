"""What a long log costs: appending, verifying and building the graph.

``python -m benchmarks.records [COUNT]``, 10,000 records by default, of five stages in
turn. The floor is what nobody can leave out: read each file, sha256, the two layers of
JSON and one check of an ECDSA signature, in a plain loop.
"""

import base64
import dataclasses
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import measure, on_path
from regml.digest import Artifact, canonical_json, sha256_of
from regml.items.recorded import Origin, Outcome, Person, StageRun
from regml.records import statement as statements
from regml.records.dsse import is_good, pae, seal
from regml.records.environment import environment
from regml.records.environment_files import keep_environment
from regml.records.keys import (
    SigningKey,
    create_key,
    public_pem,
    read_key,
    read_public_key,
    signer_block,
)
from regml.records.log import append, read_log, utc_now
from regml.records.storage import LOG
from regml.starter import start_project

COUNT = 10_000
APPENDED = 20
STAGES = ("deidentify", "import_annotations", "preprocess", "train", "validate")


def main() -> None:
    """Print seconds of CPU and ratios to the floor."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        path = place / "key.pem"
        create_key(path)
        key = read_key(path)
        root = start_project(place / "project").root
        with (root / "regml.toml").open("a") as config:
            config.write(signer_block(key, "Ada", "ada@example.org", ["developer"]))
        write_log(root, key, count)
        pem = public_pem(key)
        floor = best(lambda: plain_loop(root, pem))
        row("floor: json, sha256, signature", floor, floor, count)
        signers = [_Signatory(pem, "ada@example.org")]
        row(
            "read and check the log",
            best(lambda: read_log(root, signers)),
            floor,
            count,
        )
        quick = measure([on_path("regml"), "verify", "--quick"], folder=root, runs=3)
        row("regml verify --quick", quick.cpu_seconds, floor, count)
        summary = measure([on_path("regml"), "list", "runs"], folder=root, runs=3)
        row("graph: regml list runs", summary.cpu_seconds, floor, count)
        origin = read_log(root, signers).records[-1].statement
        begun = time.process_time()
        for _ in range(APPENDED):
            append(root, origin, key)
        each = (time.process_time() - begun) / APPENDED
        print(f"append one more to them: {1000 * each:.1f} ms CPU")


def write_log(root: Path, key: SigningKey, count: int) -> None:
    """Write a chain of signed runs as appending one by one would leave it."""
    around = environment()
    lines = []
    previous: tuple[str, ...] = ()
    (root / "records/runs").mkdir(parents=True, exist_ok=True)
    keep_environment(root, around)
    for number in range(count):
        statement = run_of(number, around)
        envelope = seal(canonical_json(statements.write(statement, previous)), key)
        digest = sha256_of(envelope)
        name = f"records/runs/{number:06d}-{statement.stage}-{digest[:8]}.json"
        (root / name).write_bytes(envelope)
        line = {"path": name, "previous": previous, "sha256": digest}
        lines.append(canonical_json(line) + b"\n")
        previous = (digest,)
    (root / LOG).write_bytes(b"".join(lines))


def run_of(number: int, around: dict[str, object]) -> StageRun:
    """Return a run of ordinary size."""

    def thing(name: str) -> Artifact:
        digest = hashlib.sha256(f"{name}{number}".encode()).hexdigest()
        return Artifact(name, digest, digest[:32], 1000 + number)

    now = utc_now()
    person = Person("Ada", "ada@example.org")
    code = "0" * 64
    return StageRun(
        stage=STAGES[number % len(STAGES)],
        origin=Origin(person, now, now, "1" * 40, (), None, code, around),
        command="regml record -- python -m pipelines.train",
        parameters={"params.yaml": {"train": {"rate": 0.001}}},
        inputs=tuple(thing(f"in/{index}") for index in range(4)),
        outputs=tuple(thing(f"out/{index}") for index in range(3)),
        outcome=Outcome.PASSED,
        exit_status=0,
        resources={"wall_seconds": 1.0, "cpu_seconds": 1.0, "peak_memory_bytes": 1},
        log_sha256="2" * 64,
        notes={"numbers": {"n": number}},
    )


def plain_loop(root: Path, pem: str) -> None:
    """Read, digest, parse and check every record, and nothing else."""
    key = read_public_key(pem)
    for line in (root / LOG).read_text().splitlines():
        entry = json.loads(line)
        raw = (root / entry["path"]).read_bytes()
        if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
            sys.exit("a record differs")
        envelope = json.loads(raw)
        payload = base64.b64decode(envelope["payload"])
        json.loads(payload)
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        if not is_good(signature, pae(envelope["payloadType"], payload), key):
            sys.exit("a signature is bad")


def best(work: Callable[[], object], runs: int = 3) -> float:
    """Return the CPU seconds of the fastest of some runs."""
    found = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def row(name: str, seconds: float, floor: float, count: int) -> None:
    """Print one line."""
    print(
        f"{name:<34} {seconds:7.3f} CPU s {seconds / floor:6.2f} x floor "
        f"{1e6 * seconds / count:7.0f} us per record",
        flush=True,
    )


@dataclasses.dataclass(frozen=True)
class _Signatory:
    public_key: str
    email: str
    valid_from: None = None
    revoked: None = None
    revoked_because: None = None


if __name__ == "__main__":
    main()
