"""Small packages as pip leaves them, in a folder of the test's own."""

import base64
import hashlib
from pathlib import Path


def install(
    site: Path,
    name: str,
    version: str,
    *,
    metadata: str = "License-Expression: MIT\nAuthor: Ann\n",
    requires: tuple[str, ...] = (),
) -> Path:
    """Put a package with one module into ``site`` and return its dist-info folder."""
    module = site / f"{name}.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(f"VERSION = {version!r}\n", encoding="utf-8")
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    needs = "".join(f"Requires-Dist: {row}\n" for row in requires)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}{needs}\n",
        encoding="utf-8",
    )
    digest = hashlib.sha256(module.read_bytes()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    (folder / "INSTALLER").write_text("pip\n", encoding="utf-8")
    (folder / "RECORD").write_text(
        f"../../bin/{name},sha256=AAAA,3\n"
        f"{name}.py,sha256={encoded},{module.stat().st_size}\n"
        f"{folder.name}/INSTALLER,sha256=AAAA,4\n"
        f"{folder.name}/RECORD,,\n",
        encoding="utf-8",
    )
    return folder
