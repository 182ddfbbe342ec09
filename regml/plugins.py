"""Plugins of pydantic, which our own commands leave out.

Looking for them reads the metadata of every installed package, a tenth of a short
command, and none may change what a record means to us. The switch is an environment
variable; programs started for somebody get their environment as it was.
"""

import os
from collections.abc import Mapping

_SWITCH = "PYDANTIC_DISABLE_PLUGINS"
_BEFORE = os.environ.get(_SWITCH)


def leave_out_plugins() -> None:
    """Let pydantic look for none in this process."""
    os.environ[_SWITCH] = "__all__"


def as_it_was(environment: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables without that switch, unless somebody else set it."""
    before = {} if _BEFORE is None else {_SWITCH: _BEFORE}
    return {k: v for k, v in environment.items() if k != _SWITCH} | before
