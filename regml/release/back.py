"""Going back: what is known today of a version that was released before.

Its own gate let it pass with what was known then. Before it is handed over again the
same rules look at its commit with what is known now: the day, the keys that count, the
vulnerabilities, the packages and the problems. What the present state lacks does not
matter here: it must not keep a version in force that harms people.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from regml.errors import RegmlError, UnknownIdError
from regml.files.archive import kept_of
from regml.findings import weighty
from regml.items.config import MAY_DECIDE
from regml.items.lifecycle import ProblemReport
from regml.items.recorded import LogProblem, Record, Release
from regml.project import Project, open_project
from regml.records.bills import compare_bills
from regml.records.log import read_entries, read_log
from regml.records.storage import LOG
from regml.release.packages import RULES, bad_news, outcomes_today
from regml.trace.current import signer_may
from regml.trace.nodes import SHORT
from regml.trace.problems import ProblemState, problem_state


@dataclass(frozen=True, slots=True)
class Back:
    """An earlier release, looked at with what is known today.

    Attributes:
        record: Of the earlier release.
        said: What it says.
        problems: Why its own evidence does not hold; nobody can decide otherwise.
        known: What speaks against it, one sentence each; somebody has to say why it
            is handed over all the same.
        because: What they said.
    """

    record: Record
    said: Release
    problems: tuple[LogProblem, ...]
    known: tuple[str, ...]
    because: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether it may be handed over."""
        return not self.problems and not (self.known and not self.because)


def look_back(project: Project, wanted: str, *, because: str = "") -> Back:
    """Look at an earlier release with what is known today.

    Args:
        project: As it is now, read for a release.
        wanted: The earlier release, or its model.
        because: Why it is handed over in spite of what is known against it.

    Raises:
        UnknownIdError: Nothing of that name was released by somebody who may.
    """
    record, said = earlier(project, wanted)
    before = _listed_until(project, record)
    concerning: list[LogProblem] = []
    later: list[LogProblem] = []
    for problem in project.evidence.log_problems:
        (concerning if problem.path in before else later).append(problem)
    known = (
        *_findings(project, said),
        *_lost(project, record, said),
        *(f"{p.path}, recorded after it: {p.message}" for p in later),
    )
    return Back(record, said, tuple(concerning), known, because.strip())


def earlier(project: Project, wanted: str) -> tuple[Record, Release]:
    """Return the last release of a name.

    Raises:
        UnknownIdError: Nothing of that name was released by somebody who may.
    """
    config = project.evidence.config
    node = project.graph.find(wanted)
    found = [
        (record, said)
        for record in project.graph.current.believed
        if isinstance(said := record.statement, Release)
        and signer_may(record, MAY_DECIDE, config)
        and node.id in (f"release@{record.id}", f"model@{(said.model or '')[:SHORT]}")
    ]
    if not found:
        raise UnknownIdError(
            f"{wanted}: was never released by somebody whose signature counts today, "
            "so no gate let it pass. Name one of 'regml list releases'; or check its "
            "commit out, bring it up to the checks, and release it there."
        )
    return found[-1]


def _listed_until(project: Project, record: Record) -> set[str]:
    """Return the log, and each record in it up to that of a release."""
    paths = [entry.path for entry in read_entries(project.root)]
    return {LOG, *paths[: paths.index(record.path) + 1]}


def _findings(project: Project, said: Release) -> Iterator[str]:
    """Give what the gate would find in it today, and problems since."""
    try:
        then = _then(project, said)
        outcomes = [
            *(o for o in then.check() if o.rule not in RULES),
            *outcomes_today(project, then),
        ]
        yield from _problems_since(project, then)
        yield from bad_news(project, then)
    except RegmlError as error:
        yield f"the checks cannot look at commit {said.commit[:SHORT]}: {error}"
        return
    for finding in weighty(outcomes):
        yield f"{finding.rule} {finding.subject}: {finding.message}"


def _then(project: Project, said: Release) -> Project:
    """Return the project as it was released, seen with what is known today."""
    then, now = open_project(project.root, at=said.commit), project.evidence
    log = read_log(then.files, now.config.signers)
    config = then.evidence.config.model_copy(update={"signers": now.config.signers})
    evidence = replace(
        then.evidence,
        config=config,
        records=log.records,
        log_problems=log.problems,
        log_heads=log.heads,
        vulnerabilities=now.vulnerabilities,
        today=now.today,
    )
    return replace(then, evidence=evidence)


def _problems_since(now: Project, then: Project) -> Iterator[str]:
    """Give reported problems that its gate did not weigh as they are today."""
    for report in now.graph.items(ProblemReport):
        state = problem_state(now.graph, report)
        before = then.graph.item(report.id)
        if state is ProblemState.NO_PROBLEM or before == report:
            continue
        if (
            isinstance(before, ProblemReport)
            and problem_state(then.graph, before) is ProblemState.CLOSED
        ):
            continue
        if report.affects and not any(then.graph.item(n) for n in report.affects):
            continue  # nothing it affects was there yet
        yield (
            f"{report.id} ({report.criticality}) {report.title}: reported on "
            f"{report.reported}, {state} today, and not solved in this release"
        )


def _lost(project: Project, record: Record, said: Release) -> Iterator[str]:
    kept = kept_of(project.root, said.commit, said.artifacts)
    for artifact in said.artifacts:
        if artifact.sha256 not in kept:
            yield (
                f"{artifact.path}: neither in its commit nor in the cache of DVC, so "
                "nobody can have it again"
            )
    for path, message in compare_bills(project.root, [record]).problems:
        yield f"{path}: {message}; it would be written again, with what is here"
