"""DVC stage ``import_annotations``: bring the readers' outlines to their images."""

import sys
from collections import Counter
from pathlib import Path

import regml
from regml.errors import RegmlError, UnknownIdError
from regml.files.markdown import read_items
from regml.imaging.annotations.stage import import_annotations
from regml.imaging.outputs import write_whole
from regml.imaging.params import ImportParams, load_params
from regml.items.data import AnnotationProtocol

SOURCE = Path("data/deidentified")
TARGET = Path("data/annotations")
REPORT = Path("reports/annotations.json")


def main() -> None:
    """Import all outlines and report how far the readers agree."""
    params = load_params("import_annotations", ImportParams)
    protocol = find_protocol(params.protocol)
    report = import_annotations(SOURCE, TARGET, protocol, params)
    write_whole(REPORT, report.to_json())
    sys.stderr.write(report.summary() + "\n")
    regml.note(
        "annotations",
        {
            "protocol": protocol.id,
            "protocol_fingerprint": report.protocol.fingerprint,
            "readers": [reader.reader for reader in report.readers],
            "cases": len(report.cases),
            "problems": Counter(problem.kind for problem in report.problems),
            "mean_dice": report.agreement.dice if report.agreement else {},
        },
    )


def find_protocol(protocol: str) -> AnnotationProtocol:
    """Return the annotation protocol with this id."""
    for located in read_items(Path("requirements_srs")):
        if located.item.id == protocol and isinstance(located.item, AnnotationProtocol):
            return located.item
    raise UnknownIdError(
        f"requirements_srs/data/{protocol}.md: there is no such annotation protocol; "
        "write it, or name another in params.yaml: import_annotations.protocol."
    )


if __name__ == "__main__":
    try:
        main()
    except RegmlError as error:
        sys.exit(f"import_annotations: {error}")
