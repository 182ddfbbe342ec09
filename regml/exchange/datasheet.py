"""A datasheet of a dataset version, in the sections that readers know.

Everything in it comes from the manifest, the specification, the annotation protocol and
the records of the runs. What nobody wrote down is named as such: nothing is invented.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from regml.items.data import (
    GROUPING,
    AnnotationProtocol,
    DatasetManifest,
    DatasetSpecification,
    ManifestCase,
    group_of,
)
from regml.items.recorded import Record, StageRun
from regml.trace.model import TraceGraph
from regml.trace.nodes import DatasetVersion
from regml.trace.origins import (
    annotated_by,
    annotators,
    preprocessing,
    released_as,
    signatures,
)
from regml.trace.page import Page, Section, Table
from regml.trace.render import page_markdown
from regml.trace.wordings import Worded, worded

OPEN: Final = "not recorded"


def write(
    graph: TraceGraph, name: str, dataset: DatasetVersion, manifest: DatasetManifest
) -> bytes:
    """Return the datasheet of a dataset version as Markdown.

    Args:
        graph: The evidence.
        name: Node of the version.
        dataset: The version.
        manifest: Its rows.
    """
    made = dataset.runs[-1] if dataset.runs else None
    chosen = worded(graph, manifest.specification, made)
    item = chosen and chosen.item
    spec = item if isinstance(item, DatasetSpecification) else None
    sections = (
        _version(graph, name, dataset),
        *_motivation(graph, manifest, spec, chosen),
        *_composition(manifest, spec),
        *_collection(graph, manifest, spec, made),
        *_preparation(graph, dataset, manifest, spec),
        _uses(graph, name, spec),
        _distribution(spec, dataset, manifest),
        _maintenance(graph, dataset),
    )
    return page_markdown(Page(f"Datasheet of {name}", name, sections)).encode()


def _version(graph: TraceGraph, name: str, dataset: DatasetVersion) -> Section:
    facts = (
        ("manifest", dataset.path),
        ("sha256 of the manifest", dataset.sha256),
        ("released", released_as(graph, name)),
    )
    return Section("Version", facts, node=name)


def _motivation(
    graph: TraceGraph,
    manifest: DatasetManifest,
    spec: DatasetSpecification | None,
    chosen: Worded | None,
) -> Iterator[Section]:
    if spec is None or chosen is None:
        missing = f"{manifest.specification} is no dataset specification here"
        yield Section("Motivation", (("specification", missing),))
        return
    reasons = (
        f"{name} {found.title}" if (found := graph.item(name)) else name
        for name in spec.refines
    )
    facts = (
        ("specification", f"{spec.id} {spec.title}"),
        ("wording of the specification", chosen.said),
        ("made for", spec.role.value),
        ("asked for by", "; ".join(reasons) or OPEN),
    )
    yield Section("Motivation", facts, node=spec.id)
    yield signatures(graph, chosen, "the selection")


def _composition(
    manifest: DatasetManifest, spec: DatasetSpecification | None
) -> Iterator[Section]:
    cases = manifest.cases
    known = {case.patient for case in cases if case.patient}
    size = sum(c.image_size_bytes + c.label_size_bytes for c in cases)
    facts = [
        ("cases", str(len(cases))),
        ("patients", str(len(known))),
        ("cases without a patient key", str(sum(not c.patient for c in cases))),
        ("bytes of images and labels", str(size)),
        ("population", spec.population if spec else OPEN),
        ("modality", spec.modality if spec else OPEN),
        ("split by", manifest.split_unit),
    ]
    facts += [("limitation", text) for text in _limitations(manifest, spec)]
    yield Section("Composition", tuple(facts), _groups(cases))
    if manifest.similarity:
        nearest = manifest.similarity.nearest
        yield Section(
            "Near duplicates between splits",
            (
                ("threshold (correlation)", f"{manifest.similarity.threshold:g}"),
                ("nearest", OPEN if nearest is None else f"{nearest:g}"),
                ("pairs", str(len(manifest.similarity.pairs))),
            ),
        )


def _collection(
    graph: TraceGraph,
    manifest: DatasetManifest,
    spec: DatasetSpecification | None,
    made: Record | None,
) -> Iterator[Section]:
    facts = [
        ("source", (spec and spec.source) or OPEN),
        ("consent and ethics", (spec and spec.ethics) or OPEN),
        ("included", "; ".join(spec.inclusion) if spec else OPEN),
        ("excluded by rule", ("; ".join(spec.exclusion) if spec else "") or "nothing"),
    ]
    if flow := manifest.flow:
        facts += [
            ("series found", str(flow.found)),
            ("left out, no usable outlines", str(flow.left_out_by_import)),
            ("left out, refused by the quality gate", str(flow.left_out_by_gate)),
            ("used", str(flow.used)),
            ("outlines without image", str(flow.outlines_without_image)),
        ]
    reasons = Counter(case.reason for case in manifest.excluded)
    rows = tuple((reason, str(count)) for reason, count in sorted(reasons.items()))
    table = Table(("left out because", "cases"), rows) if rows else None
    yield Section("Collection", tuple(facts), table)
    outlined = annotated_by(graph, spec, made) if spec else None
    protocol = outlined and outlined.item
    if outlined and isinstance(protocol, AnnotationProtocol):
        labels = Table(
            ("value", "structure", "where its boundary runs"),
            tuple((str(x.value), x.name, x.definition) for x in protocol.labels),
        )
        yield Section(
            "Annotation",
            (
                ("protocol", f"{protocol.id} {protocol.title}"),
                ("wording of the protocol", outlined.said),
                ("readers per case, at least", str(protocol.readers_per_case)),
                ("qualification", protocol.qualification),
                ("tool", protocol.tool),
                ("consensus", protocol.consensus),
                ("mean agreement (Dice)", _agreement(manifest.cases)),
            ),
            labels,
            protocol.id,
        )
    yield annotators(manifest)


def _preparation(
    graph: TraceGraph,
    dataset: DatasetVersion,
    manifest: DatasetManifest,
    spec: DatasetSpecification | None,
) -> Iterator[Section]:
    run = dataset.runs[-1] if dataset.runs else None
    yield preprocessing(graph, manifest, run)
    facts = [
        (
            "agreed configuration (sha256)",
            (spec and spec.deidentification_sha256) or OPEN,
        )
    ]
    if spec and spec.faces:
        facts.append(("faces", f"{spec.faces.measure}: {spec.faces.rationale}"))
    if scan := manifest.headers:
        facts.append(("headers looked at again", str(scan.files)))
        facts.append(("headers that identify", str(sum(scan.found.values()))))
    yield Section("De-identification", tuple(facts))


def _uses(graph: TraceGraph, name: str, spec: DatasetSpecification | None) -> Section:
    models = sorted({edge.source for edge in graph.into(name, "trained_on")})
    tested = sorted({edge.source for edge in graph.into(name, "evaluated_on")})
    most = spec.test_models if spec else None
    facts = (
        ("intended for", spec.role.value if spec else OPEN),
        ("models trained on it", ", ".join(models) or "none"),
        ("evaluations on it", ", ".join(tested) or "none"),
        ("models its test split may measure", OPEN if most is None else str(most)),
    )
    return Section("Uses", facts)


def _distribution(
    spec: DatasetSpecification | None,
    dataset: DatasetVersion,
    manifest: DatasetManifest,
) -> Section:
    folders = sorted({case.image.rpartition("/")[0] for case in manifest.cases})
    facts = (
        ("terms", (spec and spec.licence) or OPEN),
        ("files", ", ".join(folders) or "none"),
        ("checked against", f"{dataset.path}: size and sha256 of every file"),
    )
    return Section("Distribution", facts)


def _maintenance(graph: TraceGraph, dataset: DatasetVersion) -> Section:
    config = graph.evidence.config
    until = config.maintenance.supported_until
    rows = tuple(
        (
            f"run@{record.id}",
            run.origin.finished_utc,
            run.origin.person.name,
            (run.origin.commit or OPEN)[:12],
        )
        for record in dataset.runs
        if isinstance(run := record.statement, StageRun)
    )
    facts = (
        ("kept by", config.device.manufacturer),
        ("supported until", until.isoformat() if until else OPEN),
    )
    return Section(
        "Maintenance", facts, Table(("made by", "when", "who", "commit"), rows)
    )


def _groups(cases: Iterable[ManifestCase]) -> Table:
    listed = list(cases)
    rows: list[tuple[str, str, str]] = []
    for column in ("split", *GROUPING):
        found = Counter(group_of(case, column) for case in listed)
        rows += [(column, name, str(n)) for name, n in sorted(found.items())]
    return Table(("what", "group", "cases"), tuple(dict.fromkeys(rows)))


def _agreement(cases: Iterable[ManifestCase]) -> str:
    found = [c.agreement_dice for c in cases if c.agreement_dice is not None]
    return f"{sum(found) / len(found):.3f}, {len(found)} cases" if found else OPEN


def _limitations(
    manifest: DatasetManifest, spec: DatasetSpecification | None
) -> Iterator[str]:
    if spec:
        yield from (f"{limit.id} {limit.text}" for limit in spec.limitations)
    if manifest.limitation:
        yield manifest.limitation
