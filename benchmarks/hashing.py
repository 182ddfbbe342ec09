"""What recording large data costs, next to ``sha256sum`` and to other tools.

``python -m benchmarks.hashing [--folder FOLDER] [--files 10000] [--bytes 500000000]
[--large-bytes 4000000000] [--runs 3]``

Random data, made once below FOLDER (the system's folder for temporary files where none
is named) and removed at the end: many small files, and one large file. Each tool reads
the same bytes through hard links, in the same run. The floor is ``sha256sum``, started
by ``xargs``. Whole processes are counted; a peak of memory below that of the benchmark
itself, which is printed, cannot be seen.

- Python alone reads and digests the bytes in one process: ``hashlib`` may use
  instructions of the processor that ``sha256sum`` does not know.
- ``regml record`` takes sha256 and DVC's md5 of each byte, once as input of a stage
  that runs ``true``, once as its output; with start, git, environment and signature.
- ``dvc add --no-commit`` takes the md5; ``dvc add`` also moves the bytes into its cache
  and links them back. Its database is empty each time.
- ``model_signing sign key`` takes the sha256 and signs. It is looked for on ``PATH`` or
  at ``$MODEL_SIGNING``; ``pip install model-signing pyOpenSSL`` brings it.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import MAXRSS_PER_MEGABYTE, Figures, measure, on_path, show
from regml.starter import start_project

PIECE_BYTES = 1 << 20
PER_FOLDER = 100
SPARE = 1.1
"""How much more room is asked for than the data take."""

HASHLIB = """\
import hashlib, os, sys
names = sys.argv[2].split(",")
place = sys.argv[1]
files = [os.path.join(base, name) for base, _, all_ in os.walk(place) for name in all_]
for path in files or [place]:
    digests = [hashlib.new(name, usedforsecurity=False) for name in names]
    with open(path, "rb", buffering=0) as stream:
        while piece := stream.read(1 << 20):
            for digest in digests:
                digest.update(piece)
    [digest.hexdigest() for digest in digests]
"""
STAGES = """\
stages:
  writes:
    cmd: regml record -- true
    outs: [data]
  reads:
    cmd: regml record -- true
    deps: [data]
"""


def main() -> None:
    """Print one block of figures for many files and one for a large file."""
    options = arguments()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        place = Path(folder)
        demand_room(place, options.bytes + options.large_bytes)
        os.environ["HOME"] = folder  # keys and settings that nobody keeps
        print(f"-- {options.files:,} files, {options.bytes:,} bytes", flush=True)
        compare(write_files(place, options.files, options.bytes), options.runs)
        print(f"-- one file, {options.large_bytes:,} bytes", flush=True)
        compare(write_file(place / "large", options.large_bytes), options.runs)
    show_own_peak()


def show_own_peak() -> None:
    """Print the peak of memory of this process, which each started one begins with."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak of the benchmark itself: {peak / MAXRSS_PER_MEGABYTE:.0f} MB")


