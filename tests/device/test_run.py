"""Running the device: exit codes, the audit log, and silence about the patient."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hippovol import __version__, audit
from hippovol.__main__ import EXIT_CODES, main
from hippovol.app import analyse
from hippovol.gate import identify
from hippovol.result import CANNOT_WORK, EXIT_STATUS, Outcome, read_result
from regml.digest import digest_file
from regml.errors import BrokenFileError, RegmlError
from regml.imaging.volumes import Volume

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.verifies("SRS-040", "SRS-050")
def test_a_refused_input_ends_with_3_and_names_no_patient(
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    series: Any,
    identifiers: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = series(phantom, name=identifiers[0], Modality="CT")
    arguments = ["analyse", str(source), str(tmp_path / "out")]

    status = main(
        [*arguments, "--model", str(model_folder), "--log", str(tmp_path / "log")]
    )

    printed = capfd.readouterr()
    assert status == 3
    assert printed.out == "rejected\n"
    assert "modality" in printed.err
    for text in (printed.out, printed.err, (tmp_path / "log").read_text()):
        assert not [name for name in identifiers if name in text]


@pytest.mark.verifies("SRS-040")
def test_the_same_input_has_the_same_outcome_on_the_command_line_and_in_python(
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    series: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = series(phantom)
    model = ["--model", str(model_folder)]

    status = main(["analyse", str(source), str(tmp_path / "a"), *model])
    result = analyse(source, model_folder, tmp_path / "b")

    assert capsys.readouterr().out == f"{result.outcome}\n"
    assert status == EXIT_STATUS[result.outcome]
    assert read_result(tmp_path / "a") == result
    assert (tmp_path / "a/mask.nii.gz").read_bytes() == (
        tmp_path / "b/mask.nii.gz"
    ).read_bytes()


@pytest.mark.verifies("SRS-040")
def test_a_measurement_without_flag_ends_with_0(
    trained_model_folder: Path,
    make_phantom: Callable[[int], tuple[Volume, Volume]],
    series: Any,
    tmp_path: Path,
) -> None:
    endings = []
    for number in range(4):
        out = tmp_path / f"out{number}"
        source = series(make_phantom(number)[0], name=f"series{number}")
        endings.append(
            main(
                ["analyse", str(source), str(out), "--model", str(trained_model_folder)]
            )
        )
        assert (endings[-1] == 0) is not bool(read_result(out).flags)

    assert 0 in endings


@pytest.mark.verifies("SRS-040")
def test_a_full_disk_ends_with_2_and_no_result(
    model_folder: Path,
    phantom: Volume,
    series: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full_disk(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("hippovol.app.write_whole", full_disk)
    arguments = ["analyse", str(series(phantom)), str(tmp_path / "out")]

    status = main([*arguments, "--model", str(model_folder)])

    assert status == CANNOT_WORK
    assert capsys.readouterr().err == "error: No space left on device\n"
    assert not (tmp_path / "out").exists()
    (entry,) = audit.read(tmp_path / "audit.jsonl")
    assert entry["outcome"] == "failed"


@pytest.mark.verifies("SRS-042")
def test_nothing_is_measured_when_the_log_cannot_be_continued(
    model_folder: Path, phantom: Volume, series: Any, tmp_path: Path
) -> None:
    log = tmp_path / "audit.jsonl"
    audit.append(log, {"outcome": "ok"}, at=AT)
    log.write_bytes(log.read_bytes() * 2)

    with pytest.raises(BrokenFileError, match="the log was changed"):
        analyse(series(phantom), model_folder, tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.verifies("SRS-040")
def test_a_flagged_image_ends_with_4(
    model_folder: Path, phantom: Volume, series: Any, tmp_path: Path
) -> None:
    # random weights outline nothing that looks like a hippocampus
    model = ["--model", str(model_folder)]

    assert main(["analyse", str(series(phantom)), str(tmp_path / "a"), *model]) == 4


@pytest.mark.verifies("SRS-040")
@pytest.mark.parametrize(
    "arguments",
    [
        ["analyse", "absent", "{out}", "--model", "{model}"],
        ["analyse", "{series}", "{out}", "--model", "absent"],
        ["accept", "absent", "--reviewer", "r1"],
        ["show", "absent", "--reviewer", "r1"],
        ["sbom", "--lock", "absent", "--model", "{model}"],
    ],
)
def test_what_cannot_be_done_ends_with_2_and_one_line(
    arguments: list[str],
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    series: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"out": tmp_path / "out", "model": model_folder, "series": series(phantom)}

    status = main([word.format(**places) for word in arguments])

    assert status == CANNOT_WORK == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.verifies("SRS-040")
def test_wrong_arguments_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["analyse"])

    assert ending.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.verifies("SRS-040")
def test_every_exit_code_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    printed = capsys.readouterr().out
    assert EXIT_CODES.strip() in printed
    for status in (*EXIT_STATUS.values(), CANNOT_WORK):
        assert f"\n  {status}  " in printed
    assert set(EXIT_STATUS) == set(Outcome)


@pytest.mark.verifies("SRS-042")
def test_every_run_leaves_one_entry_also_refused_and_failed_ones(
    tmp_path: Path, model_folder: Path, phantom: Volume, series: Any
) -> None:
    log = tmp_path / "audit.jsonl"
    good, refused = series(phantom), series(phantom, name="ct", Modality="CT")
    weights = digest_file(model_folder / "weights.safetensors", name="").sha256

    def clock() -> datetime:
        return AT

    analyse(good, model_folder, tmp_path / "a", log=log, clock=clock)
    analyse(refused, model_folder, tmp_path / "b", log=log, clock=clock)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "something").write_text("else")
    with pytest.raises(RegmlError):
        analyse(good, model_folder, tmp_path / "c", log=log, clock=clock)

    entries = audit.read(log)
    assert [entry["outcome"] for entry in entries] == ["flagged", "rejected", "failed"]
    assert [entry["input_sha256"] for entry in entries] == [
        identify(source).sha256 for source in (good, refused, good)
    ]
    for entry in entries:
        assert entry["at"] == "2026-03-01T09:30:00+00:00"
        assert entry["device_version"] == __version__
        assert entry["model_sha256"] == weights
        assert entry["seconds"] >= 0
    assert entries[1]["rejections"] == ["modality"]
    assert entries[2]["error"] == "BrokenFileError"


@pytest.mark.verifies("SRS-042")
def test_a_run_with_an_altered_model_is_logged_as_failed(
    tmp_path: Path, altered_model: Path, phantom: Volume, series: Any
) -> None:
    with pytest.raises(RegmlError):
        analyse(series(phantom), altered_model, tmp_path / "out")

    (entry,) = audit.read(tmp_path / "audit.jsonl")
    assert (entry["outcome"], entry["error"]) == ("failed", "ModelError")


@pytest.mark.verifies("SRS-042")
@pytest.mark.parametrize("change", ["edited", "removed", "reordered"])
def test_a_changed_log_is_noticed(tmp_path: Path, change: str) -> None:
    log = tmp_path / "audit.jsonl"
    for outcome in ("ok", "failed", "rejected"):
        audit.append(log, {"outcome": outcome}, at=AT)
    lines = log.read_bytes().splitlines(keepends=True)
    match change:
        case "edited":
            lines[1] = lines[1].replace(b"failed", b"passed")
        case "removed":
            del lines[1]
        case "reordered":
            lines[0], lines[1] = lines[1], lines[0]
    log.write_bytes(b"".join(lines))

    with pytest.raises(BrokenFileError, match="the log was changed"):
        audit.read(log)
    with pytest.raises(BrokenFileError, match="the log was changed"):
        audit.append(log, {"outcome": "ok"}, at=AT)


@pytest.mark.verifies("SRS-050")
def test_no_output_of_a_measurement_names_the_patient(
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    series: Any,
    identifiers: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = series(phantom, name=identifiers[0])
    arguments = ["analyse", str(source), str(tmp_path / "out")]

    main([*arguments, "--model", str(model_folder), "--log", str(tmp_path / "log")])

    printed = capfd.readouterr()
    texts = {
        path.name: path.read_bytes().decode("latin-1")
        for path in [*(tmp_path / "out").iterdir(), tmp_path / "log"]
    } | {"stdout": printed.out, "stderr": printed.err}
    assert "result.json" in texts
    for place, text in texts.items():
        assert not [name for name in identifiers if name in text], place


@pytest.mark.verifies("SRS-050")
@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "garbled"])
def test_the_failure_path_names_no_patient(
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    series: Any,
    identifiers: tuple[str, ...],
    damage: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = series(phantom, name=identifiers[0])
    for file in sorted(source.iterdir()):
        if damage in ("absent", "empty"):
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:900])
        else:
            content = file.read_bytes()
            file.write_bytes(content.replace(b"MR\x08\x00", b"MR\x08\x07"))
            series_header = content.replace(b"1.0", b"a.b")
            file.write_bytes(series_header)
    if damage == "absent":
        source.rmdir()
    arguments = ["analyse", str(source), str(tmp_path / "out")]

    status = main(
        [*arguments, "--model", str(model_folder), "--log", str(tmp_path / "log")]
    )

    printed = capfd.readouterr()
    assert status in (2, 3)
    for text in (printed.out, printed.err, (tmp_path / "log").read_text()):
        assert not [name for name in identifiers if name in text]


@pytest.mark.verifies("SRS-050")
def test_the_log_takes_no_free_fields(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place for patient"):
        audit.append(tmp_path / "log", {"patient": "x"}, at=AT)

    assert not (tmp_path / "log").exists()


@pytest.mark.verifies("SRS-042")
def test_a_log_line_is_json_with_sorted_keys(tmp_path: Path) -> None:
    audit.append(tmp_path / "log", {"outcome": "ok", "event": "analysis"}, at=AT)

    fields = json.loads((tmp_path / "log").read_text())
    assert list(fields) == sorted(fields)
