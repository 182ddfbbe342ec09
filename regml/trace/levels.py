"""Classes and levels: which one a catalogue is to be looked at for."""

from regml.errors import UnknownIdError
from regml.items.base import SafetyClass
from regml.items.config import Device
from regml.standards.catalogue import Catalogue


def knows(catalogue: Catalogue, asked: str | None) -> bool:
    """Tell whether a catalogue has a class or level."""
    levels = catalogue.levels
    return levels is not None and asked in (*levels.of, *levels.values)


def level_of(
    catalogue: Catalogue, asked: str | None, device: Device
) -> tuple[str | None, SafetyClass]:
    """Return the level of a catalogue, and the safety class to put the rules for.

    Args:
        catalogue: The catalogue.
        asked: A class or level, or ``None`` for what the device has.
        device: What ``regml.toml`` says.

    Raises:
        UnknownIdError: The catalogue knows no such class or level.
    """
    levels = catalogue.levels
    if levels is None:
        if asked is None:
            return None, device.safety_class
        raise UnknownIdError(f"{catalogue.standard} has no classes or levels.")
    own = str(getattr(device, levels.follows))
    value = own if asked is None else asked
    if asked is not None and asked not in levels.of:
        fitting = [key for key, level in levels.of.items() if level == asked]
        if not fitting:
            raise UnknownIdError(
                f"{catalogue.standard} has no {levels.name} {asked!r}; "
                f"it has {', '.join(levels.values)}."
            )
        value = own if own in fitting else fitting[-1]
    if value not in levels.of:
        raise UnknownIdError(
            f"regml.toml: {levels.follows} is {value!r}; {catalogue.standard} knows "
            f"{', '.join(levels.of)}."
        )
    by_class = levels.follows == "safety_class"
    return levels.of[value], SafetyClass(value) if by_class else device.safety_class
