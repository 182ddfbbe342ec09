"""XML of other tools: read without following any entity."""

from typing import TYPE_CHECKING

from regml.errors import BrokenFileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(content: bytes, name: str) -> "Element":
    """Return the root of an XML document.

    Raises:
        BrokenFileError: It is not XML, or declares a document type or entities.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BrokenFileError(
            name,
            "declares a document type or entities, which can hide other content.",
            remedy="Export it again without a DOCTYPE.",
        ) from error
    except ParseError as error:
        line, _ = error.position
        raise BrokenFileError(name, f"is not XML: {error.msg}.", line=line) from error
    except (LookupError, ValueError) as error:
        raise BrokenFileError(name, f"is not XML: {error}.") from error
    return root


def illegal_character(text: str) -> str | None:
    """Return the first character that XML 1.0 cannot hold, or ``None``."""
    for character in text:
        code = ord(character)
        if (code < 0x20 and character not in "\t\n\r") or code in {0xFFFE, 0xFFFF}:
            return character
    return None
