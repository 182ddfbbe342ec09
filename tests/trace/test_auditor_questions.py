"""Questions of an auditor: what is typed, what has to be in the answer.

The project holds git and its records, and nothing else: no cache of DVC, no MLflow
database, no image, no weights. ``{train 1}`` stands for the id of that record,
``{model 1}`` for a node.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from regml import cli
from regml.items.recorded import StageRun
from tests.audited import Audited


class Question(NamedTuple):
    """What is asked, what is typed, and what the answer says.

    Attributes:
        asked: In the words of the auditor.
        typed: After ``regml``.
        answer: Parts of lines, each of one line of the answer; words between ``|``
            stand in this order in one line.
        status: Of the command.
    """

    asked: str
    typed: str
    answer: tuple[str, ...]
    status: int = 0


QUESTIONS = (
    Question(
        "Which data trained model 1.0.0?",
        "lineage model@1.0.0",
        ("manifest sha256|{data 1}", "cases|12", "train|6|A 3, B 3"),
    ),
    Question(
        "Which exact images, and in which split?",
        "lineage model@1.0.0 --images",
        ("HV-01|P-01|A|test|R-1, R-2|bdd295acb985", "HV-11|P-11|B|test"),
    ),
    Question(
        "Who outlined case HV-02 of the second version?",
        "lineage dataset@2.0.0 --images",
        ("HV-02|P-02|B|train|R-1, R-3",),
    ),
    Question(
        "Are those readers qualified?",
        "lineage model@2.0.0",
        ("R-1|radiologist|9|2025-03-01|12", "R-3|not listed"),
    ),
    Question(
        "Who chose the data, by which criteria?",
        "lineage model@1.0.0",
        ("inclusion|T1-weighted MR", "Quinn|quality|approval|approval@{approval 1}"),
    ),
    Question(
        "How were the images prepared?",
        "lineage model@1.0.0",
        ("spacing mm|1.0", "interpolation|cubic", "residual identifiers|0"),
    ),
    Question(
        "Which code trained it, and was all of it committed?",
        "lineage model@2.0.0",
        ("commit|{commit 2}", "uncommitted|nothing"),
    ),
    Question(
        "With which seed and which hyper-parameters?",
        "lineage model@2.0.0",
        ("seed|8", "hyperparameters|steps: 20"),
    ),
    Question(
        "Which version of numpy, on which machine?",
        "lineage model@1.0.0",
        ("numpy|2.1.0", "gpu|A100", "python|3.11.9"),
    ),
    Question(
        "Which other trainings were there, also failed ones?",
        "lineage model@2.0.0",
        ("run@{failed train 2}|failed", "run@{train 1}|passed|{model 1}"),
    ),
    Question(
        "Which requirement does a number fulfil, over how many cases?",
        "lineage model@1.0.0",
        ("SRS-002|dice|mean|0.91|0.8833 to 0.9367|6|passed",),
    ),
    Question(
        "Which risk does requirement SRS-004 control?",
        "show SRS-004",
        ("controls|RISK-001|Wrong volume",),
    ),
    Question(
        "What shows that the control of risk RISK-001 works?",
        "matrix risk srs test result",
        ("RISK-001|SRS-004|test_volumes.py::test_spacing|passed",),
    ),
    Question(
        "Which code implements SRS-001?",
        "trace SRS-001",
        ("implements|device/volume.py",),
    ),
    Question(
        "Who signed SRS-003, in which role?",
        "list approvals",
        ("approval@{approval 2}|approval|Quinn|quality|SRS-003",),
    ),
    Question(
        "Who carried out the protocol, on which model?",
        "trace model@2.0.0",
        ("uses|execution@{protocol 2}|VP-01 passed by Quinn",),
    ),
    Question(
        "Did SRS-004 pass when 1.0.0 was released?",
        "show SRS-004 --at v1.0.0",
        ("failed in run {tests 1}",),
    ),
    Question(
        "What changed from model 1.0.0 to 2.0.0?",
        "diff model@1.0.0 model@2.0.0",
        (
            "re-labelled|1",
            "{subject}|Smooth the outlines",
            "device/volume.py|1|0",
            "params.yaml.train.seed|7|8",
            "numpy|2.1.0|2.2.0",
            "SRS-002|dice whole mean|0.91 (0.8833 to 0.9367, n=6)|0.9 (0.88 to 0.92",
            "SRS-004|failed|passed",
        ),
    ),
    Question(
        "Which images came, went, or were labelled or sorted anew?",
        "diff dataset@1.0.0 dataset@2.0.0",
        ("HV-12|P-12", "HV-01|P-01", "HV-02|824d5993f820|222222", "HV-03|test|tuning"),
    ),
    Question(
        "What was released as 1.0.0, from which commit?",
        "list releases",
        ("release@{release 1}|1.0.0|Quinn|{model 1}|{dataset 1}",),
    ),
    Question(
        "Is a result or a signature out of date?",
        "show SRS-001",
        (
            "state|stale, changed since signed",
            "stale|ran before SRS-001 got its present wording",
        ),
    ),
    Question(
        "Which findings does somebody live with, why, and until when?",
        "list waivers",
        ("waiver@{waiver}|M11|Quinn|The second machine arrives next month.",),
    ),
    Question(
        "Was any record edited, removed or slipped in?",
        "verify",
        ("records|21 of 21 whole and signed", "dvc.lock|5 of 5 stages explained"),
    ),
    Question(
        "Which SOUP does not fit what is installed?",
        "check --rule C01",
        ("SOUP-001 is for numpy 2.1.0; the lock file has 2.2.0.",),
        1,
    ),
)


def words(audited: Audited) -> dict[str, str]:
    """Return what stands for the names between braces."""
    found = {name: record.id for name, record in audited.records.items()}
    for number in (1, 2):
        train = audited.records[f"train {number}"].statement
        data = audited.records[f"preprocess {number}"].statement
        assert isinstance(train, StageRun)
        assert isinstance(data, StageRun)
        manifest = next(a for a in data.outputs if a.path == "reports/dataset.json")
        found[f"model {number}"] = f"model@{train.outputs[0].sha256[:12]}"
        found[f"data {number}"] = manifest.sha256
        found[f"dataset {number}"] = f"dataset@{manifest.sha256[:12]}"
        found[f"commit {number}"] = train.origin.commit or ""
    found["subject"] = found["commit 2"][:12]
    return found


@pytest.fixture
def without_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of DVC, MLflow or torch can be reached, and no key."""
    for name in ("dvc", "mlflow", "torch"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_nothing_but_git_is_left(audited: Audited) -> None:
    assert len(QUESTIONS) >= 20
    left = {path.name for path in audited.root.iterdir()}
    assert not left & {".dvc", "data", "model", "mlflow.db", "mlruns"}
    assert audited.git("status", "--porcelain") == ""


@pytest.mark.usefixtures("without_tools")
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.asked)
def test_an_auditor_gets_an_answer(
    audited: Audited,
    question: Question,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = ["regml", "-C", str(audited.root), *question.typed.split()]
    monkeypatch.setattr("sys.argv", typed)
    assert cli.main() == question.status
    answer = capsys.readouterr().out
    for part in question.answer:
        wanted = part.format(**words(audited)).split("|")
        assert any(_in_order(wanted, line) for line in answer.splitlines()), answer


def _in_order(wanted: list[str], line: str) -> bool:
    place = 0
    for word in wanted:
        place = line.find(word, place)
        if place < 0:
            return False
        place += len(word)
    return True
