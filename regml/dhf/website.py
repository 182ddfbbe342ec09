"""HTML of all documents through Sphinx, in one run, without a network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from regml.dhf.render import Build, Document
from regml.errors import ConfigError

ASSETS = Path(__file__).parent / "assets"
"""Style sheets, scripts and page templates of this room."""

_LEFT_OUT = (".buildinfo", ".doctrees", "objects.inv", "_sources", ".nojekyll")
_LONGEST_COMPLAINT = 1500
_RUN_SPHINX = (
    # the process is short, and looking for garbage costs a fifth of its time
    "import gc, sys; gc.disable(); "
    "from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
)


def write_website(
    documents: Iterable[Document], *, figures: Path, build: Build, work: Path, out: Path
) -> None:
    """Write every document and their common index as HTML.

    Args:
        documents: In the order of the index.
        figures: Folder with the figures that documents embed.
        build: The state they come from.
        work: An empty folder for intermediate files.
        out: Where the HTML goes; it does not exist yet.

    Raises:
        ConfigError: Sphinx refuses a document; quotes what it said.
    """
    source = work / "source"
    _write_source(source, list(documents), build)
    shutil.copytree(figures, source / "figures")
    options = ["-q", "-W", "--keep-going", "-E"]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _RUN_SPHINX,
            *options,
            "-b",
            "html",
            "-d",
            "doctrees",
            "source",
            str(out.resolve()),
        ],
        cwd=work,
        env=fixed_environment(build),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).replace(str(work), "").strip()
        raise ConfigError(
            f"dhf_templates: Sphinx refuses a document: {said[:_LONGEST_COMPLAINT]}"
        )
    for name in _LEFT_OUT:
        _remove(out / name)


def fixed_environment(build: Build) -> dict[str, str]:
    """Return an environment in which programs know no time but that of the commit."""
    return {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(build.epoch),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _write_source(source: Path, documents: list[Document], build: Build) -> None:
    (source / "_static").mkdir(parents=True)
    shutil.copyfile(ASSETS / "dhf.css", source / "_static" / "dhf.css")
    (source / "conf.py").write_text(_configuration(build), encoding="utf-8")
    (source / "index.rst").write_text(_index(documents, build), encoding="utf-8")
    for document in documents:
        path = source / f"{document.plan.name}.md"
        path.write_text(document.markdown, encoding="utf-8")


def _configuration(build: Build) -> str:
    settings = {
        "project": f"Design History File of {build.device}",
        "author": build.manufacturer,
        "html_title": f"Design History File of {build.device}",
        "extensions": ["myst_parser"],
        "html_theme": "furo",
        "html_static_path": ["_static"],
        "html_css_files": ["dhf.css"],
        "myst_gfm_only": True,  # no roles, no directives: item text cannot act
        "myst_disable_syntax": ["html_inline", "html_block"],
        "myst_all_links_external": True,
        "suppress_warnings": ["myst.header"],  # templates choose their headings
        "smartquotes": False,
        "highlight_language": "none",
        "html_copy_source": False,
        "html_show_copyright": False,
        "html_use_index": False,
        "html_permalinks": True,
        "language": "en",
    }
    return "".join(f"{name} = {value!r}\n" for name, value in settings.items())


def _index(documents: list[Document], build: Build) -> str:
    title = f"Design History File of {_plain_rst(build.device)}"
    names = "".join(f"   {document.plan.name}\n" for document in documents)
    return (
        f"{title}\n{'=' * len(title)}\n\n"
        "`Start page with every item, run, dataset and model <../index.html>`_\n\n"
        f".. toctree::\n   :maxdepth: 1\n\n{names}"
    )


def _plain_rst(text: str) -> str:
    return "".join(
        char if char.isalnum() or char in " .,-" else f"\\{char}" for char in text
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
