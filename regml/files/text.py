"""Reading text and YAML so that every complaint names file and line."""

from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from regml.errors import BrokenFileError
from regml.files.plain_yaml import read_value

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Model = TypeVar("Model", bound=BaseModel)

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def is_link(entry: "Traversable") -> bool:
    """Tell whether a file or folder is a symbolic link; what is not there is none."""
    try:
        return bool(getattr(entry, "is_symlink", bool)())
    except KeyError:  # since Python 3.13 an archive asks for the entry
        return False


def refuse_link(entry: "Traversable", name: str) -> None:
    """Refuse a file that leads elsewhere, perhaps out of the project.

    Raises:
        BrokenFileError: It is a symbolic link, or at a revision a submodule.
    """
    if is_link(entry):
        raise BrokenFileError(
            name,
            "is a symbolic link.",
            remedy="Put the file itself there: what a link leads to is not under "
            "control here.",
        )
    if getattr(entry, "is_submodule", bool)():
        raise BrokenFileError(
            name,
            "is a submodule: what it holds is in another repository, and nobody can "
            "tell what that was at this revision.",
            remedy="Put the files themselves there.",
        )


def read_text(path: "Traversable", *, name: str) -> str:
    """Return a file's text, with LF line ends.

    Raises:
        BrokenFileError: It cannot be opened or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BrokenFileError(name, f"cannot be read ({error.strerror}).") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            name,
            f"is not UTF-8 (byte {error.start}).",
            remedy="Save it with the encoding UTF-8.",
            line=raw[: error.start].count(b"\n") + 1,
        ) from error
    return text.replace("\r\n", "\n")


def parse_yaml(text: str, *, name: str, first_line: int = 1) -> Any:
    """Return the value of one YAML document.

    Args:
        text: The document.
        name: File it stands in, for messages.
        first_line: Line of the file on which ``text`` begins.

    Raises:
        BrokenFileError: It is not YAML, or YAML that hides what a value is.
    """
    try:
        return read_value(text, name=name, first_line=first_line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        raise BrokenFileError(
            name,
            f"is not valid YAML: {_problem(error, text, line)}.",
            remedy="Mend the line; a text with ': ' or '#' needs quotes.",
            line=line + first_line,
        ) from error
    except yaml.YAMLError as error:  # a ReaderError: the only one without a mark
        raise BrokenFileError(
            name,
            "has a control character, which nobody sees.",
            remedy="Remove it.",
            line=_line_of_control_sign(text) + first_line,
        ) from error


def validate(
    model: type[Model], fields: Any, *, text: str, name: str, first_line: int = 1
) -> Model:
    """Return the model of some parsed YAML.

    Raises:
        BrokenFileError: A field is missing, unknown or has a wrong value; the
            message names the first one and its line.
    """
    if not isinstance(fields, dict):
        raise BrokenFileError(
            name, "needs 'key: value' lines here.", line=first_line
        ) from None
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        said, remedy, location = in_words(model, error)
        line = _line_of(text, location) + first_line - 1
        raise BrokenFileError(name, said, remedy=remedy, line=line) from error


def in_words(
    model: type[BaseModel], error: ValidationError
) -> tuple[str, str, tuple[int | str, ...]]:
    """Return what is wrong, what to do, and where, for the first of some problems."""
    # a misspelt key explains a missing one, so it comes first
    first, *others = sorted(
        error.errors(include_url=False),
        key=lambda problem: problem["type"] != "extra_forbidden",
    )
    place = ".".join(str(part) for part in first["loc"])
    more = f" ({len(others)} more problems in this file.)" if others else ""
    said = _in_words(first["type"], place, first["msg"], first["input"])
    return said, _remedy(model, first["type"], place) + more, first["loc"]


def _problem(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """Return what the parser says, or that a tab stands where spaces have to."""
    lines = text.split("\n")
    shown = lines[line] if line < len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return "the line begins with a tab, YAML takes only spaces"
    return str(error.problem or error.context)


def _line_of_control_sign(text: str) -> int:
    """Return the 0-based line of the first control character."""
    signs = (
        at for at, sign in enumerate(text) if ord(sign) < 0x20 and sign not in "\t\n\r"
    )
    return text.count("\n", 0, next(signs, 0))


def _in_words(kind: str, place: str, message: str, given: object) -> str:
    match kind:
        case "extra_forbidden":
            return f"has an unknown key {place!r}."
        case "missing":
            return f"lacks the key {place!r}."
        case "string_pattern_mismatch":
            return f"{place!r}: {given!r} does not have the form of an id."
        case "value_error":
            return message.removeprefix("Value error, ") + "."
        case "string_type":
            return f"{place!r} has to be a text, and {given!r} is none."
        case "string_too_short":
            return f"{place!r} is empty."
        case "tuple_type":
            return f"{place!r} has to be a list in [ ], and {given!r} is none."
        case "too_short":
            return f"{place!r} is an empty list."
        case "int_type":
            return f"{place!r} has to be a whole number, and {given!r} is none."
        case "float_type":
            return f"{place!r} has to be a number, and {given!r} is none."
        case _ if kind.startswith("date_"):
            return f"{place!r} has to be a day such as 2026-01-31, not {given!r}."
        case _:
            return f"{place!r}: {message}."


def _remedy(model: type[BaseModel], kind: str, place: str) -> str:
    known = ", ".join(name for name in model.model_fields if name not in {"id", "text"})
    match kind:
        case "extra_forbidden" if "." not in place:
            return f"Known keys: {known}."
        case "missing":
            return "Add it."
        case "string_type":
            return "Put it between quotes."
        case "int_type" | "float_type":
            return "Write it in digits, without quotes."
        case _:
            return "Correct it."


def _line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Return the 1-based line of the deepest part of a location that can be found."""
    node = yaml.compose(text, _Loader)
    line = 1
    for part in location:
        match node:
            case yaml.MappingNode():
                for key, value in node.value:
                    if key.value == str(part):
                        line, node = key.start_mark.line + 1, value
                        break
                else:
                    return line
            case yaml.SequenceNode() if isinstance(part, int) and part < len(
                node.value
            ):
                node = node.value[part]
                line = node.start_mark.line + 1
            case _:
                return line
    return line
