"""What the report and the structured result say, and what they never say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hippovol import DEVICE, __version__
from hippovol.app import analyse
from hippovol.report import WARNINGS, html, markdown
from hippovol.result import (
    REJECTION_FILE,
    RESULT_FILE,
    SCHEMA_VERSION,
    Outcome,
    Remark,
    Result,
    read_result,
    write_result,
)
from hippovol.review import ReviewError, require_input
from regml.digest import digest_file
from regml.imaging.volumes import Volume, save_nifti


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    model_folder: Path,
    phantom: Volume,
    write_series: Any,
) -> tuple[Path, Path]:
    """Return the input and the folder of one run."""
    folder = tmp_path_factory.mktemp("report")
    write_series(folder / "series", phantom, SeriesInstanceUID="1.2.826.0.1.42")
    analyse(folder / "series", model_folder, folder / "out")
    return folder / "series", folder / "out"


@pytest.mark.verifies("SRS-010")
@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_report_says_what_was_measured_by_what(
    run: tuple[Path, Path], model_folder: Path, name: str
) -> None:
    _, out = run
    result, text = read_result(out), (out / name).read_text(encoding="utf-8")
    weights = digest_file(model_folder / "weights.safetensors", name="").sha256

    assert f"{DEVICE} {__version__}" in text
    assert weights in text
    assert "1.2.826.0.1.42" in text
    assert result.input.sha256 in text
    assert result.side in text
    assert all(f"{row.mm3:.1f} mm3" in text for row in result.volumes)
    assert len(result.volumes) == 3
    assert result.flags
    assert all(flag.code in text and flag.message in text for flag in result.flags)
    assert all(warning in text for warning in WARNINGS)


@pytest.mark.verifies("SRS-010")
def test_a_report_is_only_of_the_input_it_was_made_from(
    run: tuple[Path, Path], phantom: Volume, series: Any
) -> None:
    source, out = run
    other = series(phantom)  # the same voxels, another examination

    require_input(out, source)

    with pytest.raises(ReviewError, match="not of the given input"):
        require_input(out, other)


@pytest.mark.verifies("SRS-011")
def test_the_structured_result_has_the_numbers_of_the_report(
    run: tuple[Path, Path],
) -> None:
    _, out = run
    fields = json.loads((out / RESULT_FILE).read_text(encoding="utf-8"))
    rows = re.findall(
        r"\| (\w+) \| ([\d.]+) mm3 \| ([\d.]+) cm3 \| (\d+) \| (\d+) \|",
        (out / "report.md").read_text(encoding="utf-8"),
    )

    assert fields["schema_version"] == SCHEMA_VERSION
    assert [
        (v["structure"], v["mm3"], v["cm3"], v["voxels"], v["removed_voxels"])
        for v in fields["volumes"]
    ] == [(a, float(b), float(c), int(d), int(e)) for a, b, c, d, e in rows]
    assert len(rows) == 3
    assert fields["mask_sha256"] == digest_file(out / "mask.nii.gz", name="").sha256


@pytest.mark.verifies("SRS-011")
def test_a_result_reads_back_as_it_was_written(run: tuple[Path, Path]) -> None:
    result = read_result(run[1])

    assert Result.model_validate_json(write_result(result)) == result


@pytest.mark.verifies("SRS-011")
def test_a_run_that_breaks_while_writing_leaves_no_result(
    tmp_path: Path,
    model_folder: Path,
    phantom: Volume,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_nifti(tmp_path / "image.nii.gz", phantom)

    def full_disk(result: Result) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hippovol.app.write_result", full_disk)

    with pytest.raises(OSError, match="No space"):
        analyse(tmp_path / "image.nii.gz", model_folder, tmp_path / "out")

    assert not list(tmp_path.rglob("result.json"))
    assert not (tmp_path / "out").exists()


@pytest.mark.verifies("SRS-001", "SRS-011")
def test_a_refused_input_gives_reasons_and_no_result(
    tmp_path: Path, model_folder: Path, phantom: Volume, series: Any
) -> None:
    out = tmp_path / "out"

    result = analyse(series(phantom, Modality="CT"), model_folder, out)

    assert result.outcome is Outcome.REJECTED
    assert not (out / RESULT_FILE).exists()
    assert not (out / "mask.nii.gz").exists()
    stated = json.loads((out / REJECTION_FILE).read_text(encoding="utf-8"))
    assert [reason["code"] for reason in stated["rejections"]] == ["modality"]
    assert stated["volumes"] == []


@pytest.mark.verifies("SRS-061")
@pytest.mark.parametrize("render", [markdown, html])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_report_warns_of_the_limits_of_the_population(
    run: tuple[Path, Path], render: Any, outcome: Outcome
) -> None:
    remark = Remark(code="volume", message="The volume is unusual.")
    changes: dict[Outcome, dict[str, Any]] = {
        Outcome.OK: {"flags": ()},
        Outcome.FLAGGED: {"flags": (remark,)},
        Outcome.REJECTED: {"rejections": (remark,), "volumes": ()},
    }
    update = {"outcome": outcome, **changes[outcome]}
    result = read_result(run[1]).model_copy(update=update)

    text = render(result).lower()

    for words in ("validated population", "scanners", "not validated", "dementia",
                  "children", "contrast agent"):  # fmt: skip
        assert words in text


@pytest.mark.verifies("SRS-061")
def test_the_warnings_are_not_a_setting(run: tuple[Path, Path]) -> None:
    assert read_result(run[1]).warnings == WARNINGS
    with pytest.raises(ValueError, match="warnings"):
        Result.model_validate(read_result(run[1]).model_dump() | {"warnings": ()})


@pytest.mark.verifies("SRS-062")
@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_every_printed_volume_has_its_unit(run: tuple[Path, Path], name: str) -> None:
    _, out = run
    text = (out / name).read_text(encoding="utf-8")

    for row in read_result(out).volumes:
        for number, unit in ((f"{row.mm3:.1f}", "mm3"), (f"{row.cm3:.2f}", "cm3")):
            found = re.findall(rf"(?<![\d.]){re.escape(number)}(?![\d.])\s*(\w*)", text)
            assert found
            assert set(found) <= {"mm3", "cm3"}
            assert unit in found


@pytest.mark.verifies("SRS-062")
def test_the_structured_result_names_the_unit_in_the_key(
    run: tuple[Path, Path],
) -> None:
    fields = json.loads((run[1] / RESULT_FILE).read_text(encoding="utf-8"))

    for volume in fields["volumes"]:
        assert set(volume) == {"structure", "voxels", "mm3", "cm3", "removed_voxels"}


@pytest.mark.verifies("SRS-062")
def test_no_output_has_a_percentile_or_a_diagnosis(run: tuple[Path, Path]) -> None:
    for file in ("report.md", "report.html", RESULT_FILE):
        text = (run[1] / file).read_text(encoding="utf-8").lower()
        text = text.replace("not for primary diagnosis", "")
        text = re.sub(r"not validated: dementia and other atrophy", "", text)
        for word in ("percentile", "centile", "diagnos", "atrophy", "dementia",
                     "z-score", "normal range"):  # fmt: skip
            assert word not in text
