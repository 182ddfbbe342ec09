"""The commands on a real project on disk, as a user types them."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from regml import cli
from regml.files.markdown import write_item
from regml.files.new_item import FOLDERS
from regml.items.links import AnyItem
from tests.factories import CONFIG, ITEMS, POLICY, changed, requirement


def toml(value: object) -> str:
    """Return a JSON value as TOML writes it in one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{k} = {toml(v)}' for k, v in value.items())}}}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return json.dumps(value)


def write_project(root: Path, items: tuple[AnyItem, ...]) -> Path:
    """Write a project without runs; its signers are left out."""
    device = CONFIG.device.model_dump(mode="json", exclude_none=True)
    sources = CONFIG.sources.model_dump(mode="json")
    text = "".join(
        f"[{name}]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in table.items())
        for name, table in (("device", device), ("sources", sources))
    )
    (root / "regml.toml").write_text(text)
    for item in items:
        folder = root / FOLDERS[item.kind]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{item.id}.md").write_text(write_item(item))
    (root / "risk").mkdir(exist_ok=True)
    (root / "risk/policy.yaml").write_text(
        yaml.safe_dump(POLICY.model_dump(mode="json"))
    )
    (root / "requirements.txt").write_text("numpy==2.1.0\n")
    (root / "device").mkdir()
    (root / "device/volume.py").write_text("# regml: implements SRS-001\n")
    tests = root / "tests/device"
    tests.mkdir(parents=True)
    (tests / "test_volumes.py").write_text(
        'import pytest\n@pytest.mark.verifies("SRS-001", "SRS-004")\n'
        "def test_volume(): ...\n"
    )
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("a project"), ITEMS)


def run(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["regml", "-C", str(project), *arguments])
    status = cli.main()
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def regml(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> "Regml":
    return Regml(project, capsys, monkeypatch)


class Regml:
    """``regml`` as typed, in one project."""

    def __init__(
        self,
        project: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.project, self.capsys, self.monkeypatch = project, capsys, monkeypatch

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        return run(self.project, self.capsys, self.monkeypatch, *arguments)


def test_check_finds_what_never_ran_and_exits_1(regml: Regml) -> None:
    status, out, _ = regml("check")
    assert status == 1
    assert "T04  4 findings on 4 subjects" in out
    assert "requirements_srs/software/SRS-001.md:1" in out
    assert "D01  0 subjects" in out


def test_check_exits_0_where_nothing_is_found(regml: Regml) -> None:
    status, out, _ = regml("check", "--rule", "T01", "--rule", "R02")
    assert status == 0
    assert out.startswith("T01  no finding for check T01 on 4 subjects\n")


def test_check_knows_the_class_and_speaks_json(regml: Regml) -> None:
    _, out, _ = regml("check", "--class", "A", "--format", "json")
    found = {outcome["rule"]: outcome for outcome in json.loads(out)}
    assert found["T06"]["off"] == "class A does not ask for IEC 62304 5.3.1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), "SOUP-001"),
        (("list", "risk", "--format", "json"), '"id": "RISK-001"'),
        (("show", "SRS-004"), "controls  RISK-001"),
        (("show", "risk-001", "--format", "json"), '"node": "RISK-001"'),
        (("trace", "UN-01"), "refines  SRS-001"),
        (("trace", "UN-01", "--format", "markdown"), "# UN-01"),
        (("matrix",), "UN-01  SRS-001  SW-01"),
        (("matrix", "risk", "srs", "--format", "markdown"), "| RISK-001 | SRS-004 |"),
    ],
)
def test_questions_are_answered(
    regml: Regml, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = regml(*arguments)
    assert (status, err) == (0, "")
    assert words in out


def test_gaps_shows_open_clauses_and_exits_1(regml: Regml) -> None:
    status, out, _ = regml("gaps", "62304", "--open")
    assert status == 1
    assert "5.7.4" in out
    assert "5.2.1 " not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "SRS-999"), "'SRS-999' is unknown. Did you mean SRS-00"),
        (("lineage",), "no believed run explains what dvc.lock holds"),
        (("check", "--rule", "X1"), "there is no rule 'X1'"),
        (("list", "colours"), "there is no list of 'colours'"),
        (("matrix", "colour"), "a matrix does not begin with 'colour'"),
        (("gaps", "iso0"), "there is no catalogue 'iso0'"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_exit_2(
    regml: Regml, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = regml(*arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_finding_names_the_line_of_the_broken_link(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = changed(requirement(), refines=("UN-01", "UN-77"))
    project = write_project(tmp_path, (broken, *ITEMS[:1]))
    _, out, _ = run(project, capsys, monkeypatch, "check", "--rule", "T08")
    lines = (project / "requirements_srs/software/SRS-001.md").read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if "UN-77" in line)
    assert f"requirements_srs/software/SRS-001.md:{number}\n" in out
