"""A small project with two released models, real signatures and no data left.

Built once per session. In the first version a test and, in both, a first training
failed. Between the releases the data changed (a case came, one went,
one was labelled anew, one moved), the code, the seed and a package. Nothing that DVC
or MLflow keep is there: no cache, no images, no weights, no database. After the second
release one finding was waived, and one requirement was reworded and not signed again.
"""

import datetime as dt
import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from regml.digest import Artifact, digest_bytes
from regml.files.markdown import write_item
from regml.files.new_item import FOLDERS
from regml.items.base import Kind
from regml.items.data import DatasetManifest
from regml.items.recorded import Origin, Outcome, Record, StageRun, Statement, Waiver
from regml.project import open_project
from regml.records.keys import SigningKey, personal_key, public_pem
from regml.records.log import append, log_heads, read_entries
from tests.factories import (
    CONFIG,
    ITEMS,
    MANIFEST,
    PER_CASE,
    POLICY,
    WEIGHTS,
    Parts,
    annotate_run,
    approval,
    artifact,
    case,
    deidentify_run,
    execution,
    had,
    manifest_of,
    manual_protocol,
    origin,
    per_case_csv,
    release,
    run_of_tests,
    stage_runs,
)

MESSAGES = ("Build the first model", "Smooth the outlines\n\nChange: CR-001")
FIRST = Parts(items=(*ITEMS, manual_protocol(verifies=("SRS-003",))))
SECOND = replace(
    FIRST,
    cases=(
        *(c for c in FIRST.cases if c.case not in {"HV-01", "HV-02", "HV-03"}),
        case(2, label_sha256="22" * 32, annotators=("R-1", "R-3")),
        case(3, split="tuning"),
        case(12),
    ),
    packages={"numpy": "2.2.0"},
    model_note={
        **FIRST.model_note,
        "seed": 8,
        "hyperparameters": {"steps": 20},
        "metrics": {"tuning_dice": 0.91},
    },
)


@dataclass
class Clock:
    """Hands out origins, each five minutes after the one before."""

    commit: str = ""
    code: str = ""
    minutes: int = 0

    def origin(self, person: str = "Dora", **fields: Any) -> Origin:
        """Return the origin of the next run or signature."""
        self.minutes += 5
        hour, minute = divmod(self.minutes, 60)
        started = f"2026-01-05T{10 + hour:02}:{minute:02}:00Z"
        finished = f"2026-01-05T{10 + hour:02}:{minute:02}:30Z"
        told = {
            "started_utc": started,
            "finished_utc": finished,
            "commit": self.commit,
            "code": self.code,
        }
        return origin(person, **{**told, **fields})


@dataclass(frozen=True)
class Audited:
    """The project and the records somebody may ask for.

    Attributes:
        root: Its folder.
        records: By a short name such as ``train 2``.
    """

    root: Path
    records: dict[str, Record]

    def git(self, *arguments: str) -> str:
        """Run git there and return what it prints."""
        return git(self.root, *arguments)


def git(root: Path, *arguments: str) -> str:
    """Run git as Dora, at a fixed time."""
    day = "2026-01-05T09:00:00+00:00"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", "Dora"),
            ("EMAIL", "dora@example.org"),
            ("DATE", day),
        )
    }
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**kept, **who, "GIT_CONFIG_NOSYSTEM": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def build(root: Path) -> Audited:
    """Write, commit and sign everything; nothing is trained."""
    keys = {name: _key(root.parent / name, name) for name in ("dora", "quinn")}
    git(root, "init", "-q", "-b", "main", ".")
    clock, made = Clock(), {}
    for number, parts in enumerate((FIRST, SECOND), 1):
        _write(root, parts, keys, number)
        git(root, "add", "--all")
        git(root, "commit", "-q", "-m", MESSAGES[number - 1])
        clock.commit = git(root, "rev-parse", "HEAD").strip()
        clock.code = open_project(root).evidence.code
        runs = _runs(parts, clock, number)
        _put(root, parts, runs)
        git(root, "add", "--all")
        git(root, "commit", "-q", "-m", f"Run everything for model {number}")
        clock.commit = git(root, "rev-parse", "HEAD").strip()
        for name, statement, signer in (
            *((name, run, "dora") for name, run in runs.items()),
            *_signed(parts, clock, number, runs),
        ):
            made[f"{name} {number}"] = append(root, statement, keys[signer])
        last = _release(root, clock, number, runs)
        made[f"release {number}"] = append(root, last, keys["quinn"])
        git(root, "add", "--all")
        git(root, "commit", "-q", "-m", f"Release {number}.0.0")
        git(root, "tag", f"v{number}.0.0")
    made["waiver"] = append(root, _waiver(root, clock), keys["quinn"])
    srs = FOLDERS[Kind.REQUIREMENT] + "/SRS-001.md"
    _put_text(root, srs, (root / srs).read_text().replace("mm3", "ml"))
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "Speak of millilitres")
    return Audited(root, made)


