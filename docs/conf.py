"""Sphinx configuration; the reference pages are written from the code at each build."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from reference_pages import write_reference

from regml import __version__

project = "regml"
author = "the regml maintainers"
project_copyright = "2026, the regml maintainers"
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "regml"
html_static_path: list[str] = []

write_reference(Path(__file__).parent / "reference" / "generated")
