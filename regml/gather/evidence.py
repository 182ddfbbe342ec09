"""All readers, each called once: what a project holds, as evidence."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from regml.errors import ConfigError
from regml.files.built import read_built
from regml.files.config import read_config, read_policy
from regml.files.documents import read_documents
from regml.files.dvc import read_lock, read_stages
from regml.files.git import code_digest, files_below
from regml.files.lock import read_lock_file, read_markers
from regml.files.manifest import read_manifest
from regml.files.markdown import read_items
from regml.files.model_card import read_card
from regml.files.python_tests import read_tests
from regml.files.scores import read_case_scores
from regml.files.source_comments import read_comments
from regml.files.text import read_text
from regml.files.tree_state import dirt
from regml.files.vulnerabilities import read_vulnerabilities
from regml.gather.look import Look
from regml.items.data import DatasetManifest
from regml.items.recorded import LogProblem, ProblemKind, Record, StageRun
from regml.records.log import read_log
from regml.records.storage import LOG
from regml.trace.evidence import Evidence, Surroundings

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from regml.standards.catalogue import Catalogue


def gather(look: Look) -> Evidence:
    """Read everything there is, without the project's own checks.

    Raises:
        RegmlError: A file cannot be read as what it should be.
    """
    files, names = look.files, look.names
    config = read_config(files)
    stages, lock = read_stages(files), read_lock(files)
    log = read_log(files, config.signers)
    controlled = [*config.sources.software, *config.sources.tests]
    small = [out.path for stage in stages for out in stage.outs if not out.cache]
    comments = read_comments(files, files_below(names, config.sources.software))
    manifests = _manifests(files, log.records)
    scores = _present(files, _noted(log.records, "evaluation", "per_case"))
    cards = _present(files, _noted(log.records, "model", "card"))
    evidence = Evidence(
        config=config,
        policy=read_policy(files),
        items=read_items(files),
        documents=read_documents(files),
        catalogues=_catalogues(files),
        built=read_built(
            files, config.dhf.folder, kept="folder" in config.dhf.model_fields_set
        ),
        vulnerabilities=read_vulnerabilities(files),
        stages=stages,
        lock=lock,
        records=log.records,
        log_problems=(*log.problems, *_ignored(look, log.records)),
        log_heads=log.heads,
        commit=look.commit,
        dirty=dirt(look.changed, (out.path for stage in stages for out in stage.outs)),
        code=code_digest(files, controlled, names, look.pointers),
        tree=names,
        pointers=frozenset(look.pointers),
        packages=read_lock_file(files, config.sources.lock),
        markers=read_markers(files, config.sources.lock),
        tests=read_tests(files, _python(names, config.sources.tests)),
        implements=comments.marks,
        unread_sources=comments.unread,
        manifests=manifests,
        scores={
            name: read_case_scores(read_text(files / name, name=name))
            for name in scores
        },
        cards={name: read_card(files, name) for name in cards},
        workspace=look.digests(dict.fromkeys((*small, *manifests, *scores, *cards))),
        today=_today(),
    )
    around = cache(partial(_look_around, look, evidence))
    return replace(evidence, look_around=around)


def _look_around(look: Look, evidence: Evidence) -> Surroundings:
    from regml.gather.surroundings import surroundings  # its readers are many

    return surroundings(look, evidence)


def _ignored(look: Look, records: Iterable[Record]) -> Iterator[LogProblem]:
    """Say which files of the evidence no commit will hold."""
    paths = {path for record in records for path in (record.path, record.environment)}
    for path in sorted(({LOG, *paths} if paths else set()) - look.names):
        yield LogProblem(
            ProblemKind.IGNORED,
            path,
            "it is here, but git leaves it out: a clone lacks this evidence",
        )


def _today() -> dt.date:
    """Return the day in UTC, or that of ``SOURCE_DATE_EPOCH`` for repeatable builds.

    Raises:
        ConfigError: The variable is no number of seconds.
    """
    named = os.environ.get("SOURCE_DATE_EPOCH")
    if not named:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.datetime.fromtimestamp(int(named), dt.UTC).date()
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is {named!r}, which is no number of seconds since "
            "1970. Correct it or unset it."
        ) from error


def _catalogues(files: "Traversable") -> "tuple[Catalogue, ...]":
    """Return the project's own clause catalogues; most projects have none."""
    if not (files / "standards").is_dir():
        return ()
    from regml.files.catalogues import read_catalogues

    return read_catalogues(files)


def _manifests(
    root: "Traversable", records: Iterable[Record]
) -> dict[str, DatasetManifest]:
    names = _present(root, _noted(records, "dataset", "manifest"))
    return {name: read_manifest(root, name) for name in names}


def _present(root: "Traversable", names: Iterable[str]) -> list[str]:
    """Return those of some files that are there, whether git or DVC keeps them."""
    return [name for name in names if (root / name).is_file()]


def _noted(records: Iterable[Record], topic: str, key: str) -> Iterator[str]:
    """Give each path that a run noted under a topic, once."""
    seen = set()
    for record in records:
        if isinstance(record.statement, StageRun):
            facts = record.statement.notes.get(topic, {})
            if isinstance(name := facts.get(key), str) and name not in seen:
                seen.add(name)
                yield name


def _python(tree: Iterable[str], places: Iterable[str]) -> list[str]:
    return [name for name in files_below(tree, places) if name.endswith(".py")]
