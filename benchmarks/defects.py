"""Eight seeded defects: who finds them with default settings, side by side in one run.

``python -m benchmarks.defects [--peers FOLDER --tools VENV]``

regml's project is the worked example with one approval; a defect counts as found when
``regml check`` exits 1 and a finding that was not there before names what was broken.
FOLDER holds ``defects.py`` and ``gen.py``, which break a project of 50 items in the
forms of other tools; there a defect counts as found when the tool exits with another
status than on the unbroken project. VENV is an environment that has those tools.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.measure import on_path

SOFTWARE = "requirements_srs/software"


def main() -> None:
    """Print a row per defect and a column per tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="folder with defects.py")
    parser.add_argument("--tools", type=Path, help="environment with the other tools")
    arguments = parser.parse_args()
    found: dict[str, dict[str, bool]] = {"regml": ours()}
    if arguments.peers:
        found |= theirs(arguments.peers.resolve(), arguments.tools.resolve())
    names = list(found)
    print(f"{'defect':<24}" + "".join(f"{name:>14}" for name in names))
    for defect in DEFECTS:
        cells = ("found" if found[name].get(defect) else "-" for name in names)
        print(f"{defect:<24}" + "".join(f"{cell:>14}" for cell in cells))
    totals = (f"{sum(found[name].values())} of {len(DEFECTS)}" for name in names)
    print(f"{'together':<24}" + "".join(f"{total:>14}" for total in totals))


def ours() -> dict[str, bool]:
    """Break the worked example eight times and ask regml each time."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = {**os.environ, "XDG_CONFIG_HOME": str(place / "config")}
        root = place / "project"
        regml = on_path("regml")

        def run(*command: str, accept: tuple[int, ...] = (0,)) -> str:
            done = subprocess.run(
                command,
                cwd=root if root.exists() else place,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode not in accept:
                raise SystemExit(f"{command}: {done.stderr}")
            return done.stdout

        run(regml, "init", str(root))
        run(regml, "approve", "SRS-008", "--meaning", "approval", "--role", "quality")
        run("git", "add", "-A")
        run("git", "commit", "-q", "-m", "Approve a requirement")
        before = _findings(run(regml, "check", "--format", "json", accept=(1,)))
        result = {}
        for name, (break_it, word) in DEFECTS.items():
            break_it(root)
            after = _findings(run(regml, "check", "--format", "json", accept=(1,)))
            result[name] = any(word in finding for finding in after - before)
            run("git", "checkout", "-q", "--", ".")
            run("git", "clean", "-fdq")
        return result


def theirs(generator: Path, tools: Path) -> dict[str, dict[str, bool]]:
    """Run the probe of the other tools in a temporary copy."""
    with tempfile.TemporaryDirectory() as folder:
        for path in generator.glob("*.py"):
            shutil.copy(path, folder)
        Path(folder, "venv").symlink_to(tools)
        subprocess.run(
            [str(tools / "bin/python"), "defects.py"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        rows = [
            json.loads(line)
            for line in Path(folder, "defects.jsonl").read_text().splitlines()
        ]
    clean = {row["tool"]: row["rc"] for row in rows if row["defect"] == "clean"}
    found: dict[str, dict[str, bool]] = {tool: {} for tool in clean}
    for row in rows:
        if row["defect"] in DEFECTS:
            found[row["tool"]][row["defect"]] = row["rc"] != clean[row["tool"]]
    return found


def _findings(text: str) -> set[str]:
    """Return each finding as one text, without the line it stands on."""
    return {
        f"{found['rule']} {found['subject']}: {found['message']}"
        for outcome in json.loads(text)
        for found in outcome["findings"]
    }


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise SystemExit(f"{name}: holds no {old!r}")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _write(name: str, text: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / name).write_text(text, encoding="utf-8")

    return write


def _copy(source: str, target: str) -> Callable[[Path], None]:
    def copy(root: Path) -> None:
        shutil.copy(root / source, root / target)

    return copy


UNTESTED = """\
---
title: Nobody tests this
category: functional
refines: [UN-01]
---
The software shall do something that nobody tests.
"""

CIRCLE = """\
---
title: Round and round
category: functional
refines: [SRS-901]
---
The software shall refine itself.
"""

DEFECTS: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "dangling_link": (
        _replace(f"{SOFTWARE}/SRS-008.md", "refines: [", "refines: [UN-99, "),
        "UN-99",
    ),
    "uncovered_req": (_write(f"{SOFTWARE}/SRS-900.md", UNTESTED), "T03 SRS-900"),
    "orphan_test": (
        _write("tests/device/test_orphan.py", "def test_nothing() -> None: ...\n"),
        "test_orphan.py",
    ),
    "cycle": (_write(f"{SOFTWARE}/SRS-901.md", CIRCLE), "T10 SRS-901"),
    "duplicate_id": (
        _copy(f"{SOFTWARE}/SRS-004.md", "requirements_srs/data/SRS-004.md"),
        "T08 SRS-004",
    ),
    "level_skip_link": (
        _replace("design/SW-01.md", "implements: [", "implements: [UN-01, "),
        "T11 SW-01",
    ),
    "parent_text_changed": (
        _replace("requirements_srs/needs/UN-01.md", "\n---\n", "\n---\nReversed. "),
        "T12 SRS-008",
    ),
    "parent_title_changed": (
        _replace("requirements_srs/needs/UN-01.md", "title: ", "title: Not "),
        "T12 SRS-008",
    ),
}
"""How to break the example, and what the finding has to name."""


if __name__ == "__main__":
    main()
