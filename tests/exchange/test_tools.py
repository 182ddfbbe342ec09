"""The tools themselves: they read what we export, and we read what they write.

Each test runs the program where it is on PATH or beside the interpreter that
``REGML_PEERS`` names, and is skipped with a reason where it is not.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from regml.exchange.convert import Conversion, convert
from regml.exchange.formats import MAPPINGS, Source, Target, export, read_source
from regml.exchange.mapping import Mapping
from regml.files.markdown import read_items
from regml.items.base import Kind
from regml.items.links import AnyItem

ROOT = Path(__file__).parents[2]
TIME = "2026-01-02T03:04:05Z"


def tool(name: str) -> str:
    folder = os.environ.get("REGML_PEERS", "")
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (or name its folder in REGML_PEERS)")
    return found


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def example(*kinds: Kind) -> list[AnyItem]:
    items = [located.item for located in read_items(ROOT)]
    return [item for item in items if not kinds or item.kind in kinds]


def read(form: Source, path: Path, **mapping: object) -> Conversion:
    whole = Mapping.model_validate(mapping).over(MAPPINGS[form])
    return convert(read_source(form, path, whole), whole)


CONF = """\
import json, pathlib
extensions = ["sphinx_needs"]
needs_id_regex = "^[A-Z]{2,5}-[0-9]{2,}"
here = pathlib.Path(__file__).with_name("regml.json")
found = json.loads(here.read_text(encoding="utf-8"))["versions"][""]
schema = found["needs_schema"]["properties"]
def named(role):
    return [name for name, part in schema.items() if part["field_type"] == role]
needs_types = [
    {"directive": name, "title": name, "prefix": "", "color": "#fff", "style": "node"}
    for name in sorted({need["type"] for need in found["needs"].values()})
]
needs_fields = {name: {"description": name} for name in named("extra")}
needs_links = {name: {"incoming": name, "outgoing": name} for name in named("links")}
"""


def test_sphinx_needs_reads_ours_and_we_read_that_again(tmp_path: Path) -> None:
    program = tool("sphinx-build")
    items = example()
    content = export(Target.SPHINX_NEEDS, items, project="D", created=TIME).content
    (tmp_path / "regml.json").write_bytes(content)
    (tmp_path / "conf.py").write_text(CONF, encoding="utf-8")
    (tmp_path / "index.rst").write_text("T\n=\n\n.. needimport:: regml.json\n")
    probe = subprocess.run(
        [program, "-q", "-b", "needs", ".", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "sphinx_needs" in probe.stderr and "Could not import" in probe.stderr:
        pytest.skip("sphinx-needs is not installed beside sphinx-build")
    assert probe.returncode == 0, probe.stderr
    assert "could not be imported" not in probe.stderr
    theirs = json.loads((tmp_path / "out" / "needs.json").read_text(encoding="utf-8"))
    needs = theirs["versions"][theirs["current_version"]]["needs"]
    assert set(needs) == {item.id for item in items}
    back = read(Source.SPHINX_NEEDS, tmp_path / "out" / "needs.json")
    ours = {item.id: item for item in items}
    assert {one.item.id for one in back.items} == set(ours)
    for one in back.items:
        before = ours[one.item.id]
        assert one.item.title == before.title
        assert one.item.text.strip() == before.text.strip()


def test_strictdoc_reads_our_reqif_and_we_read_its_documents(tmp_path: Path) -> None:
    program = tool("strictdoc")
    items = example(Kind.USER_NEED, Kind.REQUIREMENT)
    plain = [item.model_copy(update={"controls": ()}) for item in items]
    content = export(Target.REQIF, plain, project="D", created=TIME).content
    (tmp_path / "ours.reqif").write_bytes(content)
    run(program, "convert", "ours.reqif", "documents", cwd=tmp_path)
    run(
        program, "export", "--formats=json", "--output-dir", "out", "documents",
        cwd=tmp_path,
    )  # fmt: skip
    back = read(Source.STRICTDOC, tmp_path / "out" / "json" / "index.json")
    ours = {item.id: item for item in plain}
    assert {one.item.id for one in back.items} == set(ours)
    for one in back.items:
        assert one.item.title == ours[one.item.id].title
        assert one.item.model_dump().get("refines") == (
            ours[one.item.id].model_dump().get("refines")
        )


SDOC = """\
[DOCUMENT]
TITLE: Demo

[REQUIREMENT]
UID: UN-1
TITLE: Volume
STATEMENT: >>>
A radiologist needs the volume.
<<<

[REQUIREMENT]
UID: SRS-1
TITLE: Compute
STATEMENT: >>>
The software shall compute the volume.
<<<
RELATIONS:
- TYPE: Parent
  VALUE: UN-1
"""


@pytest.mark.parametrize("form", [Source.STRICTDOC, Source.REQIF])
def test_we_read_what_strictdoc_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Source
) -> None:
    program = tool("strictdoc")
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
    (tmp_path / "demo.sdoc").write_text(SDOC, encoding="utf-8")
    source = tmp_path / "demo.sdoc"
    if form is Source.REQIF:
        run(
            program, "export", "--formats=reqif-sdoc", "--output-dir", "out", source,
            cwd=tmp_path,
        )  # fmt: skip
        [source] = (tmp_path / "out").rglob("*.reqif")
    back = read(form, source, defaults={"SRS": {"category": "functional"}})
    found = {one.item.id: one.item for one in back.items}
    assert set(found) == {"UN-001", "SRS-001"}
    assert found["SRS-001"].model_dump()["refines"] == ("UN-001",)
    assert found["SRS-001"].text == "The software shall compute the volume.\n"


def test_a_field_that_strictdoc_does_not_export_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tool("strictdoc")
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
    twice = "COMMENT: >>>\nfirst\n\nCOMMENT: no field\n<<<\nCOMMENT: second\n"
    text = SDOC.replace("RELATIONS:", f"{twice}RELATIONS:")
    (tmp_path / "demo.sdoc").write_text(text, encoding="utf-8")
    back = read(Source.STRICTDOC, tmp_path / "demo.sdoc")
    [remark] = [r for r in back.remarks if "second COMMENT" in r.message]
    line = text.split("\n").index("COMMENT: second") + 1
    assert remark.where == f"{tmp_path / 'demo.sdoc'}:{line}"


def test_we_read_what_doorstop_writes(tmp_path: Path) -> None:
    program = tool("doorstop")
    run("git", "init", "-q", ".", cwd=tmp_path)
    run(program, "create", "REQ", "./reqs", cwd=tmp_path)
    run(program, "create", "TST", "./tests", "--parent", "REQ", cwd=tmp_path)
    run(program, "add", "REQ", cwd=tmp_path)
    run(program, "add", "TST", cwd=tmp_path)
    run(program, "link", "TST001", "REQ001", cwd=tmp_path)
    run(
        program, "create", "UN", "./needs", "--parent", "REQ", "-i", "markdown",
        cwd=tmp_path,
    )  # fmt: skip
    run(program, "add", "UN", cwd=tmp_path)
    run(program, "review", "all", cwd=tmp_path)
    back = read(Source.DOORSTOP, tmp_path, defaults={"SRS": {"category": "functional"}})
    found = {one.item.id: one.item for one in back.items}
    assert set(found) == {"SRS-001", "UN-001", "VP-001"}
    assert found["VP-001"].model_dump()["verifies"] == ("SRS-001",)
    assert back.remarks == ()
