"""Bring outlines to their images: check, measure agreement, find a consensus."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regml.errors import DataError
from regml.imaging import agreement as agree
from regml.imaging.annotations import dicom_seg, nifti
from regml.imaging.annotations.found import (
    Outline,
    by_series,
    case_keys,
    find_outlines,
    find_series,
    read_patient_key,
    short_hash,
)
from regml.imaging.annotations.problems import AnnotationError, Kind, Problem
from regml.imaging.annotations.report import (
    INDEX,
    AnnotatedCase,
    AnnotationReport,
    Reader,
    ReportedProblem,
    ReportedProtocol,
    Totals,
    read_readers,
)
from regml.imaging.annotations.summary import overall, rounded
from regml.imaging.consensus import consensus
from regml.imaging.dicom_series import Series, load_series
from regml.imaging.outputs import fresh_folder, write_whole
from regml.imaging.params import ImportParams, OnProblem
from regml.imaging.volumes import ImageError, Volume, save_nifti
from regml.imaging.work import map_cases
from regml.items.data import AnnotationProtocol, ExcludedCase

CONSENSUS = "consensus"
"""Name of the file with the labels that a model learns."""

NO_IMAGE = "no-image-"
"""How the key of an excluded case begins of which there are only outlines."""

Labels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Task:
    """One series with all outlines made for it."""

    case: str
    series: Series
    outlines: Mapping[str, tuple[Outline, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task: a case, or the problems that exclude it."""

    task: Task
    case: AnnotatedCase | None
    problems: tuple[Problem, ...]


def import_annotations(
    source: Path, target: Path, protocol: AnnotationProtocol, params: ImportParams
) -> AnnotationReport:
    """Import all outlines of a de-identified export.

    Writes ``<case>/consensus.nii.gz`` and ``<case>/<reader>.nii.gz`` on the grid of
    the series, and the report as ``index.json``; on an error nothing is written.

    Args:
        source: Folder with ``images``, ``annotations``, ``readers.csv``.
        target: Folder to fill.
        protocol: What the labels mean and how many readers there are.
        params: What to do with cases that cannot be used.

    Raises:
        DataError: No case is left, or ``params`` asks to fail on problems; the
            message lists all of them.
        BrokenFileError: ``export.json`` or ``readers.csv`` cannot be read.
    """
    patient_key = read_patient_key(source)
    readers = read_readers(source / "readers.csv")
    series, bad_series = find_series(source)
    outlines, bad_outlines = find_outlines(source)
    tasks, orphans = _tasks(series, outlines)
    with fresh_folder(target) as folder:
        work = partial(
            import_case,
            source=source.resolve(),  # a worker may stand in another folder
            target=folder.resolve(),
            protocol=protocol,
            params=params,
        )
        done = map_cases(work, tasks, jobs=params.jobs, title="annotations")
        problems = (*bad_series, *bad_outlines, *orphans, *_problems(done))
        _stop_if_needed(done, problems, params)
        report = AnnotationReport(
            patient_key=patient_key,
            protocol=_protocol(protocol),
            readers=_readers(readers, done),
            cases=tuple(item.case for item in done if item.case),
            excluded=_excluded(done, bad_series, orphans, outlines),
            problems=tuple(_reported(p) for p in sorted(problems)),
            totals=_totals(done, bad_series, bad_outlines, outlines, orphans),
            **overall(item.case for item in done if item.case),
            limitation=params.fewer_readers_limitation,
        )
        write_whole(folder / INDEX, report.to_json())
    return report


def import_case(
    task: Task,
    *,
    source: Path,
    target: Path,
    protocol: AnnotationProtocol,
    params: ImportParams,
) -> Done:
    """Import the outlines of one series; a case or its problems, never an error."""
    folder = task.series.folder.relative_to(source).as_posix()
    if not task.outlines:
        problem = Problem(
            folder,
            Kind.NO_ANNOTATION,
            "is a series that nobody outlined.",
            f"Export an outline named {task.series.series}.nii.gz or remove it.",
        )
        return Done(task, None, (problem,))
    try:
        image = load_series(task.series.folder)
    except ImageError as error:
        message = f"cannot be used ({error.code})."
        problem = Problem(folder, Kind.IMAGE, message, "Export the series again.")
        return Done(task, None, (problem,))
    readings, problems = _read_all(task, source, image, protocol)
    if too_few := _too_few(folder, readings, protocol, params):
        return Done(task, None, (*problems, too_few))
    case = _bring_together(task, folder, image, readings, protocol, target)
    if case is None:
        problem = Problem(
            folder,
            Kind.NO_CONSENSUS,
            "has outlines that agree nowhere.",
            "Have the case adjudicated.",
        )
        return Done(task, None, (*problems, problem))
    return Done(task, case, tuple(problems))


