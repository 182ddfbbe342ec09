"""From a project to the folder of its Design History File."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import regml
from regml.dhf.context import Figure, document_values
from regml.dhf.formats import Format, require_extra
from regml.dhf.markdown import IDS, Writer
from regml.dhf.portal import page_names, portal_pages
from regml.dhf.render import Build, Document, render_documents
from regml.dhf.write import write_folder
from regml.digest import sha256_of
from regml.files.documents import read_parts, read_plans
from regml.files.git import commit_seconds
from regml.files.markdown import LocatedItem
from regml.findings import RuleOutcome
from regml.items.documents import DocumentPlan
from regml.items.recorded import Record
from regml.project import Project
from regml.trace.nodes import DatasetVersion, Evaluation, KnownTest, Node

ALWAYS = ("regml.toml", "risk/policy.yaml", "dvc.yaml", "dvc.lock")
"""Files every document rests on, where they exist."""

REPORTS = {
    "De-identification": "reports/deidentification.json",
    "Annotation": "reports/annotations.json",
    "Fingerprint of the training set": "reports/fingerprint.json",
}
"""Reports of stages that the data management report quotes, by heading."""

_WORDS = str.maketrans("_-", "  ")


@dataclass(frozen=True, slots=True)
class Built:
    """A Design History File on disk.

    Attributes:
        out: Its folder.
        documents: What was written into it.
        files: Every file, relative to ``out``, sorted.
        findings: How many findings it lists.
    """

    out: Path
    documents: tuple[Document, ...]
    files: tuple[Path, ...]
    findings: int


def build_dhf(project: Project, *, formats: Collection[Format], out: Path) -> Built:
    """Build every document and every page of a project.

    Args:
        project: What was read.
        formats: What to write.
        out: The folder to write, or to replace.

    Raises:
        MissingExtraError: A program that writes a format is not installed.
        BrokenFileError: A template is wrong.
        ConfigError: There is no template, or ``out`` holds something else.
    """
    require_extra(formats)
    # what is built says nothing about what was built before: same state, same bytes
    project = replace(project, evidence=replace(project.evidence, built=None))
    outcomes = project.check()
    state = build_state(project)
    figures = find_figures(project.evidence.tree)
    documents = project_documents(project, build=state, outcomes=outcomes)
    files = write_folder(
        documents,
        pages=lambda: portal_pages(
            project.with_earlier_manifests().with_wordings().graph,
            build=state,
            documents=documents,
            figures=figures,
        ),
        figures={Path(f.path).name: project.files / f.source for f in figures},
        build=state,
        formats=formats,
        out=out,
    )
    total = sum(len(outcome.open) for outcome in outcomes)
    return Built(out, documents, files, total)


def project_documents(
    project: Project, *, build: Build, outcomes: tuple[RuleOutcome, ...]
) -> tuple[Document, ...]:
    """Return every document of a project as Markdown."""
    plans, figures = read_plans(project.files), find_figures(project.evidence.tree)
    names = page_names(project.graph)
    return render_documents(
        plans,
        parts=read_parts(project.files),
        values=document_values(
            project.graph,
            plans=plans,
            outcomes=outcomes,
            reports=_reports(project),
            figures=figures,
        ),
        writer=Writer({name: f"../items/{page}" for name, page in names.items()}),
        build=build,
        sources=_Sources(project, figures).of,
    )


def build_state(project: Project) -> Build:
    """Return the state of a project that documents print."""
    evidence, device = project.evidence, project.evidence.config.device
    commit = evidence.commit
    epoch = commit_seconds(project.root, commit) if commit else 0
    moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
    return Build(
        device=f"{device.name} {device.version}",
        manufacturer=device.manufacturer,
        commit=commit,
        committed_utc=moment.strftime("%Y-%m-%dT%H:%M:%SZ") if commit else "",
        epoch=epoch,
        dirty=evidence.dirty,
        heads=evidence.log_heads,
        program=f"regml {regml.__version__}",
        documents={
            plan.node_id: project.graph.fingerprint(plan.node_id) or ""
            for plan in evidence.documents
        },
    )


def find_figures(names: Collection[str]) -> tuple[Figure, ...]:
    """Return every PNG below ``reports/`` among the files of a project, sorted."""
    return tuple(
        Figure(
            source=name,
            path=f"figures/{_figure_name(name)}",
            caption=PurePosixPath(name).stem.translate(_WORDS).capitalize(),
        )
        for name in sorted(names)
        if name.startswith("reports/") and name.endswith(".png")
    )


def _figure_name(path: str) -> str:
    parts = PurePosixPath(path).parts[1:]
    return "-".join(part for part in parts if part != "figures")


def _reports(project: Project) -> dict[str, Mapping[str, Any]]:
    found = {title: project.report(path) for title, path in REPORTS.items()}
    return {title: report for title, report in found.items() if report is not None}


class _Sources:
    """Knows which files stand behind the words of a document, and their digests."""

    def __init__(self, project: Project, figures: Iterable[Figure]) -> None:
        self._files = project.files
        self._nodes = project.graph.nodes
        self._figures = {figure.path: figure.source for figure in figures}
        self._digests: dict[str, str | None] = {}

    def of(self, plan: DocumentPlan, body: str) -> list[tuple[str, str]]:
        """Return path and SHA-256 of the source files of a document, sorted."""
        paths = {plan.path, *ALWAYS, *self._mentioned(body)}
        digests = ((path, self._digest(path)) for path in sorted(paths))
        return [(path, digest) for path, digest in digests if digest]

    def _mentioned(self, body: str) -> Iterator[str]:
        for name in set(IDS.findall(body)):
            node = self._nodes.get(name) or self._nodes.get(f"test:{name}")
            if node is not None:
                yield from node_files(node)
        for path, source in self._figures.items():
            if path in body:
                yield source

    def _digest(self, path: str) -> str | None:
        if path not in self._digests:
            file = self._files / path
            content = file.read_bytes() if file.is_file() else None
            self._digests[path] = None if content is None else sha256_of(content)
        return self._digests[path]


def node_files(node: Node) -> Iterator[str]:
    """Give the files that say what a node is, relative to the project."""
    match node.value:
        case LocatedItem() | DocumentPlan():
            yield node.value.path
        case Record() as record:
            yield from (record.path, record.environment)
        case Evaluation(record=record):
            yield from (record.path, record.environment)
        case DatasetVersion():
            yield node.value.path
        case KnownTest():
            yield from (t.path for t in [node.value.written] if t is not None)
