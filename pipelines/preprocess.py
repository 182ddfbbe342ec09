"""DVC stage ``preprocess``: one grid, one intensity scale, splits by patient."""

import sys
from pathlib import Path

import regml
from regml.errors import RegmlError
from regml.imaging.fingerprint import fingerprint_json
from regml.imaging.outputs import write_whole
from regml.imaging.params import PreprocessParams, load_params
from regml.imaging.preprocess import counts, manifest_json, preprocess

SOURCE = Path("data/deidentified")
ANNOTATIONS = Path("data/annotations")
TARGET = Path("data/dataset")
MANIFEST = Path("reports/dataset.json")
FINGERPRINT = Path("reports/fingerprint.json")


# regml: implements SRS-072
def main() -> None:
    """Build the dataset, its manifest and the fingerprint of its training cases."""
    params = load_params("preprocess", PreprocessParams)
    manifest, fingerprint = preprocess(SOURCE, ANNOTATIONS, TARGET, params)
    write_whole(MANIFEST, manifest_json(manifest))
    write_whole(FINGERPRINT, fingerprint_json(fingerprint))
    numbers = counts(manifest)
    sys.stderr.write(f"{numbers['cases']} cases, {len(manifest.excluded)} excluded\n")
    regml.note(
        "dataset",
        {
            "manifest": MANIFEST.as_posix(),
            "specification": manifest.specification,
            **numbers,
        },
    )


if __name__ == "__main__":
    try:
        main()
    except RegmlError as error:
        sys.exit(f"preprocess: {error}")
