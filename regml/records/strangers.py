"""A key that ``regml.toml`` does not trust, said when it signs and not weeks later."""

import tomllib
from pathlib import Path
from typing import Any

from regml.records.keys import SigningKey, public_pem

CONFIG = "regml.toml"


def why_doubted(root: Path, key: SigningKey, day: str) -> str | None:
    """Return why nobody believes what a key signs on a day; ``None`` if it counts.

    Reads only what is needed for that; ``read_config`` checks the whole file.

    Args:
        root: The project.
        key: Whoever signs.
        day: ISO 8601, in UTC.
    """
    own, mine = _plain(public_pem(key)), f"your key {key.id[:12]}"
    for row in _signers(root):
        if _plain(row.get("public_key")) != own:
            continue
        if (revoked := row.get("revoked")) and day >= str(revoked):
            return f"{CONFIG} says that {mine} is revoked from {revoked} on"
        if (begin := row.get("valid_from")) and day < str(begin):
            return f"{CONFIG} says that {mine} counts from {begin} on"
        return None
    return (
        f"{CONFIG} does not name {mine} as that of a signer; 'regml key show' prints "
        "the lines to add"
    )


def _signers(root: Path) -> list[dict[str, Any]]:
    try:
        rows = tomllib.loads((root / CONFIG).read_text(encoding="utf-8"))["signers"]
    except (OSError, ValueError, KeyError):
        return []
    return [row for row in rows if isinstance(row, dict)]


def _plain(pem: object) -> str:
    return "".join(str(pem).split())
