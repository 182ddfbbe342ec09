"""A tiny real DVC project, and what somebody may do to its evidence.

Each attack uses the tools that an attacker would use: an editor, ``dvc``, ``git`` and
``sqlite3``. ``regml`` takes no part in it. The same list is what
``python -m benchmarks.tamper`` puts next to what other tools say.
"""

import base64
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from regml.records.keys import create_key, read_key, signer_block

CONFIG = """\
[device]
name = "Tiny device"
version = "1.0"
manufacturer = "Nobody"
safety_class = "B"
class_rationale = "a test"
documentation_level = "Basic"
documentation_rationale = "a test"
intended_use = "tests"
users = "tests"
not_for = []

[sources]
software = ["train.py", "prepare.sh"]
tests = []
lock = "requirements.txt"

"""

POLICY = """\
severity: [{value: 1, name: minor, meaning: m}, {value: 2, name: serious, meaning: m}]
p1: [{value: 1, name: rare, meaning: m}]
p2: [{value: 1, name: rare, meaning: m}]
probability: [[1]]
matrix: [[L, H]]
levels: {L: low, H: high}
acceptable: [L]
safety_class: {1: A, 2: B}
"""

PIPELINE = """\
stages:
  prepare:
    cmd: regml record -- sh prepare.sh
    deps: [data.txt, prepare.sh]
    outs: [clean]
  train:
    cmd: regml record -- python train.py
    deps: [clean, train.py]
    outs:
    - model.bin
    - metrics.json: {cache: false}
"""

PREPARE = "rm -rf clean; mkdir clean; sort data.txt > clean/one.txt; wc -l < data.txt > clean/two.txt\n"  # noqa: E501

TRAIN = """\
import json, pathlib, types
import regml
from regml.learning.tracking import log_training

text = pathlib.Path("clean/one.txt").read_bytes()
pathlib.Path("model.bin").write_bytes(b"weights of " + text)
pathlib.Path("metrics.json").write_text(json.dumps({"dice": 0.71}) + "\\n")
curve = [
    types.SimpleNamespace(step=s, loss=1 / s, learning_rate=0.1, tuning_dice=s / 30)
    for s in (10, 20)
]
trained = types.SimpleNamespace(curve=curve, best_dice=0.71, best_step=20)
if not pathlib.Path("mlflow.db").exists():  # once is enough, MLflow is slow to start
    run = log_training(
        trained,
        experiment="Tiny device",
        parameters={"rate": 0.1},
        tags={"dataset_manifest_sha256": "ab12"},
    )
    assert run, "MLflow did not log"
regml.note("model", {"weights": "model.bin"})
"""

DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = ../../remote
"""

VERIFIES = "    verify = true\n"
"""What ``regml init`` sets on a remote."""

SOUP = "tiny_soup"
"""A package of one module: only its version and its files matter."""

DVC = """\
import shlex, sys
from dvc.cli import main
codes = [main(shlex.split(line)) for line in sys.argv[1:]]
sys.exit(max(codes))
"""
"""Several commands of DVC in one process: starting it costs more than they do."""


@dataclass(frozen=True)
class Tiny:
    """The project in ``work``, its remote beside it, and who works there."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of somebody whom nobody knows."""
        tools = Path(sys.executable).parent
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        return kept | {
            "HOME": str(self.folder / "home"),
            "XDG_CONFIG_HOME": str(self.folder / "home/.config"),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(self.folder / "site"), str(_SOURCE)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.folder / "dvc-site"),
            "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
        }

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the project."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def dvc(self, *lines: str) -> str:
        """Run commands of DVC that have to succeed; return what they said."""
        done = self.run(sys.executable, "-c", DVC, *lines)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str = "x") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def locked_md5(self, path: str) -> str:
        """Return the md5 that ``dvc.lock`` has of an output."""
        lines = (self.root / "dvc.lock").read_text().splitlines()
        at = max(i for i, line in enumerate(lines) if line == f"    - path: {path}")
        return next(
            line.split()[-1] for line in lines[at:] if line.strip().startswith("md5:")
        )

    def records(self) -> list[Path]:
        """Return the record files as the log lists them."""
        rows = (self.root / "records/log.jsonl").read_text().splitlines()
        return [self.root / json.loads(row)["path"] for row in rows]

    def copy(self, target: Path) -> "Tiny":
        """Return the same project at another place."""
        shutil.copytree(self.folder, target, symlinks=True)
        return replace(self, folder=target)


_FOREIGN = ("GIT_", "REGML_", "DVC_", "MLFLOW_", "XDG_")
_SOURCE = Path(__file__).parents[2]


