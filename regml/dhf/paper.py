"""PDF and DOCX of one document through pandoc and typst, without LaTeX or Office."""

import datetime as dt
import io
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pypandoc
import typst

from regml.dhf.formats import ASSETS
from regml.dhf.render import Build, Document, state_of
from regml.errors import ConfigError

_READER = "commonmark+pipe_tables-raw_html"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_BORDERS = "".join(
    f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="BFBFBF"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)
_LANDSCAPE = (
    '<w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/>'
    '<w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" '
    'w:header="709" w:footer="709" w:gutter="0"/>'
)


def write_pdf(document: Document, *, build: Build, work: Path, out: Path) -> None:
    """Write a document as PDF.

    Args:
        document: What to write.
        build: The state it comes from.
        work: Folder with ``figures/``; intermediate files go here.
        out: Folder of the file.

    Raises:
        ConfigError: pandoc or typst refuses the document.
    """
    source = work / f"{document.plan.name}.typ"
    options = ["--template", str(ASSETS / "document.typ")]
    source.write_bytes(_pandoc(document, build, work, ["-t", "typst", *options]))
    try:
        (out / f"{document.plan.name}.pdf").write_bytes(
            typst.compile(
                str(source),
                root=str(work),
                ignore_system_fonts=True,  # the same letters on every machine
                timestamp=dt.datetime.fromtimestamp(build.epoch, dt.UTC),
            )
        )
    except typst.TypstError as error:
        raise ConfigError(
            f"{document.plan.path}: typst refuses the document: {error.message}"
        ) from error


def write_docx(document: Document, *, build: Build, work: Path, out: Path) -> None:
    """Write a document for word processors.

    Args: as for :func:`write_pdf`.

    Raises:
        ConfigError: pandoc refuses the document.
    """
    raw = _pandoc(document, build, work, ["-t", "docx", "-o", "-"])
    content = _finish_docx(raw, landscape=document.plan.landscape)
    (out / f"{document.plan.name}.docx").write_bytes(content)


def _pandoc(document: Document, build: Build, work: Path, options: list[str]) -> bytes:
    plan = document.plan
    metadata = {
        "title": f"{plan.number} {plan.title}",
        "author": build.manufacturer,
        "device": build.device,
        "state": state_of(build),
    }
    wide = ["--variable=landscape:true"] if plan.landscape else []
    done = subprocess.run(
        [
            pypandoc.get_pandoc_path(),
            *("+RTS", "-A64m", "-RTS"),  # fewer garbage collections: a third faster
            *("-f", _READER, "--sandbox=false", "--resource-path", "."),
            *("--lua-filter", str(ASSETS / "plain.lua")),
            *(f"--metadata={name}:{value}" for name, value in metadata.items()),
            *wide,
            *options,
        ],
        input=document.markdown.encode(),
        cwd=work,
        env=_fixed_environment(build),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigError(f"{plan.path}: pandoc refuses the document: {said}")
    return done.stdout


def _fixed_environment(build: Build) -> dict[str, str]:
    """Return an environment in which programs know no time but that of the commit."""
    return {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(build.epoch),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _finish_docx(raw: bytes, *, landscape: bool) -> bytes:
    """Return the same document with bordered tables and no time of its own."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as before,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in sorted(before.namelist(), key=_zip_order):
            content = before.read(name)
            if name == "word/styles.xml":
                content = _border_tables(content.decode()).encode()
            if name == "word/document.xml" and landscape:
                content = _turn(content.decode()).encode()
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(entry, content)
    return target.getvalue()


def _zip_order(name: str) -> tuple[bool, str]:
    return name != "[Content_Types].xml", name  # readers expect it first


def _border_tables(styles: str) -> str:
    """Give the style of tables thin lines and small letters."""
    start = styles.index('w:styleId="Table"')
    end = styles.index("</w:style>", start)
    style = styles[start:end].replace(
        "<w:tblPr>", f"<w:tblPr><w:tblBorders>{_BORDERS}</w:tblBorders>", 1
    )
    small = '<w:rPr><w:sz w:val="16"/></w:rPr>'
    style = style.replace("<w:tblPr>", f"{small}<w:tblPr>", 1)
    return styles[:start] + style + styles[end:]


def _turn(document: str) -> str:
    """Turn the paper of the last section to landscape."""
    return re.sub(
        r"<w:sectPr\s*/>|<w:sectPr>(.*?)</w:sectPr>",
        f"<w:sectPr>{_LANDSCAPE}</w:sectPr>",
        document,
        flags=re.DOTALL,
    )
