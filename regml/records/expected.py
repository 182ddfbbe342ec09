"""What should lie on disk, by what the records of runs say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from regml.digest import Artifact
from regml.files.dvc import Stage, imported_paths
from regml.files.git import Listing, files_below, lies_in
from regml.items.recorded import Record, StageRun


@dataclass(frozen=True, slots=True)
class Maker:
    """The recorded run that a file belongs to."""

    stage: str
    record: str

    def __str__(self) -> str:
        return f"the recorded run of {self.stage} (record {self.record})"


def expected_outputs(
    records: Sequence[Record],
    explanations: Mapping[str, Record | None],
    stages: Iterable[Stage],
) -> dict[Artifact, Maker]:
    """Return what should be on disk, with its stage.

    Of a locked stage that is what the explaining run made; of another stage what its
    latest run left. What a stage made that has another name now is told by that one.
    """
    runs: dict[str, Record] = {}
    for record in records:
        if isinstance(record.statement, StageRun):
            runs[record.statement.stage] = record
    runs |= {stage: record for stage, record in explanations.items() if record}
    declared = {
        out.path: stage.name
        for stage in stages
        if stage.name in runs
        for out in stage.outs
    }
    return {
        artifact: Maker(stage, record.id)
        for stage, record in sorted(runs.items())
        if isinstance(record.statement, StageRun)
        for artifact in record.statement.outputs
        if declared.get(artifact.path, stage) == stage
    }


def expected_inputs(
    root: Path,
    explanations: Mapping[str, Record | None],
    made: Iterable[Artifact],
    listing: Listing,
) -> dict[Artifact, Maker]:
    """Return what the explaining runs read, no stage made, and git does not hold."""
    imported = imported_paths(root, listing.tracked | listing.untracked)
    outputs = {artifact.path for artifact in made}

    def is_held(path: str) -> bool:
        """Tell whether git holds all of it, or it is looked at as an output."""
        if lies_in(path, outputs) or path in listing.tracked:
            return True
        if any(lies_in(place, {path}) for place in (*imported, *outputs)):
            return False
        return bool(files_below(listing.tracked, [path]))

    return {
        artifact: Maker(stage, record.id)
        for stage, record in sorted(explanations.items())
        if record and isinstance(record.statement, StageRun)
        for artifact in record.statement.inputs
        if not is_held(artifact.path) and (root / artifact.path).exists()
    }
