"""What the command refuses, before it reads a project."""

from pathlib import Path

import pytest

from regml import cli


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "odt"], "Formats: html, pdf, docx"),
        (["--out", "."], "would replace the project"),
        (["--out", ".."], "would replace the project"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    (tmp_path / "regml.toml").write_text("")
    arguments = ["regml", "-C", str(tmp_path), "dhf", "build", *options]
    monkeypatch.setattr("sys.argv", arguments)
    assert cli.main() == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
