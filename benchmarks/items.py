"""A project of any size: user needs, requirements and protocols, all linked.

``python -m benchmarks.items COUNT FOLDER [--seed 1]`` writes it; equal arguments give
equal bytes. A fifth are user needs, two fifths requirements that refine one or two of
them, two fifths protocols that verify one or two requirements: no gap, no cycle.
"""

import argparse
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

WORDS = [
    "volume",
    "slice",
    "threshold",
    "inference",
    "contour",
    "patient",
    "series",
    "spacing",
    "operator",
    "warning",
    "dataset",
    "release",
    "latency",
    "checksum",
    "audit",
    "record",
    "screen",
    "export",
    "import",
    "archive",
    "identifier",
    "limit",
    "message",
    "retry",
    "reader",
    "label",
    "margin",
    "protocol",
    "version",
    "agreement",
]

CONFIG = """\
[device]
name = "Benchmark"
version = "1.0"
manufacturer = "Nobody"
safety_class = "B"
class_rationale = "A benchmark harms nobody."
documentation_level = "Basic"
documentation_rationale = "A benchmark harms nobody."
intended_use = "To be measured."
users = "Benchmarks."
not_for = ["people"]

[sources]
software = ["device"]
lock = "requirements.txt"
"""

POLICY = """\
severity: [{value: 1, name: minor, meaning: minor}]
p1: [{value: 1, name: rare, meaning: rare}]
p2: [{value: 1, name: rare, meaning: rare}]
probability: [[1]]
matrix: [[L]]
levels: {L: low}
acceptable: [L]
safety_class: {1: B}
"""


def main() -> None:
    """Write a project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_project(arguments.folder, arguments.count, seed=arguments.seed)


def write_project(folder: Path, count: int, *, seed: int = 1) -> None:
    """Write a project of ``count`` items in a git repository with one commit."""
    for name, text in {
        "regml.toml": CONFIG,
        "risk/policy.yaml": POLICY,
        "requirements.txt": "",
        "device/__init__.py": "",
        **dict(items(count, seed=seed)),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    person = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        [*person, "commit", "--quiet", "-m", "All"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def items(count: int, *, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Give path and text of each item."""
    chance = random.Random(seed)  # noqa: S311 - nothing to keep secret
    needs = max(1, count // 5)
    requirements = count * 2 // 5
    for number in range(1, needs + 1):
        front = f"title: {_title(chance)}\nusers: [clinician]\n"
        yield _file("requirements_srs/needs", "UN", number, front, chance)
    for number in range(1, requirements + 1):
        parents = _parents("UN", number, needs, chance)
        front = f"title: {_title(chance)}\ncategory: functional\nrefines: [{parents}]\n"
        yield _file("requirements_srs/software", "SRS", number, front, chance)
    for number in range(1, count - needs - requirements + 1):
        parents = _parents("SRS", number, requirements, chance)
        front = (
            f"title: {_title(chance)}\nverifies: [{parents}]\n"
            "steps:\n- {do: Open the series, expect: The volume is shown}\n"
        )
        yield _file("verification", "VP", number, front, chance)


def _file(
    folder: str, prefix: str, number: int, front: str, chance: random.Random
) -> tuple[str, str]:
    text = " ".join(chance.choice(WORDS) for _ in range(30))
    name = f"{folder}/{number // 500:03d}/{prefix}-{number:06d}.md"
    return name, f"---\n{front}---\nThe software shall {text}.\n"


def _title(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(4)).capitalize()


def _parents(prefix: str, number: int, below: int, chance: random.Random) -> str:
    chosen = {(number - 1) % below + 1}
    if chance.random() < 0.5:
        chosen.add(chance.randint(1, below))
    return ", ".join(f"{prefix}-{one:06d}" for one in sorted(chosen))


if __name__ == "__main__":
    main()
