"""Running the tests of the device and leaving a signed record of every case."""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regml.digest import Artifact, digest_path
from regml.errors import ConfigError, RecordError
from regml.files.dvc import read_lock, read_stages
from regml.items.recorded import Outcome, Record, StageRun, TestCase, TestRun
from regml.records.keys import personal_key
from regml.records.log import append, read_log, utc_now
from regml.records.origin import observe
from regml.records.process import environment_of_others

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.items.config import Config

TEST_FOLDER = "tests/device"
"""Where the tests of the device lie when ``regml.toml`` does not say."""

PLUGIN = ("-p", "no:regml", "-p", "regml.pytest_plugin")
"""Our plugin by its module, also where it is not installed as an entry point."""

NEEDLESS = ("-p", "no:hydra_pytest")
"""A plugin that comes with DVC, takes seconds to load, and helps no device test."""

HARMLESS: Final = re.compile(
    r"-[qvs]+|-n|\d+|auto|-p|xdist|no:\w+|--(tb|color|durations|junit-?xml)=.+"
)
"""Arguments for pytest that leave no test out."""

PYTEST_ALL_PASSED, PYTEST_SOME_FAILED, PYTEST_NOTHING = 0, 1, 5


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a test run.

    Attributes:
        record: The signed record.
        failed: How many tests failed.
        unknown: Ids that tests name and no item has.
    """

    record: Record
    failed: int
    unknown: tuple[str, ...]


def run_device_tests(root: Path, arguments: Sequence[str]) -> Tested:
    """Run pytest on the tests of the device and record every case.

    Args:
        root: The project.
        arguments: For pytest; a path among them takes the place of all tests.

    Raises:
        ConfigError: There are no tests, or pytest could not run them.
        RegmlError: The project cannot be read or the record not be written.
    """
    from regml.files.config import read_config
    from regml.files.markdown import read_items

    key = personal_key()
    config = read_config(root)
    origin = observe(root, started_utc=utc_now(), stages=read_stages(root))
    fingerprints = {
        located.item.id: located.item.fingerprint() for located in read_items(root)
    }
    models = models_now(root, config)
    paths = _paths(root, config.sources.tests, arguments)
    cases, every = _run_pytest(root, paths, arguments)
    verified = {item_id for case in cases for item_id in case.verifies}
    run = TestRun(
        origin=origin,
        command=shlex.join(
            ["regml", "test", *(["--", *arguments] if arguments else [])]
        ),
        cases=cases,
        fingerprints={
            item_id: fingerprints[item_id]
            for item_id in sorted(verified & set(fingerprints))
        },
        models=models,
        complete=every and all(HARMLESS.fullmatch(word) for word in arguments),
    )
    return Tested(
        record=append(root, run, key),
        failed=sum(case.outcome is Outcome.FAILED for case in cases),
        unknown=tuple(sorted(verified - set(fingerprints))),
    )


def _run_pytest(
    root: Path, paths: Iterable[str], arguments: Sequence[str]
) -> tuple[tuple[TestCase, ...], bool]:
    """Return every case, and whether pytest left no test out."""
    with tempfile.TemporaryDirectory(prefix="regml-") as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "pytest", *PLUGIN, *NEEDLESS]
        command += [f"--rootdir={root}", f"--regml-results={results}"]
        command += [*paths, *arguments]
        status = subprocess.run(
            command, cwd=root, env=environment_of_others(), check=False
        ).returncode
        if status == PYTEST_NOTHING:
            raise ConfigError(
                "pytest found no test. Name folders with tests under [sources] tests "
                "of regml.toml."
            )
        if status not in {PYTEST_ALL_PASSED, PYTEST_SOME_FAILED}:
            raise ConfigError(
                f"pytest could not run the tests (exit status {status}), so nothing "
                "was recorded. Mend what it says above."
            )
        return _read_results(results)


def _read_results(path: Path) -> tuple[tuple[TestCase, ...], bool]:
    try:
        found = json.loads(path.read_bytes())
        rows, unread, every = found["cases"], found["unread"], found["complete"]
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(
            f"{path}: pytest left no results ({error}). "
            "Make room in the folder for temporary files, then run it again."
        ) from error
    if unread:
        raise ConfigError(
            f"pytest could not read the tests of {', '.join(unread)}, so nothing was "
            "recorded. Mend what it says above."
        )
    if not rows:
        raise ConfigError(
            "pytest was not asked to run a test, so nothing was recorded. What only "
            "lists tests is for pytest itself."
        )
    cases = tuple(
        TestCase(
            name=row["name"],
            verifies=tuple(row["verifies"]),
            outcome=Outcome(row["outcome"]),
            seconds=row["seconds"],
            message=row["message"],
        )
        for row in rows
    )
    return cases, every


def _paths(
    root: Path, configured: Sequence[str], arguments: Sequence[str]
) -> tuple[str, ...]:
    """Return the test folders, unless the arguments name what to run."""
    if any((root / argument.split("::")[0]).exists() for argument in arguments):
        return ()
    paths = tuple(configured) or (TEST_FOLDER,)
    for path in paths:
        if not (root / path).exists():
            raise ConfigError(
                f"{path}: no such folder with tests. "
                "Correct 'tests' under [sources] of regml.toml."
            )
    return paths


def models_now(root: Path, config: "Config") -> dict[str, str]:
    """Return the digest of the weights that the latest passed training made.

    Empty where they are not on this machine: nothing can have used them.
    """
    for weights in _noted_weights(root, config):
        if (root / weights).exists():
            return {weights: digest_path(root / weights, name=weights).sha256}
    return {}


def models_tried(root: Path, config: "Config") -> dict[str, str]:
    """Return the same for a person who tries the device out; empty without any model.

    Raises:
        ConfigError: A model was trained and is not on this machine.
    """
    models = models_now(root, config)
    latest = next(_noted_weights(root, config), None)
    if latest and not models:
        raise ConfigError(
            f"{latest}: the model is not here, so nobody could tell later with which "
            "one the protocol was carried out. Bring it with 'dvc pull'."
        )
    return models


def _noted_weights(root: Path, config: "Config") -> Iterator[str]:
    """Give where passed trainings wrote their weights, the latest first."""
    for record in reversed(read_log(root, config.signers).records):
        run = record.statement
        if isinstance(run, StageRun) and run.outcome is Outcome.PASSED:
            weights = run.notes.get("model", {}).get("weights")
            if isinstance(weights, str):
                yield weights


def models_anywhere(root: Path, config: "Config") -> dict[str, str]:
    """Return the present model, also where its weights are not on this machine.

    For tests that ran elsewhere and whose results are only brought here.

    Raises:
        ConfigError: Nobody can tell which model that is.
    """
    return models_now(root, config) or locked_model(root, root, config)


def locked_model(place: "Traversable", root: Path, config: "Config") -> dict[str, str]:
    """Return the model that ``dvc.lock`` names; empty without any.

    Args:
        place: The project, in the work tree or at a revision.
        root: Its folder, where the records are.
        config: Its configuration.

    Raises:
        ConfigError: It names one that no recorded training made.
    """
    locked: dict[str, str] = {}
    for stage in read_lock(place):
        locked |= stage.outs
    trained = trained_models(root, config)
    for weights in trained:
        if locked.get(weights.path) == weights.md5:
            return {weights.path: weights.sha256}
    if unknown := sorted(locked.keys() & {weights.path for weights in trained}):
        raise ConfigError(
            f"dvc.lock has a {unknown[0]} that no recorded training made, so nobody "
            "can tell for which model these results are. Get the record of its "
            "training, or the weights with 'dvc pull'; a report can name its model by "
            "a property 'model', see 'regml list models'."
        )
    return {}


def trained_models(root: Path, config: "Config") -> list[Artifact]:
    """Return the weights that recorded trainings made, newest first."""
    runs = (r.statement for r in reversed(read_log(root, config.signers).records))
    return [
        out
        for run in runs
        if isinstance(run, StageRun)
        for out in run.outputs
        if out.path == run.notes.get("model", {}).get("weights")
    ]
