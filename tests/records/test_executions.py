"""Carrying out a protocol: asked step by step, signed as a whole or not at all."""

import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from regml.cli import cli
from regml.items.recorded import Execution, StepOutcome

ALL_WELL = "y\npass\n\npass\nIt is stored twice.\nno remark\ny\n"


def execute(keys: str, *arguments: str) -> Result:
    words = ["test", "execute", *(arguments or ["VP-01"])]
    return CliRunner().invoke(cli, words, input=keys, standalone_mode=False)


def latest(whole: Any) -> Execution:
    log = whole.log()
    assert log.problems == ()
    done = log.records[-1].statement
    assert isinstance(done, Execution)
    return done


def test_every_step_is_asked_for_and_signed(whole: Any) -> None:
    result = execute(ALL_WELL)
    said = result.output
    assert result.return_value == 0, (said, result.exception)
    assert said.index("a reading room") < said.index("Step 1 of 2")
    assert said.index("do      Open the image.") < said.index("expect  An outline.")
    assert "Sign these 2 steps as Ada?" in said
    done = latest(whole)
    assert (done.protocol, done.verdict) == ("VP-01", StepOutcome.PASSED)
    assert set(done.fingerprints) == {"VP-01", "SRS-001"}
    assert [(s.do, s.outcome, s.observed) for s in done.steps] == [
        ("Open the image.", StepOutcome.PASSED, "as expected"),
        ("Accept it.", StepOutcome.PASSED, "It is stored twice."),
    ]
    assert done.comment == "no remark"
    assert done.origin.person.email == "ada@example.org"
    assert done.origin.commit == whole.git("rev-parse", "HEAD").strip()
    assert "records/executions/" in said


def test_a_failure_needs_words_and_is_signed_too(whole: Any) -> None:
    result = execute("y\nfail\n \nNo outline.\nskip\nnot reached\n\ny\n")
    assert result.return_value == 1, result.output
    done = latest(whole)
    assert done.verdict is StepOutcome.FAILED
    assert done.steps[0].observed == "No outline."
    _, out, _ = whole.regml("show", "SRS-001")
    assert "failed in step 1, executed by Ada" in out
    _, out, _ = whole.regml("show", "UN-01")
    assert "SRS-001" in out
    assert "VP-01 failed in step 1" in out


@pytest.mark.parametrize(
    "keys",
    ["", "n\n", "y\npass\n", "y\npass\n\npass\n\n\n", "y\npass\n\npass\n\n\nn\n"],
    ids=["at once", "not ready", "in the middle", "unsigned", "refused"],
)
def test_whoever_stops_leaves_nothing_behind(whole: Any, keys: str) -> None:
    result = execute(keys)
    assert type(result.exception).__name__ == "Abort"
    assert "nothing was written" in result.output
    assert whole.log().listed == 0
    assert not (whole.root / "records/executions").exists()


ANSWERS = """\
protocol: VP-01
comment: by two people
steps:
  - {outcome: pass}
  - {outcome: blocked, observed: The station was down.}
"""


def test_answers_may_come_from_a_file(whole: Any) -> None:
    whole.write("answers.yaml", ANSWERS)
    status, out, err = whole.regml(
        "test", "execute", "vp-01", "--answers", "answers.yaml"
    )
    assert (status, "VP-01 blocked, signed by Ada" in err) == (1, True)
    assert out.startswith("records/executions/")
    done = latest(whole)
    assert done.verdict is StepOutcome.BLOCKED
    assert done.steps[1].observed == "The station was down."
    assert done.comment == "by two people"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ANSWERS.replace("VP-01", "VP-02"), "answers.yaml:1: holds answers for VP-02"),
        ("protocol: VP-01\nsteps: [{outcome: pass}]\n", "has 1 answers; VP-01 has 2"),
        (ANSWERS.replace("pass", "good"), "answers.yaml:4: 'steps.0.outcome'"),
        (ANSWERS.replace(", observed: The station was down.", ""), "needs 'observed'"),
        (ANSWERS + "extra: 1\n", "answers.yaml:6: has an unknown key 'extra'"),
        ("steps: [", "answers.yaml:2: is not valid YAML"),
    ],
)
def test_answers_that_do_not_fit_are_refused(whole: Any, text: str, said: str) -> None:
    whole.write("answers.yaml", text)
    result = execute("", "VP-01", "--answers", "answers.yaml")
    assert said in str(result.exception)
    assert whole.log().listed == 0


def test_only_protocols_in_force_are_carried_out(whole: Any) -> None:
    assert "Protocols: VP-01" in str(execute("", "SRS-001").exception)
    text = (whole.root / "verification/VP-01.md").read_text()
    whole.write(
        "verification/VP-02.md", text.replace("title:", "retired: old\ntitle:", 1)
    )
    assert "VP-02 is retired: old" in str(execute("", "VP-02").exception)
    whole.write("verification/VP-03.md", text.replace("SRS-001", "SRS-077"))
    assert "verifies SRS-077, which" in str(execute("", "VP-03").exception)


def test_a_robot_carries_out_nothing(whole: Any) -> None:
    config = (whole.root / "regml.toml").read_text()
    whole.write(
        "regml.toml", config.replace('["developer", "quality"]', '["automation"]')
    )
    assert "carried out by a person" in str(execute("").exception)


def test_a_protocol_is_carried_out_where_the_model_is(whole: Any) -> None:
    """Else a model that comes later would leave the result as it is."""
    train = (
        "import pathlib, regml; pathlib.Path('w.safetensors').write_text('x');"
        "regml.note('model', {'weights': 'w.safetensors'})"
    )
    assert whole.record([sys.executable, "-c", train]) == 0
    (whole.root / "w.safetensors").unlink()
    before = whole.log().listed
    refused = str(execute(ALL_WELL).exception)
    assert "w.safetensors: the model is not here" in refused
    assert "'dvc pull'" in refused
    assert whole.log().listed == before
    (whole.root / "w.safetensors").write_text("x")
    assert execute(ALL_WELL).return_value == 0
    assert set(latest(whole).models) == {"w.safetensors"}


def test_what_changes_meanwhile_is_not_signed(
    whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regml.cli import testing

    ask = testing._ask

    def meanwhile(prepared: Any) -> Any:
        answers = ask(prepared)
        whole.write("src/make.py", "x = 1\n")
        return answers

    monkeypatch.setattr(testing, "_ask", meanwhile)
    result = execute(ALL_WELL)
    assert "the source code changed while" in str(result.exception)
    assert whole.log().listed == 0


def test_a_protocol_is_stale_when_its_wording_changes(whole: Any) -> None:
    assert execute(ALL_WELL).return_value == 0
    _, out, _ = whole.regml("show", "VP-01")
    assert "passed, executed by Ada" in out
    text = (whole.root / "verification/VP-01.md").read_text()
    whole.write("verification/VP-01.md", text.replace("Accept it.", "Reject it."))
    _, out, _ = whole.regml("show", "SRS-001")
    assert "was executed before VP-01 got its present wording" in out