def _tasks(
    series: Sequence[Series], outlines: Sequence[Outline]
) -> tuple[list[Task], tuple[Problem, ...]]:
    """Return one task per series, and the outlines that belong to none."""
    keys, drawn = case_keys(series), by_series(outlines)
    tasks = [
        Task(
            case=keys[item.series],
            series=replace(item, folder=item.folder.resolve()),
            outlines=drawn.get(item.series, {}),
        )
        for item in series
    ]
    orphans = tuple(
        Problem(
            item.file,
            Kind.NO_IMAGE,
            "outlines a series that is not among the images.",
            "Export the series too, or remove the file.",
        )
        for item in outlines
        if item.series not in keys
    )
    return sorted(tasks, key=lambda task: task.case), orphans


def _read_all(
    task: Task, source: Path, image: Volume, protocol: AnnotationProtocol
) -> tuple[dict[str, Labels], list[Problem]]:
    """Return the labels by reader, and what is wrong with the others."""
    readings: dict[str, Labels] = {}
    problems: list[Problem] = []
    for reader, outlines in sorted(task.outlines.items()):
        parts: list[Labels] = []
        for outline in outlines:
            try:
                part = _read_one(source / outline.file, image, protocol)
                _check_twice(parts, part)
                parts.append(part)
            except AnnotationError as error:
                problems.append(
                    Problem(outline.file, error.kind, error.problem, error.remedy)
                )
        if len(parts) == len(outlines):
            readings[reader] = np.max(parts, axis=0)
    return readings, problems


def _read_one(path: Path, image: Volume, protocol: AnnotationProtocol) -> Labels:
    names = {label.value: label.name for label in protocol.labels}
    if path.name.endswith(dicom_seg.SUFFIX):
        labels = dicom_seg.read_labels(path, image, names)
    else:
        labels = nifti.read_labels(path, image, names)
    if not labels.any():
        raise AnnotationError(
            Kind.EMPTY,
            "outlines nothing.",
            "Draw the outline or remove the file.",
        )
    return labels


def _check_twice(parts: Sequence[Labels], part: Labels) -> None:
    """Refuse a second file of one reader that outlines a structure again."""
    known = {int(value) for other in parts for value in np.unique(other[other > 0])}
    again = known & {int(value) for value in np.unique(part[part > 0])}
    overlap = any(((other > 0) & (part > 0)).any() for other in parts)
    if again or overlap:
        raise AnnotationError(
            Kind.TWICE,
            "outlines again what another file of the same reader outlines.",
            "Leave one outline per reader and series.",
        )


def _too_few(
    folder: str,
    readings: Mapping[str, Labels],
    protocol: AnnotationProtocol,
    params: ImportParams,
) -> Problem | None:
    needed = 1 if params.fewer_readers_limitation else protocol.readers_per_case
    if len(readings) >= needed:
        return None
    return Problem(
        folder,
        Kind.TOO_FEW_READERS,
        f"has usable outlines by {len(readings)} reader(s); {protocol.id} asks for "
        f"{protocol.readers_per_case}.",
        "Have it outlined again, or state in params.yaml under "
        "import_annotations.fewer_readers_limitation why fewer are accepted.",
    )


