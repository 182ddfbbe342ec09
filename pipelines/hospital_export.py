"""Make a hospital export to start from: invented patients, or a folder of volumes.

``python -m pipelines.hospital_export --source synthetic --out data/export``
"""

import argparse
import sys
from pathlib import Path

from regml.errors import RegmlError
from regml.imaging.exports import export_folder, export_synthetic


def main(source: str, out: Path, *, patients: int, seed: int, jobs: int) -> None:
    """Write an export to ``out`` and say what is in it."""
    if source == "synthetic":
        facts = export_synthetic(out, patients=patients, seed=seed, jobs=jobs)
    else:
        facts = export_folder(Path(source), out, seed=seed, jobs=jobs)
    for case, reason in facts.skipped.items():
        sys.stderr.write(f"skipped: {source}: case {case}: {reason}\n")
    sys.stderr.write(
        f"{out}: {facts.series} series of {facts.patients} patients, "
        f"{len(facts.skipped)} cases skipped\n"
    )


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source",
        default="synthetic",
        help="synthetic, or a folder with images/ and labels/",
    )
    parser.add_argument("--out", type=Path, default=Path("data/export"))
    parser.add_argument("--patients", type=int, default=24)
    parser.add_argument("--seed", type=int, default=20240501)
    parser.add_argument("--jobs", type=int, default=1, help="-1 for all cores")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(**vars(parse_arguments()))
    except RegmlError as error:
        sys.exit(f"hospital_export: {error}")
