"""What opening and comparing dataset manifests costs, next to ``json.loads``.

``python -m benchmarks.manifest [FILES]``: FILES images and labels (100,000 where none
is named), two versions. First ``regml diff dataset@A dataset@B`` as a whole process, in
a project that recorded both, next to a Python that starts and reads both with
``json.loads``. Then the parts, next to ``json.loads`` of one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from multiprocessing import Process
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.measure import measure, on_path
from benchmarks.measure import show as show_process
from regml.digest import digest_file
from regml.files.manifest import parse_manifest
from regml.starter import start_project
from regml.trace.dataset_diff import dataset_difference

T = TypeVar("T")

RUNS = 5
MANIFEST = "data/dataset/manifest.json"
PIPELINE = f"""\
stages:
  preprocess:
    cmd: regml record -- python make.py
    deps: [make.py]
    outs:
      - {MANIFEST}: {{cache: false}}
"""
STAGE = """\
import os
import shutil

import regml

os.makedirs("data/dataset", exist_ok=True)
shutil.copy({source!r}, {manifest!r})
regml.note("dataset", dict(manifest={manifest!r}))
"""
LOADS = """\
import json, sys
for name in sys.argv[1:]:
    with open(name, "rb") as stream:
        json.loads(stream.read())
"""


def main() -> None:
    """Print CPU seconds and ratios to the floor."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder  # keys that nobody keeps
        files = (Path(folder) / "before.json", Path(folder) / "after.json")
        # in another process: the peak of this one shows in all that it starts
        writer = Process(target=write, args=(files, count // 2))
        writer.start()
        writer.join()
        size = files[0].stat().st_size
        print(f"{count} files, {size / 1e6:.0f} MB of JSON per version", flush=True)
        show_command_line(recorded(Path(folder) / "project", files), files)
        show_readers(files[0].read_bytes(), files[1].read_bytes())


def show_command_line(project: Path, files: tuple[Path, Path]) -> None:
    """Print the figures of whole processes."""
    loads = [sys.executable, "-c", LOADS, *map(str, files)]
    floor = measure(loads, folder=project, runs=RUNS)
    show_process("Python starts and reads both", floor, floor)
    names = [f"dataset@{digest_file(file, name='').sha256[:12]}" for file in files]
    diff = [on_path("regml"), "diff", *names]
    figures = measure(diff, folder=project, runs=RUNS, accepted={0})
    show_process("regml diff dataset@A dataset@B", figures, floor)


def show_readers(before: bytes, after: bytes) -> None:
    """Print the figures of the parts, without start and without git."""
    floor = show("json.loads", lambda: json.loads(before))
    show("open one version", lambda: parse_manifest(before, name="m"), floor)
    old, new = parse_manifest(before, name="m"), parse_manifest(after, name="m")
    show("compare two open ones", lambda: dataset_difference(old, new), floor)
    show("open two and compare", lambda: _both(before, after), floor)


def write(files: tuple[Path, Path], cases: int) -> None:
    """Write two versions of a manifest."""
    for version, file in enumerate(files):
        file.write_bytes(manifest(cases, version))


def recorded(folder: Path, files: Iterable[Path]) -> Path:
    """Make a project that recorded a run and a commit for each of some manifests."""
    root = start_project(folder).root
    (root / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    record = [on_path("regml"), "record", "--stage", "preprocess", "--"]
    for file in files:
        code = STAGE.format(source=str(file), manifest=MANIFEST)
        (root / "make.py").write_text(code, encoding="utf-8")
        commit(root, "Another stage")
        subprocess.run([*record, sys.executable, "make.py"], cwd=root, check=True)
        commit(root, "Another dataset")
    return root


def commit(root: Path, subject: str) -> None:
    """Commit all that is there, and the manifest."""
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "add", "-A"], check=True)
    if (root / MANIFEST).exists():
        subprocess.run([*git, "add", "-f", MANIFEST], check=True)
    subprocess.run([*git, "commit", "-qm", subject], check=True)


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
