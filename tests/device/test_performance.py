"""The device as a process: time, memory, and the same result again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from hippovol.app import measure_input
from hippovol.gate import identify
from hippovol.model import load_model, segment
from hippovol.preparation import prepare
from hippovol.result import EXIT_STATUS, read_result
from regml.imaging.volumes import Volume, save_nifti
from regml.learning.inference import SegmentationModel

MOST_SECONDS = 60.0
MOST_SECONDS_GPU = 5.0
MOST_BYTES = 4e9
MOST_DIFFERENCE = 0.005


@dataclass(frozen=True, slots=True)
class Process:
    """What the operating system says of one measurement."""

    out: Path
    status: int
    seconds: float
    peak_bytes: int


@pytest.fixture(scope="module")
def processes(
    trained_model_folder: Path,
    project: Path,
    phantom: Volume,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Process]:
    """Two measurements of one image at the same time, a process for each."""
    folder = tmp_path_factory.mktemp("processes")
    source = folder / "image.nii.gz"
    save_nifti(source, phantom)
    with ThreadPoolExecutor(2) as pool:
        return list(
            pool.map(
                lambda name: _run(project, source, folder / name, trained_model_folder),
                ("a", "b"),
            )
        )


@pytest.mark.verifies("SRS-029")
def test_one_measurement_takes_at_most_60_seconds(processes: list[Process]) -> None:
    assert max(process.seconds for process in processes) <= MOST_SECONDS


@pytest.mark.verifies("SRS-029")
def test_one_measurement_uses_at_most_4_gigabytes(processes: list[Process]) -> None:
    assert max(process.peak_bytes for process in processes) <= MOST_BYTES


@pytest.mark.verifies("SRS-029")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_one_measurement_on_a_gpu_takes_at_most_5_seconds(
    trained_model_folder: Path, phantom: Volume, tmp_path: Path
) -> None:
    save_nifti(tmp_path / "image.nii.gz", phantom)
    model = load_model(trained_model_folder)
    model.network.to("cuda")

    started = time.perf_counter()
    measure_input(tmp_path / "image.nii.gz", identify(tmp_path / "image.nii.gz"), model)

    assert time.perf_counter() - started <= MOST_SECONDS_GPU


@pytest.mark.verifies("SRS-026")
@pytest.mark.parametrize("file", ["mask.nii.gz", "result.json", "report.html"])
def test_the_same_input_gives_the_same_bytes_in_two_processes(
    processes: list[Process], file: str
) -> None:
    first, second = (process.out / file for process in processes)

    assert first.read_bytes() == second.read_bytes()


@pytest.mark.verifies("SRS-040")
def test_the_exit_status_of_a_process_is_that_of_its_outcome(
    processes: list[Process],
) -> None:
    for process in processes:
        assert process.status == EXIT_STATUS[read_result(process.out).outcome]


@pytest.mark.verifies("SRS-026")
@pytest.mark.parametrize("threads", [1, 2])
def test_volumes_agree_within_half_a_percent_for_any_number_of_threads(
    trained_model: SegmentationModel,
    processes: list[Process],
    phantom: Volume,
    tmp_path: Path,
    threads: int,
) -> None:
    save_nifti(tmp_path / "image.nii.gz", phantom)
    source = tmp_path / "image.nii.gz"
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        result = measure_input(source, identify(source), trained_model).result
    finally:
        torch.set_num_threads(before)

    reference = read_result(processes[0].out)
    for here, there in zip(result.volumes, reference.volumes, strict=True):
        assert here.mm3 == pytest.approx(there.mm3, rel=MOST_DIFFERENCE)


@pytest.mark.verifies("SRS-026")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_volumes_on_a_gpu_agree_within_half_a_percent(
    trained_model_folder: Path, make_phantom: Callable[[int], tuple[Volume, Volume]]
) -> None:
    models = {device: load_model(trained_model_folder) for device in ("cpu", "cuda")}
    models["cuda"].network.to("cuda")
    for number in range(4):
        prepared = prepare(make_phantom(number)[0]).normalised
        cpu, gpu = (
            int((segment(model, prepared).labels.array > 0).sum())
            for model in models.values()
        )
        assert abs(gpu - cpu) <= MOST_DIFFERENCE * cpu


def _run(project: Path, source: Path, out: Path, model: Path) -> Process:
    """Measure in a process and return what the system says of it."""
    program = [sys.executable, "-m", "hippovol"]
    started = time.perf_counter()
    with subprocess.Popen(
        [*program, "analyse", str(source), str(out), "--model", str(model)],
        cwd=project,
        env=os.environ | {"LANG": "C"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in kibibytes, macOS in bytes
    unit = 1 if sys.platform == "darwin" else 1024
    return Process(
        out,
        process.returncode,
        time.perf_counter() - started,
        usage.ru_maxrss * unit,
    )
