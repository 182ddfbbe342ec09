"""``regml.toml`` and ``risk/policy.yaml``."""

import tomllib
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
        raise BrokenFileError(CONFIG, f"is not valid TOML: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise BrokenFileError(
            CONFIG, f"holds what no configuration needs: {error}.", remedy="Remove it."
        ) from error
    try:
        return Config.model_validate(fields)
    except ValidationError as error:
        said, remedy, _ = in_words(Config, error)
        raise ConfigError(f"{CONFIG}: {said} {remedy}") from error


def read_policy(root: "Traversable") -> RiskPolicy:
    """Read ``risk/policy.yaml``.

    Raises:
        BrokenFileError: It is missing, a symbolic link, not YAML, or its tables do not
            fit its scales.
    """
    refuse_link(root / POLICY, POLICY)
    text = read_text(root / POLICY, name=POLICY)
    return validate(RiskPolicy, parse_yaml(text, name=POLICY), text=text, name=POLICY)
