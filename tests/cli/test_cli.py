"""The command line: one line for what a user can mend, and the exit status."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from regml.cli import HELP, LAZY, cli, project_root
from regml.errors import ConfigError

ROOT = Path(__file__).parents[2]


def regml(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("regml"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", sorted(LAZY))
def test_every_command_has_help_and_says_what_it_does(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    assert HELP[name].endswith(".")
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_outside_a_project_one_line_says_what_to_do(tmp_path: Path) -> None:
    done = regml("check", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "no regml.toml here or above" in line
    assert "regml init" in line


def test_an_unknown_id_is_answered_with_similar_ones() -> None:
    done = regml("show", "SRS-0O8", cwd=ROOT)
    assert done.returncode == 2
    assert "SRS-008" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_can_be_named_as_in_git(tmp_path: Path) -> None:
    done = regml("-C", str(ROOT), "list", "un", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0
    assert '"UN-07"' in done.stdout


def test_the_project_is_found_from_below() -> None:
    assert project_root(ROOT / "design" / "soup") == ROOT


def test_no_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="regml init"):
        project_root(tmp_path)


def test_a_broken_item_stops_the_check_with_file_and_line(
    project: Path,
) -> None:
    item = project / "risk" / "RISK-001.md"
    text = item.read_text(encoding="utf-8")
    item.write_text(text.replace("title:", "titel:", 1), encoding="utf-8")
    done = regml("check", cwd=project)
    assert done.returncode == 2
    assert done.stderr.startswith("regml: risk/RISK-001.md:2: has an unknown key")


def test_an_unknown_link_is_a_finding_with_file_and_line(project: Path) -> None:
    item = project / "requirements_srs" / "software" / "SRS-008.md"
    text = item.read_text(encoding="utf-8")
    item.write_text(text.replace("UN-01", "UN-99", 1), encoding="utf-8")
    done = regml("check", "--rule", "T08", cwd=project)
    assert done.returncode == 1
    assert "UN-99" in done.stdout
    assert "requirements_srs/software/SRS-008.md:" in done.stdout