def arguments() -> argparse.Namespace:
    """Return what was asked for.

    Raises:
        SystemExit: A number is too small.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the data are made")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=500_000_000)
    parser.add_argument("--large-bytes", type=int, default=4_000_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if min(options.files, options.large_bytes, options.runs) < 1:
        parser.error("--files, --large-bytes and --runs have to be at least 1.")
    if options.bytes < options.files:
        parser.error("--bytes has to be at least --files: one byte for each.")
    return options


def demand_room(place: Path, size: int) -> None:
    """Check that the data fit.

    Raises:
        SystemExit: They do not; says how much is missing.
    """
    needed, free = int(SPARE * size), shutil.disk_usage(place).free
    if free < needed:
        sys.exit(
            f"{place.parent}: {needed:,} bytes are needed and {free:,} are free. "
            "Name another folder with --folder, or less data with --files, --bytes "
            "and --large-bytes."
        )


def write_files(place: Path, files: int, size: int) -> Path:
    """Write files of random bytes into folders of 100; return the folder of all."""
    top = place / "small"
    for number in range(files):
        path = top / f"{number // PER_FOLDER:04}" / f"{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size // files + (number < size % files)))
    return top


def write_file(path: Path, size: int) -> Path:
    """Write one file of random bytes; return it."""
    with path.open("wb") as stream:
        for start in range(0, size, PIECE_BYTES):
            stream.write(os.urandom(min(PIECE_BYTES, size - start)))
    return path


def compare(data: Path, runs: int) -> None:
    """Print the figures of each tool for one file or folder."""
    place = data.parent

    def repeat(command: list[str], fresh: Callable[[], Path]) -> Figures:
        found = []
        for _ in range(runs):
            folder = fresh()
            found.append(
                measure(command, folder=folder, runs=1, warm_up=False, accepted={0})
            )
            if folder != place:
                shutil.rmtree(folder)
        return medians(found)

    def here() -> Path:
        return place

    names = ["bash", "-c", f"find {data.name} -type f -print0 | xargs -0 sha256sum"]
    measure(names, folder=place, runs=1, warm_up=False)  # whoever comes first reads
    floor = repeat(names, here)
    show("floor: sha256sum", floor, floor)
    for digests in ("sha256", "sha256,md5"):
        command = [sys.executable, "-c", HASHLIB, data.name, digests]
        show(f"one process of Python: {digests}", repeat(command, here), floor)
    for stage, role in (("reads", "input"), ("writes", "output")):
        record = [on_path("regml"), "record", "--stage", stage, "--", "true"]
        show(f"regml record, as {role}", repeat(record, lambda: project(data)), floor)
    for add in (["add", "-q", "--no-commit"], ["add", "-q"]):
        command = [on_path("dvc"), *add, "data"]
        name = " ".join(["dvc", *(word for word in add if word != "-q")])
        show(name, repeat(command, lambda: dvc_folder(data)), floor)
    if tool := os.environ.get("MODEL_SIGNING") or shutil.which("model_signing"):
        key, signature = private_key(place), place / "model.sig"
        sign = [tool, "sign", "key", "--private_key", str(key)]
        sign += ["--signature", str(signature), data.name]
        show("model_signing sign key", repeat(sign, here), floor)
    else:
        print("model_signing: not installed")


def medians(found: list[Figures]) -> Figures:
    """Return the medians of several runs, and the largest peak of memory."""
    return Figures(
        statistics.median(one.cpu_seconds for one in found),
        statistics.median(one.wall_seconds for one in found),
        max(one.peak_megabytes for one in found),
    )


def project(data: Path) -> Path:
    """Start a project of regml with a stage that reads the data, one that writes it."""
    root = start_project(Path(tempfile.mkdtemp(dir=data.parent))).root
    (root / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    with (root / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("/data\n")
    git = ["git", "-C", str(root), "commit", "-qam", "Only two stages"]
    subprocess.run(git, check=True)
    link(data, root / "data")
    return root


def dvc_folder(data: Path) -> Path:
    """Make a folder of DVC with an empty database, which links instead of copying."""
    folder = Path(tempfile.mkdtemp(dir=data.parent))
    for command in (
        ["init", "-q", "--no-scm"],
        ["config", "core.analytics", "false"],
        ["config", "core.site_cache_dir", str(folder / ".dvc/site")],
        ["config", "cache.type", "hardlink"],
    ):
        subprocess.run([on_path("dvc"), *command], cwd=folder, check=True)
    link(data, folder / "data")
    return folder


def link(data: Path, target: Path) -> None:
    """Give a file or folder a second name, so that nothing is copied."""
    if data.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(data, target, copy_function=os.link)
    else:
        target.unlink(missing_ok=True)
        target.hardlink_to(data)


def private_key(place: Path) -> Path:
    """Return a key that model_signing can read."""
    path = place / "key.pem"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]
    subprocess.run([*command, "-out", str(path)], check=True)
    return path


if __name__ == "__main__":
    main()
