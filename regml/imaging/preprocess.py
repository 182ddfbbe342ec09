"""From accepted series and consensus labels to a dataset version."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from regml.digest import digest_file
from regml.imaging.agreement import WHOLE
from regml.imaging.annotations.report import (
    AnnotatedCase,
    AnnotationReport,
    Reader,
    read_index,
)
from regml.imaging.annotations.stage import CONSENSUS, NO_IMAGE
from regml.imaging.dicom_series import UNKNOWN, read_slices, volume_of
from regml.imaging.duplicates import Coarse, alike, coarse
from regml.imaging.fingerprint import take_fingerprint
from regml.imaging.header_scan import count_findings
from regml.imaging.outputs import fresh_folder, pretty_json
from regml.imaging.params import PreprocessParams
from regml.imaging.preparation import preparation
from regml.imaging.splits import SPLITS, Member, split
from regml.imaging.volumes import (
    ImageError,
    Volume,
    geometry_problems,
    labels_to_model_grid,
    load_nifti,
    normalise,
    save_nifti,
    to_model_grid,
    to_ras,
)
from regml.imaging.work import map_cases
from regml.items.data import (
    Annotator,
    DatasetManifest,
    ExcludedCase,
    Flow,
    HeaderScan,
    ManifestCase,
)
from regml.items.fingerprint import Fingerprint, Triple


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A case on the common grid.

    Attributes:
        case: What the import knows of it.
        reasons: Why it is not used; empty when it is.
        voxels_sha256: Digest of shape and voxel values as acquired, in RAS order.
        spacing_mm: As acquired, in RAS order.
        sources: Digests of all files it was made from, sorted.
        extent_mm: Largest extent of the image as acquired.
        coarse: The image at 8 x 8 x 8, to find its like.
        files: How many files were looked at again for what identifies.
        identifying: In how many of them something was found, by keyword.
        label_values: In the label as written, without the background.
        same_grid: Whether label and image, as written, lie on one grid.
    """

    case: AnnotatedCase
    reasons: tuple[str, ...]
    voxels_sha256: str = ""
    spacing_mm: Triple = (0.0, 0.0, 0.0)
    sources: tuple[str, ...] = ()
    extent_mm: float = 0.0
    coarse: Coarse | None = None
    files: int = 0
    identifying: Mapping[str, int] = field(default_factory=dict)
    label_values: tuple[int, ...] = ()
    same_grid: bool = False


def preprocess(
    source: Path, annotations: Path, target: Path, params: PreprocessParams
) -> tuple[DatasetManifest, Fingerprint]:
    """Build a dataset: one grid, one intensity scale, splits, fingerprint.

    Writes ``images/<case>.nii.gz`` (float32, RAS) and ``labels/<case>.nii.gz``
    (uint8) below ``target``; on an error nothing is written.

    Args:
        source: The de-identified export.
        annotations: The imported annotations.
        target: Folder to fill, relative to the project.
        params: Grid, gate and split.

    Raises:
        DataError: The cases cannot be split so that no split knows another.
        BrokenFileError: The index of annotations cannot be read.
    """
    index = read_index(annotations)
    with fresh_folder(target) as folder:
        work = partial(
            prepare_case,
            source=source.resolve(),  # a worker may stand in another folder
            annotations=annotations.resolve(),
            target=folder.resolve(),
            params=params,
        )
        prepared = map_cases(work, index.cases, jobs=params.jobs, title="preprocess")
        used = [item for item in prepared if not item.reasons]
        splits = split(_members(used, index), params.split)
        fingerprint = _fingerprint(used, splits, index, folder)
        taken = frozenset(fingerprint.cases)
        manifest = DatasetManifest(
            specification=params.specification,
            split_unit=params.split.unit,
            limitation=params.split.limitation,
            cases=tuple(
                _manifest_case(item, splits, index, folder, target, taken=taken)
                for item in used
            ),
            excluded=_excluded(index, prepared),
            annotators=tuple(_annotator(reader) for reader in index.readers),
            flow=_flow(index, prepared),
            similarity=alike(
                {p.case.case: p.coarse for p in used if p.coarse is not None}, splits
            ),
            preparation=preparation(
                spacing_mm=params.spacing_mm,
                interpolation=params.interpolation,
                clip_percentiles=params.clip_percentiles,
            ),
            headers=_headers(prepared),
            largest_extent_mm=round(max(item.extent_mm for item in used), 1),
        )
        return manifest, fingerprint


