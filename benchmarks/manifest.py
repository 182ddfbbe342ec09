"""What opening and comparing dataset manifests costs, next to ``json.loads``.

``python -m benchmarks.manifest [FILES]``: FILES images and labels (100,000 where none
is named), two versions; the floor reads the same bytes with Python's own reader.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

from regml.files.manifest import parse_manifest
from regml.trace.dataset_diff import dataset_difference

T = TypeVar("T")

RUNS = 5


def main() -> None:
    """Print CPU seconds and ratios to the floor."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    before, after = manifest(files // 2, 0), manifest(files // 2, 1)
    print(f"{files} files, {len(before) / 1e6:.0f} MB of JSON per version")
    floor = show("json.loads", lambda: json.loads(before))
    show("open one version", lambda: parse_manifest(before, name="m"), floor)
    old, new = parse_manifest(before, name="m"), parse_manifest(after, name="m")
    show("compare two open ones", lambda: dataset_difference(old, new), floor)
    show("open two and compare", lambda: _both(before, after), floor)


def manifest(cases: int, version: int) -> bytes:
    """Return a manifest; version 1 has one case in a hundred labelled anew."""
    rows = [_case(number, version) for number in range(cases)]
    value = {"specification": "DS-01", "split_unit": "patient", "cases": rows}
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def show(name: str, work: Callable[[], T], floor: float | None = None) -> float:
    """Print the median of several runs; return it."""
    found = median(_seconds(work) for _ in range(RUNS))
    ratio = f"{found / floor:6.1f} x floor" if floor else ""
    print(f"{name:<30} {found:7.3f} CPU s {ratio}", flush=True)
    return found


def _both(before: bytes, after: bytes) -> None:
    dataset_difference(
        parse_manifest(before, name="m"), parse_manifest(after, name="m")
    )


def _seconds(work: Callable[[], T]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _case(number: int, version: int) -> dict[str, object]:
    name = f"HV-{number:06}"
    again = version and number % 100 == 0
    return {
        "case": name,
        "patient": f"P-{number // 2:06}",
        "study": f"1.2.826.{number}",
        "series": f"1.2.826.{number}.1",
        "site": f"S-{number % 7}",
        "vendor": "SIEMENS",
        "split": ("train", "tuning", "test")[number % 3],
        "image": f"data/dataset/images/{name}.nii.gz",
        "image_sha256": f"{number:064x}",
        "image_size_bytes": 1_000_000 + number,
        "label": f"data/dataset/labels/{name}.nii.gz",
        "label_sha256": f"{number + (1 << 200 if again else 1 << 100):064x}",
        "label_size_bytes": 10_000 + number,
        "sources": [f"{number + (1 << 150):064x}"],
        "annotators": ["R-1", f"R-{2 + number % 5}"],
        "sex": "F" if number % 2 else "M",
        "age_years": 20.0 + number % 70,
        "field_strength_t": 3.0,
        "voxels_sha256": f"{number + (1 << 180):064x}",
        "label_values": [1, 2],
        "same_grid": True,
        "agreement_dice": 0.9,
        "in_statistics": number % 3 == 0,
    }


if __name__ == "__main__":
    main()
