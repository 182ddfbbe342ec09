"""``regml.toml`` and ``risk/policy.yaml``."""

import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from regml.errors import BrokenFileError, ConfigError
from regml.files.text import parse_yaml, read_text, validate
from regml.items.config import Config
from regml.items.risk import RiskPolicy

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

CONFIG = "regml.toml"
POLICY = "risk/policy.yaml"


def read_config(root: "Traversable") -> Config:
    """Read ``regml.toml``.

    Raises:
        BrokenFileError: It is not TOML.
        ConfigError: A value is missing, unknown or wrong.
    """
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
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{CONFIG}: {place}: {first['msg']}. Correct it.") from error


def read_policy(root: "Traversable") -> RiskPolicy:
    """Read ``risk/policy.yaml``.

    Raises:
        BrokenFileError: It is missing, not YAML, or its tables do not fit its scales.
    """
    text = read_text(root / POLICY, name=POLICY)
    return validate(RiskPolicy, parse_yaml(text, name=POLICY), text=text, name=POLICY)