def prepare_case(
    case: AnnotatedCase,
    *,
    source: Path,
    annotations: Path,
    target: Path,
    params: PreprocessParams,
) -> Prepared:
    """Write one case on the common grid, or say why it is not used."""
    folder = source / case.images
    seen = partial(Prepared, files=0)
    try:
        slices = read_slices(folder)
        found = count_findings(slices)
        seen = partial(Prepared, files=len(slices), identifying=found)
        acquired = volume_of(folder, slices)
        if problems := geometry_problems(acquired, params.geometry):
            return seen(case, tuple(f"geometry: {code}" for code in problems))
        model, change = to_model_grid(
            acquired, params.spacing_mm, interpolation=params.interpolation
        )
        image = normalise(model, params.clip_percentiles)
    except ImageError as error:
        return seen(case, (f"image: {error.code}",))
    outline = load_nifti(annotations / case.case / f"{CONSENSUS}.nii.gz")
    labels = labels_to_model_grid(Volume(outline.array, acquired.affine), change)
    if not labels.array.any():
        return seen(case, ("label: empty on the common grid",))
    save_nifti(target / image_name(case.case), image)
    save_nifti(target / label_name(case.case), labels)
    upright = to_ras(acquired)
    outlines = [source / file for files in case.outlines.values() for file in files]
    written = load_nifti(target / label_name(case.case))
    return seen(
        case=case,
        reasons=(),
        voxels_sha256=voxels_sha256(upright),
        spacing_mm=upright.spacing_mm,
        sources=_digests([*folder.iterdir(), *outlines]),
        extent_mm=max(
            n * mm for n, mm in zip(upright.shape, upright.spacing_mm, strict=True)
        ),
        coarse=coarse(upright),
        label_values=tuple(int(n) for n in np.unique(written.array) if n),
        same_grid=load_nifti(target / image_name(case.case)).same_grid(written),
    )


def image_name(case: str) -> str:
    """Return where the image of a case lies below the dataset folder."""
    return f"images/{case}.nii.gz"


def label_name(case: str) -> str:
    """Return where the labels of a case lie below the dataset folder."""
    return f"labels/{case}.nii.gz"


def voxels_sha256(volume: Volume) -> str:
    """Return the digest of shape and voxel values; names and headers do not count."""
    content = np.ascontiguousarray(volume.array, dtype="<f4")
    digest = hashlib.sha256(repr(volume.shape).encode())
    digest.update(content.tobytes())
    return digest.hexdigest()


def manifest_json(manifest: DatasetManifest) -> bytes:
    """Return the text of ``reports/dataset.json``."""
    return pretty_json(manifest.model_dump(mode="json"))


def counts(manifest: DatasetManifest) -> dict[str, dict[str, int]]:
    """Return how many cases and how many patients each split has."""
    cases = Counter(case.split for case in manifest.cases)
    people = Counter(
        name
        for name, _ in {
            (case.split, case.patient)
            for case in manifest.cases
            if case.patient is not None
        }
    )
    return {
        "cases": {name: cases[name] for name in SPLITS},
        "patients": {name: people[name] for name in SPLITS},
    }


def _members(used: Iterable[Prepared], index: AnnotationReport) -> list[Member]:
    return [
        Member(
            case=item.case.case,
            patient=_patient(item.case, index),
            study=item.case.study,
            series=item.case.series,
            site=item.case.site,
            voxels_sha256=item.voxels_sha256,
        )
        for item in used
    ]


