"""The secret key and the pseudonyms that are made with it.

The same key gives the same pseudonyms, so that a later export joins an earlier one.
Whoever holds the key can tell whether a name belongs to a pseudonym; it stays out of
git and out of every report.
"""

import hmac
import os
import re
import secrets
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from regml.errors import BrokenFileError, ConfigError

KEY_BYTES = 32
"""Length of the key."""

KEY_VARIABLE = "REGML_DEID_KEY"
"""Environment variable that may hold the key, 64 hexadecimal digits."""

KEY_FILE = "deidentification.key"
"""Name of the key's file in the private folder."""

SHORTEST_SHIFT_DAYS, LONGEST_SHIFT_DAYS = 30, 3650
"""Dates move back by so many days, both inclusive."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names for people, places and things that only the key links to the real ones.

    Attributes:
        key: The secret, 32 bytes.
    """

    key: bytes

    def __repr__(self) -> str:
        return f"Pseudonyms(key_id={self.key_id!r})"

    @property
    def key_id(self) -> str:
        """What tells two keys apart and gives none away, 16 hexadecimal digits."""
        return self._digest("key", "").hex()[:16]

    def uid(self, original: str) -> str:
        """Return the UID that stands for another one, below 2.25 (PS3.5 B.2)."""
        number = bytearray(self._digest("uid", original)[:16])
        number[6] = number[6] & 0x0F | 0x80  # RFC 9562: version 8, made by hashing
        number[8] = number[8] & 0x3F | 0x80  # RFC 9562: variant
        return f"2.25.{int.from_bytes(number)}"

    def patient(self, patient: str) -> str:
        """Return the name of a person."""
        return f"HV-{self._digest('patient', patient).hex()[:8]}"

    def reader(self, name: str) -> str:
        """Return the name of a reader; case, accents and punctuation do not matter."""
        return f"R-{self._digest('reader', folded(name)).hex()[:6]}"

    def site(self, name: str) -> str:
        """Return the name of a hospital; case and punctuation do not matter."""
        return f"SITE-{self._digest('site', folded(name)).hex()[:6]}"

    def shift_days(self, patient: str) -> int:
        """Return by how many days a person's dates move; negative, so into the past."""
        span = LONGEST_SHIFT_DAYS - SHORTEST_SHIFT_DAYS + 1
        number = int.from_bytes(self._digest("days", patient)[:8])
        return -(SHORTEST_SHIFT_DAYS + number % span)

    def _digest(self, purpose: str, value: str) -> bytes:
        """Return HMAC-SHA256; the purpose keeps the kinds of pseudonym apart."""
        return hmac.digest(self.key, f"{purpose}\0{value}".encode(), "sha256")


def folded(name: str) -> str:
    """Return a name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = (char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", " ", "".join(letters)).strip()


def load_key(private: Path) -> bytes:
    """Return the key from the environment or the private folder, made on first use.

    Args:
        private: Folder that git ignores.

    Raises:
        ConfigError: The environment variable does not hold a key.
        BrokenFileError: The key file does not hold a key or cannot be made.
    """
    if text := os.environ.get(KEY_VARIABLE):
        if (key := _parse_key(text)) is None:
            raise ConfigError(
                f"{KEY_VARIABLE}: has to be {2 * KEY_BYTES} hexadecimal digits."
            )
        return key
    path = private / KEY_FILE
    try:
        text = path.read_text("ascii") if path.exists() else _create_key(path)
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenFileError(path, f"is not a readable key: {error}.") from error
    if (key := _parse_key(text)) is None:
        raise BrokenFileError(
            path,
            f"has to hold {2 * KEY_BYTES} hexadecimal digits.",
            remedy="Restore it from your safe; with a new key, pseudonyms change.",
        )
    return key


def _parse_key(text: str) -> bytes | None:
    """Return the key in a text, or nothing when there is none."""
    digits = text.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", digits):
        return None
    return bytes.fromhex(digits)


def _create_key(path: Path) -> str:
    """Write a new key that only its owner can read, and return it."""
    text = secrets.token_hex(KEY_BYTES) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "ascii")  # so that no project can commit it
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    sys.stderr.write(
        f"made a new de-identification key: {path} (keep a copy in a safe place; "
        "it links pseudonyms to patients and never belongs into git)\n"
    )
    return text