def build(folder: Path) -> Tiny:
    """Make the project, run it once, push its data, commit it."""
    made = Tiny(folder)
    for name in ("work", "home", "remote"):
        (folder / name).mkdir(parents=True)
    _package(folder, "1.0")
    key = folder / "home/.config/regml/signing_key.pem"
    create_key(key)
    signer = signer_block(read_key(key), "Ada", "ada@example.org", ["developer"])
    for name, text in {
        "regml.toml": CONFIG + signer,
        "risk/policy.yaml": POLICY,
        "requirements_srs/UN-01.md": "---\ntitle: Need\n---\nText.\n",
        "requirements.txt": "tiny-soup==1.0\n",
        "dvc.yaml": PIPELINE,
        "prepare.sh": PREPARE,
        "train.py": TRAIN,
        "data.txt": "beta\nalpha\n",
        ".dvc/config": DVC_CONFIG,
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".gitignore": ".regml/\n/data.txt\n/clean\n/model.bin\nmlflow.db\n",
        ".gitattributes": "records/log.jsonl merge=union\n",
    }.items():
        made.write(name, text)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("config", "user.name", "Ada")
    made.git("config", "user.email", "ada@example.org")
    made.commit("Begin")
    made.dvc("add -q data.txt")
    made.commit("Data")
    made.dvc("repro -q", "push -q")
    made.commit("Run")
    made.git("tag", "kept")
    return made


def _package(folder: Path, version: str, code: str = "") -> None:
    """Install a package beside the project, as pip does with --target."""
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    info = site / f"{SOUP}-{version}.dist-info"
    info.mkdir(parents=True)
    (site / f"{SOUP}.py").write_text(code)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {SOUP}\nVersion: {version}\n"
    )
    digest = base64.urlsafe_b64encode(hashlib.sha256(code.encode()).digest())
    listed = f"{SOUP}.py,sha256={digest.rstrip(b'=').decode()},{len(code)}\n"
    (info / "RECORD").write_text(f"{listed}{info.name}/RECORD,,\n")


# what dvc.lock and the data can be made to say


def forge_by_commit(tiny: Tiny) -> None:
    """Write better outputs by hand and let DVC take them for those of the stage."""
    tiny.write("metrics.json", '{"dice": 0.99}\n')
    (tiny.root / "model.bin").unlink()
    tiny.write("model.bin", "better weights\n")
    tiny.dvc("commit -f -q")


def poison_run_cache(tiny: Tiny) -> None:
    """Let DVC's run cache answer with an output that no run made."""
    cache = tiny.root / ".dvc/cache"
    old = tiny.locked_md5("clean")
    listing = _put(cache, b"forged\n")
    members = [{"md5": listing, "relpath": "one.txt"}]
    new = _put(cache, json.dumps(members).encode(), suffix=".dir")
    changed = 0
    for entry in (cache / "runs").rglob("*"):
        if entry.is_file() and old in entry.read_text():
            entry.chmod(0o644)
            entry.write_text(entry.read_text().replace(old, new))
            changed += 1
    assert changed, "the run cache does not know the stage"
    shutil.rmtree(tiny.root / "clean")
    lock = (tiny.root / "dvc.lock").read_text()
    head, train = lock.split("  prepare:\n")[0], lock.split("  train:\n")[1]
    tiny.write("dvc.lock", f"{head}  train:\n{train}")
    said = tiny.dvc("repro prepare")
    assert "from run cache" in said or "is cached" in said, said


def alter_cached_object(tiny: Tiny) -> None:
    """Change an object of the local cache and let DVC check it out."""
    md5 = tiny.locked_md5("model.bin")
    _alter(tiny.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:])
    (tiny.root / "model.bin").unlink()
    tiny.dvc("checkout -q")


def alter_remote_object(tiny: Tiny) -> None:
    """Change an object of the remote and let DVC pull it."""
    lose_data_and_alter_remote(tiny)
    tiny.dvc("pull -q")


def lose_data_and_alter_remote(tiny: Tiny) -> None:
    """Change an object of the remote; on this machine there is none of them."""
    md5 = tiny.locked_md5("model.bin")
    _alter(tiny.folder / "remote/files/md5" / md5[:2] / md5[2:])
    shutil.rmtree(tiny.root / ".dvc/cache")
    (tiny.root / "model.bin").unlink()


def edit_data_same_size(tiny: Tiny) -> None:
    """Change data without changing size, file or modification time."""
    _alter(tiny.root / "data.txt")


def edit_output_same_size(tiny: Tiny) -> None:
    """The same with one file inside an output folder."""
    _alter(tiny.root / "clean/one.txt")