def _bring_together(
    task: Task,
    folder: str,
    image: Volume,
    readings: Mapping[str, Labels],
    protocol: AnnotationProtocol,
    target: Path,
) -> AnnotatedCase | None:
    """Write consensus and readings; ``None`` when the consensus is empty."""
    together = consensus(list(readings.values()), protocol.consensus)
    if not together.any():
        return None
    for name, labels in {CONSENSUS: together, **readings}.items():
        path = target / task.case / f"{name}.nii.gz"
        save_nifti(path, Volume(labels, image.affine))
    names = {label.value: label.name for label in protocol.labels}
    counts = {name: int((together == value).sum()) for value, name in names.items()}
    found = agree.agreement(list(readings.values()), names)
    whole = found.dice[agree.WHOLE] if found else None
    return AnnotatedCase(
        case=task.case,
        patient=task.series.patient,
        study=task.series.study,
        series=task.series.series,
        site=task.series.site,
        vendor=task.series.vendor,
        images=folder,
        outlines={r: tuple(o.file for o in task.outlines[r]) for r in readings},
        agreement=rounded(found) if found else None,
        below_floor=whole is not None and whole < protocol.agreement_floor_dice,
        volumes_mm3={
            name: round(count * image.voxel_volume_mm3, 1)
            for name, count in counts.items()
        },
        absent=tuple(name for name, count in counts.items() if not count),
        sex=task.series.sex,
        age_years=task.series.age_years,
        field_strength_t=task.series.field_strength_t,
        modality=task.series.modality,
    )


def _stop_if_needed(
    done: Sequence[Done], problems: Sequence[Problem], params: ImportParams
) -> None:
    """Stop when nothing is left, or on any problem if the parameters say so."""
    listed = "\n".join(f"  {problem}" for problem in sorted(problems))
    if not any(item.case for item in done):
        raise DataError(f"No case with usable outlines is left:\n{listed}")
    if problems and params.on_problem is OnProblem.FAIL:
        raise DataError(
            f"{len(problems)} problems with images and outlines:\n{listed}\n"
            "Mend them, or write on_problem: exclude into params.yaml."
        )


def _problems(done: Iterable[Done]) -> list[Problem]:
    return [problem for item in done for problem in item.problems]


def _reported(problem: Problem) -> ReportedProblem:
    return ReportedProblem(
        file=problem.file,
        kind=problem.kind,
        message=problem.message,
        remedy=problem.remedy,
    )


def _excluded(
    done: Iterable[Done],
    bad_series: Iterable[Problem],
    orphans: Iterable[Problem],
    outlines: Iterable[Outline],
) -> tuple[ExcludedCase, ...]:
    """Return images that are left out, and outlines whose image is missing."""
    series = {outline.file: outline.series for outline in outlines}
    reasons: dict[str, list[str]] = {}
    for item in done:
        if item.case is None:
            reasons[item.task.case] = [f"{p.kind}: {p}" for p in item.problems]
    for problem in bad_series:
        reasons[f"{problem.file}"] = [f"{problem.kind}: {problem}"]
    for problem in orphans:
        key = f"{NO_IMAGE}{short_hash(series[problem.file], 8)}"
        reasons.setdefault(key, []).append(f"{problem.kind}: {problem}")
    return tuple(
        ExcludedCase(case=case, reason=" | ".join(found))
        for case, found in sorted(reasons.items())
    )


def _totals(
    done: Sequence[Done],
    bad_series: Sequence[Problem],
    bad_outlines: Sequence[Problem],
    outlines: Sequence[Outline],
    orphans: Sequence[Problem],
) -> Totals:
    cases = [item.case for item in done if item.case]
    images = len(done) + len(bad_series)
    return Totals(
        images_found=images,
        outlines_found=len(outlines) + len(bad_outlines),
        cases_used=len(cases),
        cases_excluded=images - len(cases),
        outlines_used=sum(len(f) for case in cases for f in case.outlines.values()),
        outlines_without_image=len(orphans),
    )


def _readers(known: Mapping[str, Reader], done: Sequence[Done]) -> tuple[Reader, ...]:
    """Return all readers, also those that ``readers.csv`` does not know."""
    cases = [item.case for item in done if item.case]
    used = Counter(reader for case in cases for reader in case.outlines)
    drew = {reader for item in done for reader in item.task.outlines}
    return tuple(
        known.get(name, Reader(reader=name)).model_copy(update={"cases": used[name]})
        for name in sorted(drew | known.keys())
    )


def _protocol(protocol: AnnotationProtocol) -> ReportedProtocol:
    return ReportedProtocol(
        id=protocol.id,
        fingerprint=protocol.fingerprint(),
        labels={label.value: label.name for label in protocol.labels},
        consensus=protocol.consensus,
        readers_per_case=protocol.readers_per_case,
        agreement_floor_dice=protocol.agreement_floor_dice,
    )
