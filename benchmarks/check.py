"""What a check costs as a project grows, next to a floor and to other tools.

``python -m benchmarks.check [SIZE ...] [--peers FOLDER --tools VENV] [--runs 3]``

SIZE is a number of items. FOLDER holds ``gen.py``, which writes one synthetic project
in the forms of other tools; VENV is an environment that has those tools.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.items import write_project
from benchmarks.measure import Figures, measure, on_path, show

LEVELS = ("SYS", "SRS", "TST")
TRACE = """\
requirements "SYS" {
 source: "SYS.lobster";
}
requirements "SRS" {
 source: "SRS.lobster";
 trace to: "SYS";
}
requirements "TST" {
 source: "TST.lobster";
 trace to: "SRS";
}
"""


def main() -> None:
    """Print one block of figures per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 5000])
    parser.add_argument("--peers", type=Path, help="folder with gen.py")
    parser.add_argument("--tools", type=Path, help="environment with the other tools")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    for size in arguments.sizes:
        print(f"-- {size:,} items")
        with tempfile.TemporaryDirectory() as folder:
            floor = ours(Path(folder), size, arguments.runs)
            if arguments.peers:
                peers = (arguments.peers.resolve(), arguments.tools.resolve())
                theirs(Path(folder), size, *peers, floor=floor)


def ours(folder: Path, size: int, runs: int) -> Figures:
    """Measure the floor and regml; return the floor."""
    project = folder / "regml"
    project.mkdir()
    write_project(project, size)
    reader = Path(__file__).with_name("bare_reader.py")
    bare = [sys.executable, str(reader), str(project)]
    floor = measure(bare, folder=project, runs=runs)
    show("floor: bare reader", floor, floor)
    check = [on_path("regml"), "check"]
    for name, command in {
        "regml check": check,
        "regml check --at HEAD": [*check, "--at", "HEAD"],
        "regml show SRS-000012": [on_path("regml"), "show", "SRS-000012"],
    }.items():
        show(name, measure(command, folder=project, runs=runs), floor)
        again = measure(command, folder=project, runs=runs, remember=True)
        show(f"{name}, again", again, floor)
    return floor


def theirs(
    folder: Path, size: int, generator: Path, tools: Path, *, floor: Figures
) -> None:
    """Measure the check of each other tool, once after a run that fills its caches."""
    for name, steps in peer_commands(folder, size, generator, tools):
        found = [measure(step, folder=folder / name, runs=1) for step in steps]
        total = Figures(
            sum(one.cpu_seconds for one in found),
            sum(one.wall_seconds for one in found),
            max(one.peak_megabytes for one in found),
        )
        show(name, total, floor)


def peer_commands(
    folder: Path, size: int, generator: Path, tools: Path
) -> Iterator[tuple[str, list[list[str]]]]:
    """Give each tool with the commands that make up its check, on a fresh project."""

    def tool(name: str) -> str:
        return str(tools / "bin" / name)

    def generate(form: str) -> Path:
        command = [tool("python"), str(generator / "gen.py"), form, str(size)]
        subprocess.run([*command, str(folder / form)], check=True, capture_output=True)
        return folder / form

    generate("neutral")
    yield "neutral", [[tool("python"), str(generator / "proto.py"), "."]]
    place = generate("trlc")
    rules = (place / "lobster-trlc.yaml").read_text()
    head, *converted = rules.split("- package")
    for level, rule in zip(LEVELS, converted, strict=True):
        (place / f"{level}.yaml").write_text(f"{head}- package{rule}")
    (place / "lobster.conf").write_text(TRACE)
    yield (
        "trlc",
        [
            [tool("trlc"), "."],
            *(
                [tool("lobster-trlc"), "--config", f"{k}.yaml", "--out", f"{k}.lobster"]
                for k in LEVELS
            ),
            [tool("lobster-report"), "--lobster-config", "lobster.conf"],
        ],
    )
    generate("sphinxneeds")
    sphinx = [tool("sphinx-build"), "-q", "-E", "-b", "needs", ".", "../needs"]
    yield "sphinxneeds", [sphinx]
    generate("strictdoc")
    export = ["export", ".", "--formats=json", "--no-parallelization"]
    out = ["--output-dir", "../strictdoc-out"]
    yield "strictdoc", [[tool("strictdoc"), *export, *out]]
    place = generate("doorstop")
    for command in (["review", "all"], ["clear", "all"]):
        subprocess.run(
            [tool("doorstop"), *command], cwd=place, check=False, capture_output=True
        )
    yield "doorstop", [[tool("doorstop"), "-F"]]


if __name__ == "__main__":
    main()
