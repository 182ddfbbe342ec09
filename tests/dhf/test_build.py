"""The folder as a whole: complete, safe, the same twice, and every link leads on."""

import hashlib
import html.parser
import itertools
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from regml.dhf.build import Built, build_dhf, node_files
from regml.dhf.formats import Format, parse_formats, require_extra
from regml.dhf.pages.names import page_name
from regml.errors import BrokenFileError, ConfigError, MissingExtraError
from regml.files.built import read_built
from regml.project import Project
from regml.trace.nodes import Node, NodeType
from tests.dhf.conftest import make_project
from tests.factories import record, stage_run

TEST = NodeType.TEST


class Links(html.parser.HTMLParser):
    """Collects targets, anchors and scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            if name == "id" and value:
                self.anchors.add(value)
            if name.startswith("on"):
                self.handlers.append(name)


@pytest.fixture(scope="session")
def pages(built: Built) -> dict[Path, Links]:
    return {
        path.resolve(): Links(path.read_text(encoding="utf-8"))
        for path in (built.out / "html").rglob("*.html")
    }


def test_each_document_exists_in_each_format(built: Built) -> None:
    for document in built.documents:
        name = document.plan.name
        assert (built.out / "html" / "documents" / f"{name}.html").is_file()
        assert (built.out / "pdf" / f"{name}.pdf").read_bytes()[:5] == b"%PDF-"
        assert zipfile.is_zipfile(built.out / "docx" / f"{name}.docx")


def test_ids_stand_in_html_and_docx(built: Built) -> None:
    name = "05-software-requirements"
    page = (built.out / "html" / "documents" / f"{name}.html").read_text()
    assert 'href="../items/SRS-002.html"' in page
    with zipfile.ZipFile(built.out / "docx" / f"{name}.docx") as file:
        assert "SRS-002" in file.read("word/document.xml").decode()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext")
def test_ids_stand_in_pdf(built: Built) -> None:
    file = built.out / "pdf" / "05-software-requirements.pdf"
    done = subprocess.run(
        ["pdftotext", str(file), "-"], capture_output=True, text=True, check=True
    )
    assert "SRS-002" in done.stdout


def test_the_sums_list_every_file(built: Built) -> None:
    lines = (built.out / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, _, name in (x.partition("  ") for x in lines)}
    files = {path for path in built.out.rglob("*") if path.is_file()}
    assert {path.relative_to(built.out).as_posix() for path in files} == {
        "SHA256SUMS",
        *listed,
    }
    for name, digest in listed.items():
        content = (built.out / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest


def test_what_was_built_can_be_compared_later(built: Built) -> None:
    found = read_built(built.out.parent, built.out.name)
    assert found is not None
    assert (found.changed, found.absent, found.added) == ((), (), ())
    assert found.heads == ("ab" * 32,)
    assert "doc:05-software-requirements" in found.documents


def test_every_link_to_a_file_leads_to_it(pages: dict[Path, Links]) -> None:
    broken = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https", "data", "mailto"):
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[file].anchors if file in pages else {parts.fragment}
            if not file.is_file() or (parts.fragment and parts.fragment not in known):
                broken.append((path.name, target))
    assert broken == []


def test_no_page_loads_anything_from_a_network(built: Built) -> None:
    for path in (built.out / "html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert "fonts.googleapis" not in text


def test_one_can_click_from_a_requirement_to_one_training_image(
    pages: dict[Path, Links], built: Built
) -> None:
    html_folder, items = built.out / "html", built.out / "html" / "items"
    test = page_name(Node("test:tests/device/test_volumes.py::test_spacing", TEST, ""))
    path = [
        html_folder / "index.html",
        html_folder / "documents" / "05-software-requirements.html",
        items / "SRS-004.html",
        items / "RISK-001.html",
        items / "SRS-004.html",
        items / test,
        next(items.glob("model@*.html")),
        next(items.glob("dataset@*.html")),
    ]
    for here, there in itertools.pairwise(path):
        targets = {
            (here.parent / unquote(urlsplit(target).path)).resolve()
            for target in pages[here.resolve()].targets
        }
        assert there.resolve() in targets, (here.name, there.name)
    model, dataset = path[-2:]
    image = f"{dataset.name}#case-HV-00"
    assert image in pages[model.resolve()].targets
    assert "case-HV-00" in pages[dataset.resolve()].anchors


def test_hostile_text_arrives_as_text(built: Built, pages: dict[Path, Links]) -> None:
    document = built.out / "html" / "documents" / "05-software-requirements.html"
    page = built.out / "html" / "items" / "SRS-001.html"
    for path in (document, page):
        text = path.read_text(encoding="utf-8")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "{{ 7 * 7 }}" in text
        assert "<script>alert" not in text
        assert "root:" not in text
        assert "javascript:alert" not in pages[path.resolve()].targets
        assert 'src="http' not in text
        assert pages[path.resolve()].handlers == []


def test_the_pages_forbid_scripts_of_their_own(built: Built) -> None:
    for path in (built.out / "html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "script-src 'self'" in text
        assert "<script>" not in text
    index = (built.out / "html" / "items" / "index.js").read_text()
    assert "<" not in index
    assert "HV-00" in index


def test_the_figures_are_embedded(built: Built) -> None:
    name = "16-verification-and-validation-report"
    page = (built.out / "html" / "documents" / f"{name}.html").read_text()
    assert 'src="../figures/evaluation-dice_per_case.png" alt="Dice per case"' in page
    with zipfile.ZipFile(built.out / "docx" / f"{name}.docx") as file:
        assert any(entry.startswith("word/media/") for entry in file.namelist())


def test_the_same_state_gives_the_same_bytes_in_another_place(
    built: Built, small_project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "quite another place"
    shutil.copytree(small_project.root, place, ignore=shutil.ignore_patterns("build"))
    other = Project(place, place, small_project.evidence)
    again = build_dhf(other, formats=tuple(Format), out=tmp_path / "out")
    assert again.files == built.files
    different = [
        name
        for name in built.files
        if (built.out / name).read_bytes() != (again.out / name).read_bytes()
    ]
    assert different == []


def test_a_failed_build_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    project = make_project(root, documents="24*")
    out = root / "build" / "dhf"
    build_dhf(project, formats=[Format.DOCX], out=out)
    before = (out / "SHA256SUMS").read_bytes()
    template = root / "dhf_templates" / "24-approvals.md.j2"
    template.write_text(template.read_text() + "{{ nothing }}\n")
    with pytest.raises(BrokenFileError, match="24-approvals"):
        build_dhf(project, formats=[Format.DOCX], out=out)
    assert (out / "SHA256SUMS").read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["dhf"]


def test_a_folder_with_something_else_is_not_replaced(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="--out"):
        build_dhf(project, formats=[Format.DOCX], out=tmp_path)
    assert (tmp_path / "thesis.txt").is_file()


def test_formats_are_named_with_commas() -> None:
    assert parse_formats("pdf, html") == (Format.HTML, Format.PDF)
    with pytest.raises(ConfigError, match="odt"):
        parse_formats("html,odt")
    with pytest.raises(ConfigError, match="Formats: html, pdf, docx"):
        parse_formats("")


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regml.dhf.formats.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'regml\[dhf\]'"):
        require_extra([Format.PDF])


def test_words_about_a_record_rest_on_its_file_and_on_its_environment() -> None:
    known = record(stage_run("train"))
    node = Node(f"run@{known.id}", NodeType.STAGE_RUN, "train", known)
    assert list(node_files(node)) == [known.path, known.environment]
    assert known.environment.startswith("records/environments/")
