"""Taking over the results of any test runner as a signed record of what is now."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regml.errors import BrokenFileError, ConfigError, RecordError
from regml.files.config import read_config
from regml.files.dvc import read_stages
from regml.files.git import code_digest, commit_seconds
from regml.files.markdown import read_items
from regml.files.python_tests import read_tests
from regml.files.reported_tests import ReportedTest, RunnerReport
from regml.files.revision import open_revision
from regml.files.runner_reports import read_report
from regml.items.recorded import (
    Origin,
    Outcome,
    TestCase,
    TestReport,
    TestRun,
)
from regml.records.device_tests import (
    Tested,
    locked_model,
    models_anywhere,
    trained_models,
)
from regml.records.keys import personal_key
from regml.records.log import append, read_log, utc_now
from regml.records.origin import code_paths, observe

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.items.config import Config


DAY: Final = 86_400
"""Seconds by which a clock without a zone, or tests before a commit, may be off."""

SHORT: Final = 12
"""Hex digits of a commit in a message."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What whoever imports results knows about them.

    Attributes:
        suite: What they are results of, e.g. ``windows``; else the file's name. Newer
            results replace older ones of the same suite.
        commit: Revision the tests ran at; else what the report says, else the present.
        complete: The files hold every test of their suite: what is not in them does
            not exist any more.
        again: The same bytes may be imported once more: the tests did run again.
    """

    suite: str | None = None
    commit: str | None = None
    complete: bool = False
    again: bool = False


def import_results(
    root: Path, files: Sequence[Path], options: ImportOptions = ImportOptions()
) -> Tested:
    """Read result files and leave one signed record of every test in them.

    Args:
        root: The project.
        files: JUnit XML or Robot Framework output.
        options: What is known about them.

    Raises:
        BrokenFileError: A file cannot be read; nothing was recorded.
        RecordError: A file was imported before.
        ConfigError: Files or options contradict each other, or the tests ran before
            the commit was made.
        RegmlError: The project cannot be read or the record not be written.
    """
    started = utc_now()
    key = personal_key()
    config = read_config(root)
    reports = [_read(root, file) for file in files]
    _only_new(root, config, reports, again=options.again)
    commit = options.commit or _agreed(reports, [r.commit for r in reports], "commit")
    origin = observe(root, started_utc=started, stages=read_stages(root))
    place: Traversable = root
    if commit:
        place, origin = _at(root, commit, origin)
    _refuse_older(root, reports, origin)
    fingerprints = {
        located.item.id: located.item.fingerprint() for located in read_items(place)
    }
    names = _pytest_names(place, config)
    cases = tuple(
        sorted(
            (
                _case(test, options.suite or report.name, names)
                for report in reports
                for test in report.tests
            ),
            key=lambda case: (case.name, case.suite),
        )
    )
    verified = {item_id for case in cases for item_id in case.verifies}
    run = TestRun(
        origin=origin,
        command=_command(reports, options),
        cases=cases,
        fingerprints={
            item_id: fingerprints[item_id]
            for item_id in sorted(verified & set(fingerprints))
        },
        models=_models(root, config, reports, place),
        reports=tuple(TestReport(r.name, r.sha256, r.form) for r in reports),
        complete=options.complete,
    )
    return Tested(
        record=append(root, run, key),
        failed=sum(case.outcome is Outcome.FAILED for case in cases),
        unknown=tuple(sorted(verified - set(fingerprints))),
    )


def _read(root: Path, file: Path) -> RunnerReport:
    """Read one file; in records it is named as in the project, or by its name."""
    path = file.resolve()
    inside = path.is_relative_to(root.resolve())
    name = path.relative_to(root.resolve()).as_posix() if inside else path.name
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BrokenFileError(
            file,
            f"cannot be read ({error.strerror}).",
            remedy="Name the file that the test runner wrote.",
        ) from error
    return read_report(raw, name=name)


def _only_new(
    root: Path, config: "Config", reports: Iterable[RunnerReport], *, again: bool
) -> None:
    """Refuse old evidence that is put forward as new: it would look current."""
    known = {
        report.sha256: record
        for record in read_log(root, config.signers).records
        if isinstance(record.statement, TestRun)
        for report in record.statement.reports
    }
    seen: set[str] = set()
    for report in reports:
        if report.sha256 in seen:
            raise ConfigError(f"{report.name}: the same results were named twice.")
        seen.add(report.sha256)
        if (before := known.get(report.sha256)) and not again:
            raise RecordError(
                f"{report.name}: exactly these results are in record {before.id} "
                "already. Run the tests again and import what they leave; if they did "
                "run again and wrote the same bytes, say so with --again."
            )


def _refuse_older(root: Path, reports: Iterable[RunnerReport], origin: Origin) -> None:
    """Refuse results from before what they are said to be results of, or to come."""
    made = commit_seconds(root, origin.commit) if origin.commit else 0
    for report in reports:
        if report.ran and report.ran.timestamp() - DAY > datetime.now(UTC).timestamp():
            raise ConfigError(
                f"{report.name}: its tests ran on {report.ran:%Y-%m-%d}, a day that is "
                "still to come. Set the clock of the machine they ran on, and run them "
                "again."
            )
        if report.ran and report.ran.timestamp() + DAY < made:
            raise ConfigError(
                f"{report.name}: its tests ran on {report.ran:%Y-%m-%d}, before the "
                f"commit {(origin.commit or '')[:SHORT]} of "
                f"{datetime.fromtimestamp(made, UTC):%Y-%m-%d} was made. Run them "
                "again, or name the commit that they ran at with --commit."
            )


def _agreed(
    reports: Iterable[RunnerReport], said: Sequence[str | None], what: str
) -> str | None:
    """Return what all reports say that say anything about it."""
    found = sorted({value for value in said if value})
    if len(found) > 1:
        names = ", ".join(report.name for report in reports)
        raise ConfigError(
            f"{names}: they name different values for {what}: {', '.join(found)}. "
            "Import them one by one."
        )
    return found[0] if found else None


def _at(root: Path, commit: str, now: Origin) -> tuple["Traversable", Origin]:
    """Return the project at the commit the tests ran at, and what it was then."""
    revision = open_revision(root, commit)
    code = code_digest(
        revision, code_paths(root), revision.names(), revision.pointers()
    )
    then = replace(now, commit=revision.commit, dirty=(), diff_sha256=None, code=code)
    return revision, then


def _models(
    root: Path, config: "Config", reports: Sequence[RunnerReport], place: "Traversable"
) -> dict[str, str]:
    """Return the model the tests ran with: what they say, or the one that was there."""
    said = _agreed(reports, [report.model for report in reports], "model")
    if said is None and place is root:
        return models_anywhere(root, config)
    if said is None:
        return locked_model(place, root, config)
    wanted = said.rpartition("@")[2].lower()
    for weights in trained_models(root, config):
        if len(wanted) >= 6 and weights.sha256.startswith(wanted):
            return {weights.path: weights.sha256}
    names = ", ".join(report.name for report in reports)
    raise ConfigError(
        f"{names}: they say that they ran with model {said}, which no recorded "
        "training made. 'regml list models' shows those that are known."
    )


def _pytest_names(place: "Traversable", config: "Config") -> dict[tuple[str, str], str]:
    """Return the node id of each written test by class and name as JUnit has them."""
    names = {}
    for test in read_tests(place, config.sources.tests):
        path, _, inner = test.name.partition("::")
        *classes, function = inner.split("::")
        module = path.removesuffix(".py").replace("/", ".")
        names[".".join((module, *classes)), function] = test.name
    return names


def _case(
    test: ReportedTest, suite: str, names: Mapping[tuple[str, str], str]
) -> TestCase:
    """Return a test as a case; those of pytest under the name ``regml test`` gives."""
    function, bracket, parameters = test.name.partition("[")
    ours = names.get((test.group, function))
    full = f"{test.group}::{test.name}" if test.group else test.name
    return TestCase(
        name=f"{ours}{bracket}{parameters}" if ours else full,
        verifies=tuple(sorted(test.verifies)),
        outcome=test.outcome,
        seconds=test.seconds,
        message=test.message,
        suite="" if ours else suite,
    )


def _command(reports: Iterable[RunnerReport], options: ImportOptions) -> str:
    words = ["regml", "test", "import"]
    words += ["--suite", options.suite] if options.suite else []
    words += ["--commit", options.commit] if options.commit else []
    words += ["--complete"] if options.complete else []
    words += ["--again"] if options.again else []
    files = [f"{shlex.quote(r.name)} (sha256 {r.sha256})" for r in reports]
    return " ".join([shlex.join(words), *files])
