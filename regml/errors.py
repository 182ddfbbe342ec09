"""The obstacles regml meets.

A gap in the evidence is a :class:`~regml.findings.Finding`; what keeps regml from
working at all is one of these. Only the command line turns them into one line and
exit code 2; anything else is a bug and shows its traceback::

    RegmlError
    ├── BrokenFileError      a file is not what it has to be (names file and line)
    ├── ConfigError          regml.toml, risk/policy.yaml or dvc.yaml cannot be used
    ├── UnknownIdError       an id the project does not have
    ├── DataError            images, labels or splits that cannot be used
    ├── RecordError          a record cannot be written or read
    │   └── LostEnvironmentError  the environment a record names is not as signed
    ├── SigningKeyError      a signing key is missing, unreadable or not trusted
    └── MissingExtraError    an optional part of regml is not installed
"""

from pathlib import Path


class RegmlError(Exception):
    """Something the user can mend; the message says where and how."""


class BrokenFileError(RegmlError):
    """A file cannot be read as what it should be.

    Args:
        path: The file, as the user would type it.
        problem: What is wrong, in one sentence.
        remedy: What to do about it.
        line: 1-based line, where known.
    """

    def __init__(
        self,
        path: Path | str,
        problem: str,
        *,
        remedy: str = "",
        line: int | None = None,
    ) -> None:
        self.path = str(path)
        self.line = line
        self.problem = problem
        self.remedy = remedy
        place = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{place}: {problem}" + (f" {remedy}" if remedy else ""))


class ConfigError(RegmlError):
    """A configuration file cannot be used."""


class UnknownIdError(RegmlError):
    """The project has nothing with this id."""


class DataError(RegmlError):
    """Images, labels or splits cannot be used; the message names the file."""


class RecordError(RegmlError):
    """A record cannot be written or read."""


class LostEnvironmentError(RecordError):
    """The environment that a record names is missing or not the one it names."""


class SigningKeyError(RegmlError):
    """A signing key is missing, unreadable, or not trusted by the project."""


class MissingExtraError(RegmlError):
    """An optional part of regml is needed and not installed."""
