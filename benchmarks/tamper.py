"""Who notices what was done to evidence: regml, DVC and MLflow on the same attacks.

``python -m benchmarks.tamper``: each attack of ``tests/tamper`` is performed with real
tools on a copy of a tiny project that was run, pushed and committed. Found means: of
regml, exit status 1 and a sentence that names what was broken; of ``dvc status`` and
``dvc doctor``, another answer than on the untouched copy; of MLflow, an error when its
client reads experiment, run and metric history.
"""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.tamper.attacks import (
    ATTACKS,
    DVC,
    VERIFIES,
    Attack,
    Tiny,
    build,
    lose_data_and_alter_remote,
)

COLUMNS = ("regml", "dvc status", "dvc doctor", "MLflow")

READ_MLFLOW = """\
import sys
from mlflow.tracking import MlflowClient
for folder in sys.argv[1:]:
    try:
        client = MlflowClient(f"sqlite:///{folder}/work/mlflow.db")
        experiments = [e.experiment_id for e in client.search_experiments()]
        for run in client.search_runs(experiments):
            for name in client.get_run(run.info.run_id).data.metrics:
                client.get_metric_history(run.info.run_id, name)
        print("")
    except Exception as error:
        print(type(error).__name__)
"""


def main() -> None:
    """Print a row per attack and a column per tool."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        original = build(place / "original")
        rows = [_row(original, attack, place) for attack in ATTACKS]
        copies = [place / attack.name for attack in ATTACKS]
        seen = original.run(
            sys.executable, "-c", READ_MLFLOW, *(str(copy) for copy in copies)
        )
        if seen.returncode:
            sys.exit(seen.stderr)
        answers = seen.stdout.split("\n")
        table = [
            (*row, bool(answer)) for row, answer in zip(rows, answers, strict=False)
        ]
        print(f"{'attack':<28}" + "".join(f"{name:>12}" for name in COLUMNS))
        for attack, found in zip(ATTACKS, table, strict=True):
            cells = "".join(f"{'found' if one else '-':>12}" for one in found)
            print(f"{attack.name:<28}{cells}")
        totals = (sum(column) for column in zip(*table, strict=True))
        counts = "".join(f"{f'{n} of {len(table)}':>12}" for n in totals)
        print(f"{'together':<28}{counts}")
        print(_pull(original, place / "refused"))


def _row(original: Tiny, attack: Attack, place: Path) -> tuple[bool, bool, bool]:
    tiny = original.copy(place / attack.name)
    before = _dvc(tiny)
    attack.perform(tiny)
    after = _dvc(tiny)
    shutil.rmtree(tiny.root / ".dvc/tmp", ignore_errors=True)
    return _regml(tiny, attack), after[0] != before[0], after[1] != before[1]


def _regml(tiny: Tiny, attack: Attack) -> bool:
    anchor = ["--anchor", attack.anchor] if attack.anchor else []
    done = tiny.run("regml", attack.by, "--format", "json", *anchor)
    told = json.loads(done.stdout)
    if attack.by == "verify":
        said = [f"{row['path']}: {row['message']}" for row in told["problems"]]
    else:
        said = [row["message"] for outcome in told for row in outcome["findings"]]
    named = any(re.search(attack.said, line) for line in said)
    return done.returncode == 1 and named


def _dvc(tiny: Tiny) -> tuple[str, str]:
    """Return what ``dvc status`` and ``dvc doctor`` say; started once for both."""
    done = tiny.run(sys.executable, "-c", DVC, "status", "doctor")
    status, _, doctor = done.stdout.partition("DVC version")
    return status, doctor


def _pull(original: Tiny, place: Path) -> str:
    tiny = original.copy(place)
    with (tiny.root / ".dvc/config").open("a") as config:
        config.write(VERIFIES)
    lose_data_and_alter_remote(tiny)
    status = tiny.run("dvc", "pull", "-q").returncode
    return (
        "altered remote object with 'verify = true' on the remote: "
        f"dvc pull {'refuses it' if status else 'takes it'}"
    )


if __name__ == "__main__":
    main()
