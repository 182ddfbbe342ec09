"""A small project on disk whose evidence is built in memory, and its built file."""

import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regml.dhf.build import Built, build_dhf
from regml.dhf.formats import Format
from regml.project import Project
from tests.factories import Parts, evidence_of

REPOSITORY = Path(__file__).parents[2]
HOSTILE = """\
<script>alert(1)</script> {{ 7 * 7 }} {include}`/etc/passwd` SRS-001 | cell |

```{include} /etc/passwd
```

````{eval-rst}
.. raw:: html
````

:::{note}
:::

(target)=
![picture](http://example.org/p.png) [run](javascript:alert(1)) <img src=x onerror=1>
"""
"""Prose that tries everything; its words have to arrive and nothing else."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="Write the golden documents anew instead of comparing with them.",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with ``tests/golden/<name>``, or write it."""
    update = request.config.getoption("--update-goldens", default=False)

    def compare(name: str, text: str) -> None:
        path = REPOSITORY / "tests" / "golden" / name
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


def make_project(
    root: Path, parts: Parts | None = None, *, documents: str = "*"
) -> Project:
    """Write what a build reads from disk; the evidence itself stays in memory.

    Args:
        root: An empty folder.
        parts: What the evidence is made of.
        documents: Which templates it has, as a pattern for their numbers.
    """
    (root / "dhf_templates").mkdir()
    for pattern in (f"{documents}.md.j2", "_*.md.j2"):
        for path in (REPOSITORY / "dhf_templates").glob(pattern):
            shutil.copyfile(path, root / "dhf_templates" / path.name)
    figures = root / "reports" / "evaluation" / "figures"
    figures.mkdir(parents=True)
    (figures / "dice_per_case.png").write_bytes(picture())
    (root / "regml.toml").write_text("# in memory\n")
    day = "2026-01-05T10:00:00+00:00"
    environment = {**os.environ, "GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day}
    person = ["-c", "user.name=Dora", "-c", "user.email=dora@example.org"]
    for command in (
        ["init", "-q"],
        ["add", "--all"],
        [*person, "commit", "-q", "-m", "All"],
    ):
        subprocess.run(["git", *command], cwd=root, env=environment, check=True)
    evidence = evidence_of(parts or Parts())
    figure = "reports/evaluation/figures/dice_per_case.png"
    tree = evidence.tree | {figure}
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.check_output(head, cwd=root, text=True).strip()
    evidence = replace(evidence, log_heads=("ab" * 32,), tree=tree, commit=commit)
    return Project(root, root, evidence)


def picture() -> bytes:
    """Return a PNG of 2 by 2 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\x10\x80\0\x80\xf0")
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


HOSTILE_PARTS = Parts().but(
    "SRS-001", title="Volumes <b>{x}` | *bold*", text="As text.\n\n" + HOSTILE
)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with every document; for tests that stop at Markdown."""
    return make_project(tmp_path_factory.mktemp("project"), HOSTILE_PARTS)


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a few documents; writing all of them takes long."""
    place = tmp_path_factory.mktemp("first place")
    return make_project(place, HOSTILE_PARTS, documents="[012][0569]*")


@pytest.fixture(scope="session")
def built(small_project: Project) -> Built:
    root = small_project.root
    return build_dhf(small_project, formats=tuple(Format), out=root / "build" / "dhf")
