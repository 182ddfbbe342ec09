"""One measurement from input to written result: what the device is for.

The same function serves the command line, the folder watch and Python::

    from hippovol.app import analyse

    result = analyse(Path("series"), Path("model"), Path("out"))
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hippovol import DEVICE, __version__, audit
from hippovol.gate import Admission, admit, identify
from hippovol.model import load_model, segment, weights_digest
from hippovol.preparation import prepare
from hippovol.quality import quality_flags
from hippovol.report import WARNINGS, html, markdown
from hippovol.result import (
    REJECTION_FILE,
    RESULT_FILE,
    InputIdentity,
    ModelIdentity,
    Outcome,
    Remark,
    Result,
    write_result,
)
from hippovol.review import Event, read_reviews
from hippovol.volumetry import Measured, measure
from regml.digest import sha256_of
from regml.errors import BrokenFileError, RegmlError
from regml.imaging.outputs import fresh_folder, write_whole
from regml.imaging.volumes import ImageError, Volume, nifti_bytes
from regml.learning.inference import SegmentationModel

LOG = "audit.jsonl"
"""Name of the audit log beside the folder of a run, unless another is given."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one measurement gives.

    Attributes:
        result: What the device says.
        image: The image as it came; ``None`` when it was rejected.
        mask: The mask on the image's grid; ``None`` when it was rejected.
    """

    result: Result
    image: Volume | None = None
    mask: Volume | None = None


# regml: implements SRS-040
def analyse(
    source: Path,
    model: Path | SegmentationModel,
    out: Path,
    *,
    log: Path | None = None,
    clock: Clock = utc_now,
) -> Result:
    """Measure one input, write the folder of the run, and log it.

    Args:
        source: Folder with one DICOM series, or a NIfTI file.
        model: Folder of the installed model, or a model from
            :func:`hippovol.model.load_model`.
        out: Folder of the run. It appears whole or not at all, and replaces an
            earlier run unless somebody decided about that one.
        log: The audit log; ``audit.jsonl`` beside ``out`` when not given.
        clock: What time it is.

    Returns:
        The result; :attr:`~hippovol.result.Result.outcome` says how it ended.

    Raises:
        RegmlError: There is no result: the input does not exist, the model is not the
            installed one, a decided result would be lost, or the log was changed.
        OSError: The result or the log cannot be written.
    """
    started, log = time.monotonic(), log or out.parent / LOG
    audit.read(log)  # no measurement that could not be logged
    facts: dict[str, Any] = {"device_version": __version__, "event": "analysis"}
    try:
        identity = identify(source)
        facts |= {"input_sha256": identity.sha256, "model_sha256": _digest(model)}
        loaded = load_model(model) if isinstance(model, Path) else model
        _refuse_to_replace_decision(out)
        run = measure_input(source, identity, loaded)
        _write(out, run)
    except (RegmlError, OSError) as e:
        facts |= {"outcome": "failed", "error": type(e).__name__}
        raise
    else:
        facts |= _logged(run.result)
        return run.result
    finally:
        facts["seconds"] = round(time.monotonic() - started, 1)
        facts.setdefault("outcome", "crashed")
        audit.append(log, facts, at=clock())


def measure_input(
    source: Path, identity: InputIdentity, model: SegmentationModel
) -> Run:
    """Measure one input without writing anything."""
    base = {
        "device": DEVICE,
        "device_version": __version__,
        "model": ModelIdentity(sha256=model.digest, architecture=model.plan.network),
        "input": identity,
        "warnings": WARNINGS,
    }
    admission = admit(source)
    if admission.volume is None:
        return _rejected(base, admission.rejections)
    try:
        prepared = prepare(admission.volume)
    except ImageError as e:
        remark = Remark(code=e.code, message="All voxels have the same value.")
        return _rejected(base, (remark,))
    segmented = segment(model, prepared.normalised)
    measured = measure(segmented.labels, prepared.change)
    flags = quality_flags(prepared, measured, segmented.confidence)
    return _measured(base, admission, measured, flags)


def _rejected(base: dict[str, Any], rejections: tuple[Remark, ...]) -> Run:
    return Run(Result(**base, outcome=Outcome.REJECTED, rejections=rejections))


def _measured(
    base: dict[str, Any],
    admission: Admission,
    measured: Measured,
    flags: tuple[Remark, ...],
) -> Run:
    result = Result(
        **base,
        outcome=Outcome.FLAGGED if flags else Outcome.OK,
        flags=flags,
        notes=admission.notes,
        side=measured.side,
        volumes=measured.volumes,
        mask_sha256=sha256_of(nifti_bytes(measured.mask)),
    )
    return Run(result, admission.volume, measured.mask)


# regml: implements SRS-011
def _write(out: Path, run: Run) -> None:
    """Write the folder of a run under a temporary name, then rename it."""
    name = REJECTION_FILE if run.mask is None else RESULT_FILE
    with fresh_folder(out) as folder:
        if run.mask is not None and run.image is not None:
            write_whole(folder / "mask.nii.gz", nifti_bytes(run.mask))
            write_whole(folder / "image.nii.gz", nifti_bytes(run.image))
        write_whole(folder / "report.md", markdown(run.result).encode())
        write_whole(folder / "report.html", html(run.result).encode())
        write_whole(folder / name, write_result(run.result).encode())


def _refuse_to_replace_decision(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        if not {RESULT_FILE, REJECTION_FILE} & {path.name for path in out.iterdir()}:
            raise BrokenFileError(
                out, "is not the folder of a run.", remedy="Choose a new folder."
            )
        if any(line.event is not Event.SHOWN for line in read_reviews(out)):
            raise BrokenFileError(
                out, "holds a result that was decided.", remedy="Choose a new folder."
            )


def _digest(model: Path | SegmentationModel) -> str:
    return weights_digest(model) if isinstance(model, Path) else model.digest


def _logged(result: Result) -> dict[str, Any]:
    return {
        "flags": [flag.code for flag in result.flags],
        "mask_sha256": result.mask_sha256,
        "outcome": result.outcome,
        "rejections": [remark.code for remark in result.rejections],
    }