def edit_lock(tiny: Tiny) -> None:
    """Let dvc.lock name another model, which lies there and in the cache."""
    old = tiny.locked_md5("model.bin")
    other = b"other weights\n"
    new = _put(tiny.root / ".dvc/cache", other)
    size = (tiny.root / "model.bin").stat().st_size
    path = tiny.root / "dvc.lock"
    text = path.read_text().replace(old, new)
    path.write_text(text.replace(f"size: {size}", "size: 14"))
    (tiny.root / "model.bin").unlink()
    (tiny.root / "model.bin").write_bytes(other)


def change_data_and_run_nothing(tiny: Tiny) -> None:
    """Take other data in and leave the model as it is."""
    tiny.write("data.txt", "gamma\n")
    tiny.dvc("add -q data.txt")
    tiny.commit()


def change_the_command_and_run_nothing(tiny: Tiny) -> None:
    """Say in dvc.yaml that the model is trained in another way than it was."""
    tiny.write("dvc.yaml", PIPELINE.replace("train.py\n", "train.py --careful\n", 1))
    tiny.commit()


def keep_records_out_of_git(tiny: Tiny) -> None:
    """Have git forget the records, so that nobody who clones gets them."""
    with (tiny.root / ".gitignore").open("a") as patterns:
        patterns.write("/records/runs/\n")
    tiny.git("rm", "-q", "-r", "--cached", "records/runs")
    tiny.commit()


def hide_an_input(tiny: Tiny) -> None:
    """Train with a file that ``.dvcignore`` keeps out of every digest."""
    tiny.write("clean/more.txt", "omega\n")
    tiny.write(".dvcignore", "more.txt\n")
    tiny.commit()
    tiny.dvc("repro -q -f -s train")


def forge_what_a_stage_goes_on_from(tiny: Tiny) -> None:
    """Put weights there by hand, and let a training go on from them."""
    flag = "- model.bin: {persist: true}"
    tiny.write("dvc.yaml", PIPELINE.replace("- model.bin", flag))
    tiny.commit()
    (tiny.root / "model.bin").unlink()
    tiny.write("model.bin", "better weights\n")
    tiny.dvc("repro -q -f -s train")


def run_a_pipeline_beside(tiny: Tiny) -> None:
    """Let DVC make results in a sub-folder, where no recorder stands before it."""
    tiny.write(
        "study/dvc.yaml",
        "stages:\n  best:\n    cmd: echo 0.99 > best.txt\n    outs: [best.txt]\n",
    )
    tiny.dvc("repro -q study/dvc.yaml")
    tiny.commit()


def import_code_that_git_ignores(tiny: Tiny) -> None:
    """Let the training use code that no commit holds."""
    tiny.write("better.py", "weights = 1\n")
    with (tiny.root / ".gitignore").open("a") as patterns:
        patterns.write("/better.py\n")
    tiny.write("train.py", "import better\n" + TRAIN)
    tiny.commit()


def replace_model(tiny: Tiny) -> None:
    """Put another file in the place of the model."""
    (tiny.root / "model.bin").unlink()
    tiny.write("model.bin", "another model")


def change_packages(tiny: Tiny) -> None:
    """Train again with another version of a package than the lock file has."""
    _package(tiny.folder, "2.0")
    tiny.dvc("repro -q -f -s train")


def change_package_files(tiny: Tiny) -> None:
    """Train again with other files of a package under the version it had."""
    _package(tiny.folder, "1.0", "print('worse')\n")
    tiny.dvc("repro -q -f -s train")


# MLflow


def edit_metric(tiny: Tiny) -> None:
    """Make a number in MLflow better."""
    _sql(tiny, "UPDATE metrics SET value = 0.99 WHERE key = 'best_tuning_dice'")
    _sql(tiny, "UPDATE latest_metrics SET value = 0.99 WHERE key = 'best_tuning_dice'")


def edit_shown_metric(tiny: Tiny) -> None:
    """Make better only what MLflow shows in its tables."""
    _sql(tiny, "UPDATE latest_metrics SET value = 0.99 WHERE key = 'best_tuning_dice'")


def edit_tag(tiny: Tiny) -> None:
    """Let MLflow name another dataset."""
    _sql(tiny, "UPDATE tags SET value = 'cd34' WHERE key = 'dataset_manifest_sha256'")


def edit_parameter(tiny: Tiny) -> None:
    """Let MLflow name another learning rate."""
    _sql(tiny, "UPDATE params SET value = '0.2' WHERE key = 'rate'")


