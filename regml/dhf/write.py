"""A whole Design History File on disk: complete, or not at all."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from regml.dhf.formats import Format
from regml.dhf.render import Build, Document
from regml.digest import canonical_json
from regml.errors import ConfigError
from regml.files.built import STATE, SUMS

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def write_folder(
    documents: Sequence[Document],
    *,
    pages: Callable[[], Mapping[str, str]],
    figures: Mapping[str, "Traversable"],
    build: Build,
    formats: Collection[Format],
    out: Path,
) -> tuple[Path, ...]:
    """Write all documents into a folder, replacing the one that is there.

    Args:
        documents: What to write on paper.
        pages: Makes the content of each page, by path below ``html/``.
        figures: Image files by the name that documents use.
        build: The state all of it comes from.
        formats: What to write them as.
        out: The folder; it appears when all is written.

    Returns:
        Every file, relative to ``out``, sorted.

    Raises:
        ConfigError: ``out`` holds something else, or a document cannot be written.
    """
    _refuse_foreign(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".dhf-") as scratch:
        work, new = Path(scratch, "work"), Path(scratch, "new")
        work.mkdir()
        new.mkdir()
        _copy_figures(figures, work / "figures")
        jobs = _jobs(documents, build=build, formats=formats, work=work, new=new)
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(job) for job in jobs]
            if Format.HTML in formats:  # while other programs write for paper
                _write_pages(pages(), new / "html")
            for done in started:
                done.result()
        if Format.HTML in formats:
            shutil.copytree(work / "figures", new / "html" / "figures")
        (new / STATE).write_bytes(_state(build))
        files = _write_sums(new)
        _swap(new, out, Path(scratch, "old"))
    return files


def _jobs(
    documents: Sequence[Document],
    *,
    build: Build,
    formats: Collection[Format],
    work: Path,
    new: Path,
) -> list[Callable[[], None]]:
    """Return what there is to do; each job writes its own files."""
    jobs: list[Callable[[], None]] = []
    if Format.PDF in formats or Format.DOCX in formats:
        from regml.dhf.paper import write_docx, write_pdf

        for kind, write in ((Format.PDF, write_pdf), (Format.DOCX, write_docx)):
            if kind in formats:
                (new / kind).mkdir()
                jobs += [
                    partial(write, document, build=build, work=work, out=new / kind)
                    for document in documents
                ]
    return jobs


def _state(build: Build) -> bytes:
    """Return what check C16 compares with the project later."""
    state = {
        "commit": build.commit,
        "heads": build.heads,
        "documents": build.documents,
        "program": build.program,
    }
    return canonical_json(state) + b"\n"


def _refuse_foreign(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / SUMS).is_file():
        raise ConfigError(
            f"{out}: holds something that is no Design History File, and it would be "
            "replaced. Name an empty folder with --out."
        )


def _copy_figures(figures: Mapping[str, "Traversable"], folder: Path) -> None:
    folder.mkdir()
    for name, source in figures.items():
        (folder / name).write_bytes(source.read_bytes())


def _write_pages(pages: Mapping[str, str], folder: Path) -> None:
    for name, content in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")


def _write_sums(folder: Path) -> tuple[Path, ...]:
    files = sorted(
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file()
    )
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name.as_posix()}"
        for name in files
    ]
    (folder / SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tuple(sorted([*files, Path(SUMS)]))


def _swap(new: Path, out: Path, old: Path) -> None:
    """Put the new folder in the place of the old one."""
    if out.exists():
        out.rename(old)
    new.rename(out)