def _key(folder: Path, name: str) -> SigningKey:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / name))
        patch.delenv("REGML_SIGNING_KEY", raising=False)
        return personal_key()


def _write(root: Path, parts: Parts, keys: dict[str, SigningKey], number: int) -> None:
    signers = [
        {**s.model_dump(mode="json", exclude_none=True), "public_key": public_pem(key)}
        for s, key in zip(CONFIG.signers, keys.values(), strict=True)
    ]
    tables = CONFIG.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    text = "".join(
        f"{name} = {_toml(tables[name])}\n"
        for name in ("device", "sources", "maintenance", "qualified", "activities")
    )
    _put_text(root, "regml.toml", f"{text}signers = {_toml(signers)}\n")
    _put_text(root, "risk/policy.yaml", yaml.safe_dump(POLICY.model_dump(mode="json")))
    for item in parts.items:
        _put_text(root, f"{FOLDERS[item.kind]}/{item.id}.md", write_item(item))
    numpy = parts.packages["numpy"]
    _put_text(root, "requirements.txt", f"numpy=={numpy}\n")
    _put_text(
        root,
        "device/volume.py",
        "# regml: implements SRS-001\n" + "SMOOTH = True\n" * (number - 1),
    )
    tests = "".join(
        f'@pytest.mark.verifies("{t.verifies[0]}")\n'
        f"def {t.name.rpartition('::')[2]}(): ...\n"
        for t in parts.tests
    )
    _put_text(root, "tests/device/test_volumes.py", f"import pytest\n{tests}")
    _put_text(root, ".gitignore", "/data\n/model/weights.safetensors\n/.regml/\n")


def _runs(parts: Parts, clock: Clock, number: int) -> dict[str, StageRun]:
    """Return the runs of all stages; the first training of each model failed."""
    manifest = digest_bytes(manifest_bytes(parts), name=MANIFEST)
    scores = digest_bytes(per_case_csv(parts.cases).encode(), name=PER_CASE)
    new = {
        MANIFEST: manifest,
        PER_CASE: scores,
        WEIGHTS: artifact(WEIGHTS, f"weights {number}"),
        "data/dataset": artifact("data/dataset", f"data {number}"),
    }
    machine = {
        "python": {"version": "3.11.9"},
        "packages": had(numpy=parts.packages["numpy"], torch="2.13.0"),
        "system": {"kernel": f"Linux 6.{number}", "release": "Debian"},
        "gpu": [{"name": "H200" if number > 1 else "A100", "driver": "570"}],
    }
    seed = {"params.yaml": {"train": {"seed": parts.model_note["seed"]}}}
    preprocess, train, validate = stage_runs(parts)
    found: dict[str, StageRun] = {}
    for run in (
        deidentify_run(parts),
        annotate_run(parts),
        preprocess,
        replace(
            train,
            parameters=seed,
            outputs=(),
            notes={},
            outcome=Outcome.FAILED,
            exit_status=1,
        ),
        replace(train, parameters=seed),
        validate,
    ):
        name = run.stage if run.outcome is Outcome.PASSED else f"failed {run.stage}"
        found[name] = replace(
            run,
            origin=clock.origin(environment=machine),
            inputs=tuple(new.get(a.path, a) for a in run.inputs),
            outputs=tuple(new.get(a.path, a) for a in run.outputs),
        )
    return found