def delete_tracked_run(tiny: Tiny) -> None:
    """Delete the run in MLflow's table, as its user interface does."""
    _sql(tiny, "UPDATE runs SET lifecycle_stage = 'deleted'")


# records


def edit_record(tiny: Tiny) -> None:
    """Change what a record says, and nothing else."""
    path = tiny.records()[1]
    text = path.read_text()
    path.write_text(text.replace('"payload":"ey', '"payload":"eY', 1))


def edit_environment(tiny: Tiny) -> None:
    """Let another version of a package have been there, with the time restored."""
    [path] = (tiny.root / "records/environments").glob("*.json")
    before = path.stat()
    content = path.read_text()
    path.write_text(content.replace('"version":"1.0"', '"version":"1.1"', 1))
    assert path.stat().st_size == before.st_size
    assert path.read_text() != content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def delete_environment(tiny: Tiny) -> None:
    """Take away what the runs were made in."""
    [path] = (tiny.root / "records/environments").glob("*.json")
    path.unlink()


def delete_record(tiny: Tiny) -> None:
    """Delete a record's file."""
    tiny.records()[0].unlink()


def delete_record_and_line(tiny: Tiny) -> None:
    """Delete a record and its line."""
    tiny.records()[0].unlink()
    _lines(tiny, lambda lines: lines[1:])


def reorder_records(tiny: Tiny) -> None:
    """Move the lines of the log."""
    _lines(tiny, lambda lines: lines[::-1])


def insert_record(tiny: Tiny) -> None:
    """Slip a copy of an old record in as a new one."""
    first = tiny.records()[0]
    copy = first.with_name(f"20990101T000000Z-{first.name[17:]}")
    shutil.copyfile(first, copy)
    name = copy.relative_to(tiny.root).as_posix()

    def again(lines: list[str]) -> list[str]:
        row = json.loads(lines[0])
        return [*lines, json.dumps({**row, "path": name}) + "\n"]

    _lines(tiny, again)


def rewrite_history(tiny: Tiny) -> None:
    """Give every commit another message, and with it another name."""
    quiet = ("env", "FILTER_BRANCH_SQUELCH_WARNING=1")
    rewrite = ("filter-branch", "-f", "--msg-filter", "tr a-z A-Z")
    every = ("--tag-name-filter", "cat", "--", "--all")
    done = tiny.run(*quiet, "git", *rewrite, *every)
    assert done.returncode == 0, done.stderr


def move_records_in(tiny: Tiny) -> None:
    """Add the record of another project, which the same key signed."""
    other = tiny.copy(tiny.folder / "other")
    shutil.rmtree(other.root / "records")
    other.git("checkout", "--quiet", "--orphan", "elsewhere")
    other.commit("Another project")
    done = other.run("regml", "record", "--stage", "prepare", "--", "sh", "prepare.sh")
    assert done.returncode == 0, done.stderr
    row = (other.root / "records/log.jsonl").read_text()
    for folder in ("runs", "environments"):
        there = tiny.root / "records" / folder
        shutil.copytree(other.root / "records" / folder, there, dirs_exist_ok=True)
    _lines(tiny, lambda lines: [*lines, row])


def truncate_log(tiny: Tiny) -> None:
    """Cut the newest record off, with its line and what dvc.lock says of it."""
    tiny.records()[-1].unlink()
    _lines(tiny, lambda lines: lines[:-1])
    lock = (tiny.root / "dvc.lock").read_text()
    tiny.write("dvc.lock", lock.split("  train:\n")[0])


def resign_record(tiny: Tiny) -> None:
    """Sign a changed record anew, with a key that nobody trusts."""
    path = tiny.records()[-1]
    envelope = json.loads(path.read_text())
    code = (
        "import base64, json, sys, pathlib\n"
        "from regml.records.dsse import seal\n"
        "from regml.records.keys import create_key, read_key\n"
        "key = pathlib.Path(sys.argv[1]); create_key(key)\n"
        "payload = base64.b64decode(sys.stdin.read())\n"
        "payload = payload.replace(b'0.71', b'0.99')\n"
        "sys.stdout.buffer.write(seal(payload, read_key(key)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny.folder / "stranger.pem")],
        input=envelope["payload"].encode(),
        env=tiny.environment,
        capture_output=True,
        check=True,
    )
    path.write_bytes(done.stdout)
    digest = hashlib.sha256(done.stdout).hexdigest()

    def named(lines: list[str]) -> list[str]:
        return [*lines[:-1], json.dumps({**json.loads(lines[-1]), "sha256": digest})]

    _lines(tiny, named)


