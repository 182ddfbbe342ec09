"""The structured result: what a run of the device says about one image."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from regml.errors import BrokenFileError
from regml.imaging.postprocess import Side
from regml.items.base import Strict

SCHEMA_VERSION = 1
"""Version of the structured result; a changed meaning or a removed field raises it."""

RESULT_FILE = "result.json"
"""Name of the structured result in the folder of a run."""

REJECTION_FILE = "rejection.json"
"""Same, when the image was rejected: there is no result then."""


class Outcome(StrEnum):
    """How a run ended; the exit status says the same (:data:`EXIT_STATUS`)."""

    OK = "ok"
    FLAGGED = "flagged"
    """Measured, and a quality flag asks for attention."""
    REJECTED = "rejected"
    """Outside the intended use: nothing was measured."""


# regml: implements SRS-040
EXIT_STATUS = {Outcome.OK: 0, Outcome.REJECTED: 3, Outcome.FLAGGED: 4}
"""Exit status of the command line per outcome."""

CANNOT_WORK = 2
"""Exit status when there is no result: wrong arguments, broken input or model."""


class Remark(Strict):
    """A reason code with its sentence: why rejected, or what is flagged.

    Attributes:
        code: Stable, for programs, e.g. ``modality``.
        message: For people.
    """

    code: str
    message: str


class InputIdentity(Strict):
    """Which input it was, without naming the patient.

    Attributes:
        key: Pseudonymous key, made from ``sha256``.
        sha256: Over the content of all files of the input, whatever their names.
        kind: ``dicom`` or ``nifti``.
        files: Number of files.
        series_uid: Series Instance UID by which an archive finds a DICOM series;
            ``None`` for NIfTI.
    """

    key: str
    sha256: str
    kind: str
    files: int
    series_uid: str | None = None


class StructureVolume(Strict):
    """Volume of one structure.

    Attributes:
        structure: ``anterior``, ``posterior`` or ``whole``.
        voxels: Number of voxels in the mask that was written.
        mm3: Volume in cubic millimetres, one decimal.
        cm3: Volume in cubic centimetres, two decimals.
        removed_voxels: Voxels that were dropped because they hang together with
            neither the structure nor each other as the largest piece; on the 1 mm grid.
    """

    structure: str
    voxels: int
    mm3: float
    cm3: float
    removed_voxels: int


class ModelIdentity(Strict):
    """Which model measured.

    Attributes:
        sha256: Of the weights file.
        architecture: Name of the network.
    """

    sha256: str
    architecture: str


# regml: implements SRS-011
class Result(Strict):
    """Everything the device says about one input; the same input gives the same bytes.

    Attributes:
        schema_version: :data:`SCHEMA_VERSION`.
        device: Trade name.
        device_version: Version of the device's code.
        model: Which model measured.
        input: Which image was measured.
        outcome: How the run ended.
        rejections: Why nothing was measured; empty unless rejected.
        flags: What the quality gate noticed.
        notes: What the device could not check and the user vouches for.
        side: Side of the patient.
        volumes: By structure; empty when rejected.
        mask_sha256: Of ``mask.nii.gz``; ``None`` when rejected.
        warnings: Limits of use, printed on every report.
    """

    schema_version: int = SCHEMA_VERSION
    device: str
    device_version: str
    model: ModelIdentity
    input: InputIdentity
    outcome: Outcome
    rejections: tuple[Remark, ...] = ()
    flags: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    side: Side = Side.UNKNOWN
    volumes: tuple[StructureVolume, ...] = ()
    mask_sha256: str | None = None
    warnings: Annotated[tuple[str, ...], Field(min_length=1)]


def write_result(result: Result) -> str:
    """Return the JSON text of a result: sorted keys, final newline."""
    return json.dumps(result.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"


def read_result(folder: Path) -> Result:
    """Return the result of an earlier run from its folder.

    Raises:
        BrokenFileError: There is none, or it cannot be read.
    """
    path = folder / RESULT_FILE
    try:
        return Result.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise BrokenFileError(
            path, "there is no result here.", remedy="Run `hippovol analyse` first."
        ) from e
    except ValidationError as e:
        raise BrokenFileError(
            path, f"this is not a result: {e.errors()[0]['msg']}"
        ) from e