def _put(root: Path, parts: Parts, runs: dict[str, StageRun]) -> None:
    """Write what git keeps of the runs: lock, manifest and scores."""
    (root / "reports/evaluation").mkdir(parents=True, exist_ok=True)
    (root / MANIFEST).write_bytes(manifest_bytes(parts))
    _put_text(root, PER_CASE, per_case_csv(parts.cases))
    stages: dict[str, Any] = {}
    lock: dict[str, Any] = {}
    for run in runs.values():
        if run.outcome is not Outcome.PASSED:
            continue
        small = {MANIFEST, PER_CASE}
        stages[run.stage] = {
            "cmd": run.command,
            "deps": [a.path for a in run.inputs],
            "params": list(run.parameters["params.yaml"]),
            "outs": [
                {a.path: {"cache": False}} if a.path in small else a.path
                for a in run.outputs
            ],
        }
        lock[run.stage] = {
            "cmd": run.command,
            "deps": [_row(a) for a in run.inputs],
            "params": dict(run.parameters),
            "outs": [_row(a) for a in run.outputs],
        }
    params: dict[str, Any] = {}
    for run in runs.values():
        params |= run.parameters["params.yaml"]
    _put_text(root, "params.yaml", yaml.safe_dump(params))
    _put_text(root, "dvc.yaml", yaml.safe_dump({"stages": stages}))
    _put_text(root, "dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": lock}))


def _signed(
    parts: Parts, clock: Clock, number: int, runs: dict[str, StageRun]
) -> list[tuple[str, Statement, str]]:
    known = {item.id: item for item in parts.items}
    weights = {WEIGHTS: runs["train"].outputs[0].sha256}
    items = [known[name] for name in ("SRS-001", "SRS-003", "RISK-001", "DS-01")]
    carried = execution(of=known["VP-01"], known=known, models=weights)  # type: ignore[arg-type]
    tests = run_of_tests(parts)
    if number == 1:
        bad = replace(tests.cases[1], outcome=Outcome.FAILED)
        tests = replace(tests, cases=(tests.cases[0], bad))
    return [
        ("tests", replace(tests, origin=clock.origin(), models=weights), "dora"),
        ("protocol", replace(carried, origin=clock.origin("Quinn")), "quinn"),
        (
            "approval",
            approval(*items, known=known, origin=clock.origin("Quinn")),
            "quinn",
        ),
    ]


def _release(
    root: Path, clock: Clock, number: int, runs: dict[str, StageRun]
) -> Statement:
    return release(
        origin=clock.origin("Quinn"),
        version=f"{number}.0.0",
        model=runs["train"].outputs[0].sha256,
        dataset=next(
            a.sha256 for a in runs["preprocess"].outputs if a.path == MANIFEST
        ),
        commit=clock.commit,
        heads=log_heads(read_entries(root)),
        artifacts=runs["train"].outputs,
    )


def _waiver(root: Path, clock: Clock) -> Statement:
    """Return a waiver of the finding that nobody repeated the training."""
    outcomes = {o.rule: o for o in open_project(root).check()}
    found = outcomes["M11"].findings[0]
    return Waiver(
        origin=clock.origin("Quinn"),
        role="quality",
        rule="M11",
        subjects={found.subject: ""},
        messages={found.subject: (found.message,)},
        until=dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30),
        because="The second machine arrives next month.",
    )


def manifest_bytes(parts: Parts) -> bytes:
    """Return the manifest as the preprocess stage writes it."""
    manifest: DatasetManifest = manifest_of(parts)
    value = manifest.model_dump(mode="json")
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _row(found: Artifact) -> dict[str, Any]:
    return {"path": found.path, "md5": found.md5, "size": found.size_bytes}


def _put_text(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _toml(value: object) -> str:
    """Return a JSON value as TOML writes it in one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{k} = {_toml(v)}' for k, v in value.items())}}}"
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value)