def _patient(case: AnnotatedCase, index: AnnotationReport) -> str | None:
    """Return whose image it is; keys made up per case are none."""
    known = index.patient_key == "hospital" and case.patient != UNKNOWN
    return case.patient if known else None


def _manifest_case(
    item: Prepared,
    splits: Mapping[str, str],
    index: AnnotationReport,
    folder: Path,
    target: Path,
    *,
    taken: frozenset[str],
) -> ManifestCase:
    """Return the row of a case; ``taken`` are the cases behind the fingerprint."""
    case = item.case
    image = digest_file(
        folder / image_name(case.case), name=(target / image_name(case.case)).as_posix()
    )
    label = digest_file(
        folder / label_name(case.case), name=(target / label_name(case.case)).as_posix()
    )
    return ManifestCase(
        case=case.case,
        patient=_patient(case, index),
        study=case.study,
        series=case.series,
        site=case.site,
        vendor=case.vendor,
        split=splits[case.case],
        image=image.path,
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        label=label.path,
        label_sha256=label.sha256,
        label_size_bytes=label.size_bytes,
        sources=item.sources,
        annotators=tuple(sorted(case.outlines)),
        sex=case.sex,
        age_years=case.age_years,
        field_strength_t=case.field_strength_t,
        modality=case.modality,
        voxels_sha256=item.voxels_sha256,
        label_values=item.label_values,
        same_grid=item.same_grid,
        agreement_dice=case.agreement.dice[WHOLE] if case.agreement else None,
        in_statistics=case.case in taken,
    )


def _annotator(reader: Reader) -> Annotator:
    """Return what ``readers.csv`` says of a reader; what is no value is left out."""
    try:
        trained = dt.date.fromisoformat(reader.trained_on or "")
    except ValueError:
        trained = None
    years = reader.years_experience or ""
    return Annotator(
        reader=reader.reader,
        qualification=reader.qualification,
        years_experience=float(years)
        if years.replace(".", "", 1).isdecimal()
        else None,
        trained_on=trained,
    )


def _flow(index: AnnotationReport, prepared: Sequence[Prepared]) -> Flow:
    """Count again what is there instead of adding up what others counted."""
    refused = sum(1 for item in prepared if item.reasons)
    orphans = sum(1 for item in index.excluded if item.case.startswith(NO_IMAGE))
    return Flow(
        found=index.totals.images_found,
        left_out_by_import=len(index.excluded) - orphans,
        left_out_by_gate=refused,
        used=len(prepared) - refused,
        outlines_without_image=orphans,
    )


def _headers(prepared: Iterable[Prepared]) -> HeaderScan:
    found: Counter[str] = Counter()
    files = 0
    for item in prepared:
        files += item.files
        found.update(item.identifying)
    return HeaderScan(files=files, found=dict(sorted(found.items())))


def _excluded(
    index: AnnotationReport, prepared: Iterable[Prepared]
) -> tuple[ExcludedCase, ...]:
    """Return what the import left out and what the gate refused."""
    refused = [
        ExcludedCase(case=item.case.case, reason=" | ".join(item.reasons))
        for item in prepared
        if item.reasons
    ]
    return tuple(sorted([*index.excluded, *refused], key=lambda item: item.case))


def _fingerprint(
    used: Iterable[Prepared],
    splits: Mapping[str, str],
    index: AnnotationReport,
    folder: Path,
) -> Fingerprint:
    """Return the fingerprint of the training cases alone."""
    training = [item for item in used if splits[item.case.case] == "train"]
    files = {
        item.case.case: (
            folder / image_name(item.case.case),
            folder / label_name(item.case.case),
        )
        for item in training
    }
    spacings = [item.spacing_mm for item in training]
    return take_fingerprint(files, spacings, index.protocol.labels)


def _digests(paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(sorted(digest_file(path, name=path.name).sha256 for path in paths))
