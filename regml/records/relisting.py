"""Putting records back into a log that lost their lines.

``dvc exp apply``, ``git checkout`` and ``git stash`` bring back an older log, while the
records written since stay where they are. A record names the heads of the log before it
in what it signs, so that its line can be written again as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.digest import sha256_of
from regml.errors import RecordError
from regml.items.recorded import LogProblem, Record
from regml.records import statement as statements
from regml.records.environment_files import Resolver
from regml.records.keys import Signatory
from regml.records.log import Entry, as_line, locked, read_entries
from regml.records.log_problems import unlisted_paths
from regml.records.opening import Opener, read_record
from regml.records.storage import LOG, write_whole


@dataclass(frozen=True, slots=True)
class Relisted:
    """What became of the records that the log did not list.

    Attributes:
        back: Those it lists again, in their order.
        refused: Path of each other one, and why it stays out.
    """

    back: tuple[Record, ...]
    refused: tuple[tuple[str, str], ...]


def relist(root: Path, signers: Iterable[Signatory]) -> Relisted:
    """List again every record that a trusted key signed and that follows listed ones.

    No line is taken out or changed, and none is moved behind another.

    Args:
        root: The project.
        signers: Whose signatures count.

    Raises:
        RecordError: The log cannot be read or written.
    """
    opener = Opener(root, signers)
    back: list[Record] = []
    refused: dict[str, str] = {}
    with locked(root):
        entries = list(read_entries(root))
        waiting = list(_lost(root, entries, opener.environments, refused))
        while ready := [e for e in waiting if _follows(e, entries)]:
            for entry in ready:
                waiting.remove(entry)
                match opener.open(entry):
                    case LogProblem(message=message):
                        refused[entry.path] = message
                    case Record() as record:
                        entries.insert(_place(entry, entries), entry)
                        back.append(record)
        refused |= dict.fromkeys(
            (entry.path for entry in waiting), "it follows records that are not here"
        )
        if back:
            _write(root, entries)
    return Relisted(tuple(back), tuple(sorted(refused.items())))


def _lost(
    root: Path,
    entries: Iterable[Entry],
    environments: Resolver,
    refused: dict[str, str],
) -> list[Entry]:
    """Return the lines that records the log does not list had, in order of time."""
    found = []
    for path in unlisted_paths(root, {entry.path for entry in entries}):
        try:
            raw = (root / path).read_bytes()
            document = read_record(raw, name=path)[1]
            _, previous, _ = statements.read(document, environments, name=path)
        except (OSError, RecordError) as error:
            refused[path] = str(error).removeprefix(f"{path}: ")
        else:
            found.append(Entry(path, previous, sha256_of(raw)))
    return sorted(found, key=lambda entry: entry.path.rpartition("/")[2])


def _follows(entry: Entry, entries: Iterable[Entry]) -> bool:
    return set(entry.previous) <= {listed.sha256 for listed in entries}


def _place(entry: Entry, entries: Sequence[Entry]) -> int:
    """Return the place before the first line that follows an entry, or the end."""
    for index, listed in enumerate(entries):
        if entry.sha256 in listed.previous:
            return index
    return len(entries)


def _write(root: Path, entries: Iterable[Entry]) -> None:
    try:
        write_whole(root / LOG, b"".join(as_line(entry) for entry in entries))
    except OSError as error:
        raise RecordError(
            f"{LOG}: cannot be written ({error.strerror}). Make room or give yourself "
            "access to it."
        ) from error
