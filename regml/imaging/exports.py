"""Whole hospital exports: invented patients, or a folder of real volumes."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import SecondaryCaptureImageStorage

from regml.errors import DataError, RegmlError
from regml.imaging.hospital import (
    ExportFacts,
    Pair,
    Series,
    find_pairs,
    write_case,
    write_readers,
    write_series,
)
from regml.imaging.identities import (
    SITES,
    Identity,
    Site,
    Study,
    random_identity,
    random_study,
)
from regml.imaging.outputs import fresh_folder
from regml.imaging.phantom import (
    Anatomy,
    Scanner,
    hand,
    outline,
    random_anatomy,
    render,
)
from regml.imaging.volumes import Volume, save_nifti
from regml.imaging.work import map_cases

READERS = ("Dr. Hanneke Vermeulen", "Tobias Achterberg")
"""The invented readers of invented patients."""

READER_ROWS = (
    ("Dr. Hanneke Vermeulen", "board certified neuroradiologist", "14", "2024-03-11"),
    ("Tobias Achterberg", "trained rater", "3", "2024-03-18"),
)
"""What ``readers.csv`` says about them."""

SOURCE_READER = "source"
"""Name of the one reader of a real folder: whoever drew the labels in it."""

SCANNERS = (
    Scanner(scale=900.0, signal_to_noise=24.0, bias=0.15, contrast=1.0),
    Scanner(scale=240_000.0, signal_to_noise=18.0, bias=0.25, contrast=0.9),
)
"""How the scanners of the two sites differ, in the order of the sites."""

PLANES = (
    # columns, rows and slices run along these axes (RAS) and directions
    ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),  # axial, feet to head
    ((0, -1, 0), (0, 0, -1), (1, 0, 0)),  # sagittal, left to right
    ((-1, 0, 0), (0, 0, -1), (0, -1, 0)),  # coronal, front to back
)
"""Orientations in which series are acquired; each triple is right-handed."""

SEG_EVERY = 6
"""Each so-many-th outline of the second reader is a DICOM SEG instead of NIfTI."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One invented series that is still to be made.

    Attributes:
        number: Which one it is; chance depends on it and on the seed.
        seed: What chance starts from.
        out: The export.
        site: 0 or 1.
        identity: The patient.
        study: The occasion.
    """

    number: int
    seed: int
    out: Path
    site: int
    identity: Identity
    study: Study


def export_synthetic(
    out: Path, *, patients: int = 24, seed: int = 20240501, jobs: int = 1
) -> ExportFacts:
    """Write an export of invented patients in place of ``out``.

    The first patient comes twice. Beside good series there is one screen shot, one
    broken file and one that is no DICOM.

    Args:
        out: Folder to write.
        patients: How many, at least 1.
        seed: Another seed gives other people.
        jobs: How many series are made at a time; -1 for all cores.

    Raises:
        DataError: The number of patients is not positive.
    """
    if patients < 1:
        raise DataError(f"patients: has to be at least 1, not {patients}")
    with fresh_folder(out) as folder:
        acquisitions = list(_plan(folder, patients, seed))
        map_cases(_acquire, acquisitions, jobs=jobs, title="Examining patients")
        write_readers(folder, READER_ROWS)
        _add_unusable(acquisitions[0])
        facts = ExportFacts("synthetic", "hospital", patients, len(acquisitions), seed)
        facts.write(folder)
    return facts


def export_folder(
    source: Path, out: Path, *, seed: int = 20240501, jobs: int = 1
) -> ExportFacts:
    """Wrap real volumes into an export in place of ``out``.

    Every case counts as a patient of its own, since a folder of volumes does not say
    whose they are; the identities are invented. Labels belong to one reader,
    ``source``. Cases that cannot be used are named in the facts.

    Args:
        source: With ``images/`` and ``labels/``, NIfTI files of equal names.
        out: Folder to write.
        seed: Another seed gives other identities.
        jobs: How many cases are worked on at a time; -1 for all cores.

    Raises:
        DataError: There is no usable case.
    """
    pairs, skipped = find_pairs(source)
    with fresh_folder(out) as folder:
        work = partial(_wrap, folder, seed)
        problems = map_cases(
            work, list(enumerate(pairs)), jobs=jobs, title="Wrapping cases"
        )
        found = zip(pairs, problems, strict=True)
        reasons = dict(skipped) | {pair.case: why for pair, why in found if why}
        used = sum(1 for why in problems if not why)
        if not used:
            first = min(reasons.items())
            raise DataError(f"{source}: no usable case, first {first[0]}: {first[1]}")
        write_readers(folder, [(SOURCE_READER, SOURCE_READER, "", "")])
        facts = ExportFacts(
            source.resolve().name,
            "case",
            used,
            used,
            seed,
            dict(sorted(reasons.items())),
        )
        facts.write(folder)
    return facts


def _wrap(out: Path, seed: int, case: tuple[int, Pair]) -> str:
    """Wrap one real case; return why it cannot be used, or nothing."""
    number, pair = case
    site = SITES[number % len(SITES)]
    rng = random.Random(f"{seed}/{pair.case}")  # noqa: S311 - invented people
    identity = random_identity(rng, number, site)
    study = random_study(rng, site, number)
    try:
        write_case(
            pair, out, identity=identity, study=study, site=site, reader=SOURCE_READER
        )
    except RegmlError as error:
        return (
            str(error).removeprefix(f"{pair.image}: ").removeprefix(f"{pair.label}: ")
        )
    return ""


def _plan(out: Path, patients: int, seed: int) -> Iterator[Acquisition]:
    """Give the series of all invented patients; the first patient has two studies."""
    number = 0
    for patient in range(patients):
        site = patient % len(SITES)
        rng = random.Random(f"{seed}/{patient}")  # noqa: S311 - invented people
        identity = random_identity(rng, patient, SITES[site])
        study = random_study(rng, SITES[site], number)
        for _ in range(2 if patient == 0 else 1):
            yield Acquisition(number, seed, out, site, identity, study)
            number += 1
            study = random_study(rng, SITES[site], number, after=study.day)


def _acquire(task: Acquisition) -> None:
    """Make one series with the outlines of both readers."""
    rng = np.random.default_rng([task.seed, task.number])
    anatomy = random_anatomy(rng, side=1 if rng.random() < 0.5 else -1)
    shape, affine = _random_grid(rng)
    image = render(anatomy, SCANNERS[task.site], shape, affine, rng)
    placed = affine.copy()
    placed[:3, 3] += [anatomy.side * 26.0, -18.0, -14.0]  # where it lies in the head
    series = Series(
        Volume(image.array, placed),
        task.identity,
        task.study,
        SITES[task.site],
        uid=f"{task.study.uid}.4",
        number=4,
        ascending=bool(rng.random() < 0.5),
    )
    place = task.out / "images" / task.identity.folder / task.study.folder
    paths = write_series(series, place)
    _write_outlines(task, series, anatomy, affine, paths, rng)


def _write_outlines(
    task: Acquisition,
    series: Series,
    anatomy: Anatomy,
    affine: NDArray[np.float64],
    paths: Sequence[Path],
    rng: np.random.Generator,
) -> None:
    """Write what both readers drew."""
    shape, spacing = series.volume.shape, series.volume.spacing_mm
    for reader, habit in zip(READERS, (0.05, -0.1), strict=True):
        margin = hand(rng, shape, spacing, wobble_mm=0.35, habit_mm=habit)
        labels = outline(anatomy, shape, affine, margin_mm=margin)
        drawn = Volume(labels.array, series.volume.affine)
        folder = task.out / "annotations" / reader
        if reader == READERS[1] and task.number % SEG_EVERY == 1:
            _write_segmentation(task, series, drawn, paths, folder, reader)
        else:
            save_nifti(folder / f"{series.uid}.nii.gz", drawn)


def _random_grid(
    rng: np.random.Generator,
) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Return a voxel grid around the centre of the crop: shape and affine."""
    directions = np.array(PLANES[rng.integers(len(PLANES))], dtype=np.float64).T
    plane, through = rng.uniform(0.9, 1.05), rng.uniform(0.95, 1.2)
    spacing = np.round([plane, plane, through], 3)
    extent = np.abs(directions.T @ [37.0, 50.0, 37.0])  # R, A, S in mm
    i, j, k = np.rint(extent / spacing + rng.integers(-2, 3, 3)).astype(int).tolist()
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    centre = (np.array([i, j, k]) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ centre + rng.normal(0, 0.4, 3)
    affine[:3, 3] = np.round(affine[:3, 3], 4)
    return (i, j, k), affine


def _write_segmentation(
    task: Acquisition,
    series: Series,
    drawn: Volume,
    paths: Sequence[Path],
    folder: Path,
    reader: str,
) -> None:
    """Write an outline as a DICOM SEG object on the slices of its series."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    sources = [dcmread(path, stop_before_pixels=False) for path in paths]
    frames = np.transpose(drawn.array, (2, 1, 0))
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Hippocampus,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in ((1, "anterior"), (2, "posterior"))
    ]
    segmentation = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=frames,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=f"{series.uid}.77",
        series_number=77,
        sop_instance_uid=f"{series.uid}.77.1",
        instance_number=1,
        manufacturer="Slicer",
        manufacturer_model_name="Outliner",
        software_versions="5.6",
        device_serial_number=f"WS-{task.identity.patient_id}",
        content_creator_name=f"{reader.rsplit(maxsplit=1)[-1]}^{reader.split()[-2]}",
        content_description=f"Hippocampus of {task.identity.file_prefix}",
        series_description=f"Outline {task.identity.file_prefix}",
    )
    _settle(segmentation, task.study, f"{series.uid}.77.2")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{task.identity.file_prefix}_{task.study.accession}.dcm"
    segmentation.save_as(folder / name, enforce_file_format=True)


def _settle(dataset: Dataset, study: Study, dimension_uid: str) -> None:
    """Replace what comes from clock and chance: one seed, one file."""
    for element in dataset.iterall():
        if element.keyword == "DimensionOrganizationUID":
            element.value = dimension_uid
        elif element.keyword in {"ContentDate", "InstanceCreationDate", "SeriesDate"}:
            element.value = f"{study.day:%Y%m%d}"
        elif element.keyword in {"ContentTime", "InstanceCreationTime", "SeriesTime"}:
            element.value = study.time
        elif element.keyword == "ContributionDateTime":
            element.value = f"{study.day:%Y%m%d}{study.time}"


def _add_unusable(first: Acquisition) -> None:
    """Add what turns up in exports and cannot be used."""
    study = first.out / "images" / first.identity.folder / first.study.folder
    paths = sorted(study.glob("*.dcm"))
    content = paths[0].read_bytes()
    (study / f"{first.identity.file_prefix}_broken.dcm").write_bytes(
        content[: len(content) // 2]
    )
    note = f"Please send back to {first.identity.name}\n"
    (study / "README.txt").write_text(note, "utf-8")
    shot = dcmread(paths[0])
    site: Site = SITES[first.site]
    shot.SOPClassUID = SecondaryCaptureImageStorage
    shot.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    shot.SeriesInstanceUID = f"{first.study.uid}.99"
    shot.SOPInstanceUID = f"{first.study.uid}.99.1"
    shot.file_meta.MediaStorageSOPInstanceUID = shot.SOPInstanceUID
    shot.SeriesDescription = f"Screen of {site.station}"
    shot.BurnedInAnnotation = "YES"
    shot.RequestAttributesSequence = Items([])
    place = study.with_name(f"{study.name}_screen")
    place.mkdir()
    shot.save_as(place / "screen_0001.dcm", enforce_file_format=True)
