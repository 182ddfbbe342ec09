"""``regml.toml`` and ``risk/policy.yaml``."""

import re
import tomllib
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from regml.errors import BrokenFileError, ConfigError
from regml.files.text import in_words, parse_yaml, read_text, refuse_link, validate
from regml.items.config import Config
from regml.items.risk import RiskPolicy

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

CONFIG = "regml.toml"
POLICY = "risk/policy.yaml"


def read_config(root: "Traversable") -> Config:
    """Read ``regml.toml``.

    Raises:
        BrokenFileError: It is not TOML, or a symbolic link.
        ConfigError: A value is missing, unknown or wrong.
    """
    refuse_link(root / CONFIG, CONFIG)
    text = read_text(root / CONFIG, name=CONFIG)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).partition(" (at ")
        at = re.match(r"line (\d+)", place)
        raise BrokenFileError(
            CONFIG,
            f"is not valid TOML: {said}.",
            remedy="Mend the line, or one above it; texts stand between quotes.",
            line=int(at[1]) if at else max(1, len(text.splitlines())),
        ) from error
    except (ValueError, RecursionError) as error:
        raise BrokenFileError(
            CONFIG, f"holds what no configuration needs: {error}.", remedy="Remove it."
        ) from error
    try:
        return Config.model_validate(fields)
    except ValidationError as error:
        said, remedy, location = in_words(Config, error)
        line = _line_of(text, location)
        raise ConfigError(f"{CONFIG}:{line}: {said} {remedy}") from error


def _line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Return the 1-based line of the deepest part of a location that can be found."""
    wanted = tuple(str(part) for part in location)
    table: tuple[str, ...] = ()
    seen: Counter[str] = Counter()
    line, depth = 1, 0
    for number, shown in enumerate(text.split("\n"), start=1):
        if head := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", shown):
            table = tuple(part.strip(" \"'") for part in head[2].split("."))
            if head[1] == "[[":
                table = (*table, str(seen[head[2]]))
                seen[head[2]] += 1
            path = table
        elif key := re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", shown):
            path = (*table, *key[1].split("."))
        else:
            continue
        if len(path) > depth and path == wanted[: len(path)]:
            line, depth = number, len(path)
    return line


def read_policy(root: "Traversable") -> RiskPolicy:
    """Read ``risk/policy.yaml``.

    Raises:
        BrokenFileError: It is missing, a symbolic link, not YAML, or its tables do not
            fit its scales.
    """
    refuse_link(root / POLICY, POLICY)
    if not (root / POLICY).is_file():
        raise BrokenFileError(
            POLICY,
            "is not there.",
            remedy="Restore it from git, or copy the one that 'regml init' writes into "
            "a new folder and adapt it.",
        )
    text = read_text(root / POLICY, name=POLICY)
    return validate(RiskPolicy, parse_yaml(text, name=POLICY), text=text, name=POLICY)