@dataclass(frozen=True)
class Attack:
    """One way to make evidence lie.

    Attributes:
        perform: Does it.
        said: What regml says then, as a regular expression.
        by: ``verify`` or ``check``.
        anchor: What is given to ``regml verify --anchor``.
    """

    perform: Callable[[Tiny], None]
    said: str
    by: str = "verify"
    anchor: str | None = None

    @property
    def name(self) -> str:
        return self.perform.__name__.replace("_", " ")


ATTACKS = (
    Attack(
        forge_by_commit, r"dvc\.lock: stage train .* output metrics\.json differs; out"
    ),
    Attack(poison_run_cache, r"dvc\.lock: stage prepare .* output clean differs"),
    Attack(alter_cached_object, r"model\.bin: .* 22 bytes .*, same size"),
    Attack(alter_remote_object, r"model\.bin: .* 22 bytes .*, same size"),
    Attack(edit_data_same_size, r"data\.txt: is not what .* prepare .*read: 11 bytes"),
    Attack(edit_output_same_size, r"clean: differs .*: one\.txt differs \(11 bytes\)"),
    Attack(edit_lock, r"dvc\.lock: stage train .* output model\.bin differs"),
    Attack(replace_model, r"model\.bin: differs .* 13 bytes .* instead of 22 bytes"),
    Attack(change_packages, r"tiny-soup 1\.0; the run .* had 2\.0", by="check"),
    Attack(
        change_package_files,
        r"had tiny-soup 1\.0 with different files .* in prepare.* in train",
        by="check",
    ),
    Attack(edit_metric, r"best_tuning_dice is 0\.99 at its end.* logged 0\.71"),
    Attack(edit_shown_metric, r"best_tuning_dice is shown as 0\.99.* logged 0\.71"),
    Attack(edit_tag, r"tag dataset_manifest_sha256 is 'cd34'.* logged 'ab12'"),
    Attack(edit_parameter, r"parameter rate is '0\.2'.* logged '0\.1'"),
    Attack(delete_tracked_run, r"in mlflow\.db is deleted"),
    Attack(edit_record, r"runs/.*-train-.*: its content .* was edited"),
    Attack(edit_environment, r"-train-.*: the file records/environments/.* was edited"),
    Attack(delete_environment, r"-prepare-.*: the file .* cannot be read"),
    Attack(delete_record, r"runs/.*-prepare-.*: .* evidence was removed"),
    Attack(delete_record_and_line, r"runs/.*-train-.*: it follows record .* removed"),
    Attack(reorder_records, r"log\.jsonl: lists .* lines were moved"),
    Attack(insert_record, r"log\.jsonl: lists .*20990101.* copy of an earlier record"),
    Attack(truncate_log, r"log\.jsonl: lists 1 records, but not", anchor="kept"),
    Attack(
        change_data_and_run_nothing,
        r"Stage prepare would run again: data\.txt is not what it read",
        by="check",
    ),
    Attack(
        change_the_command_and_run_nothing,
        r"Stage train would run again: its command is another",
        by="check",
    ),
    Attack(
        keep_records_out_of_git,
        r"Ignored by git: it is here, but git leaves it out",
        by="check",
    ),
    Attack(
        hide_an_input, r"train was .* uncommitted changes \(clean/more\.txt", by="check"
    ),
    Attack(
        forge_what_a_stage_goes_on_from,
        r"train was .* uncommitted changes \(model\.bin\)",
        by="check",
    ),
    Attack(
        run_a_pipeline_beside,
        r"study/dvc\.lock tells of a pipeline that nobody records",
        by="check",
    ),
    Attack(
        import_code_that_git_ignores,
        r"train\.py uses this code, and it is not under control",
        by="check",
    ),
    Attack(rewrite_history, r"-train-.*: it was made at commit .* history was rewri"),
    Attack(move_records_in, r"-prepare-.*: it was made at commit .* another project"),
    Attack(resign_record, r"-train-.*: it is signed by .* regml\.toml does not name"),
)


def _alter(path: Path) -> None:
    """Change one byte in place; size and modification time stay."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as stream:
        first = stream.read(1)
        stream.seek(0)
        stream.write(bytes([first[0] ^ 1]))
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _put(cache: Path, content: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    path = cache / "files/md5" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return md5


def _sql(tiny: Tiny, statement: str) -> None:
    with closing(sqlite3.connect(tiny.root / "mlflow.db")) as database, database:
        assert database.execute(statement).rowcount > 0


def _lines(tiny: Tiny, change: Callable[[list[str]], list[str]]) -> None:
    log = tiny.root / "records/log.jsonl"
    log.write_text("".join(change(log.read_text().splitlines(keepends=True))))
