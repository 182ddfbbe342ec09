"""RFC 3161 time stamps over heads of the log: a clock that is not the signer's.

A stamp says that a head, and so every record before it, existed at a time. It lies in
``records/timestamps/`` and is no record: a time stamping authority signed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regml.errors import BrokenFileError, ConfigError, RecordError
from regml.items.recorded import LogProblem, ProblemKind
from regml.records.log import log_heads, read_entries
from regml.records.storage import LOG, write_whole

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

FOLDER = "records/timestamps"
SECONDS = 30.0
"""How long an authority may take to answer, in seconds."""

LARGEST_BYTES = 1 << 20
"""What an answer may have at most, in bytes."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What time stamps say.

    Attributes:
        held: One sentence for each stamp that holds.
        unseen: Why stamps were not checked.
        problems: What is wrong with the others.
    """

    held: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    problems: tuple[LogProblem, ...] = ()


def stamp(root: Path, url: str) -> tuple[str, ...]:
    """Have every head of the log stamped; return the paths of the stamps.

    Args:
        root: The project.
        url: Of a time stamping authority, http or https.

    Raises:
        ConfigError: The package for it is missing, or the URL is none.
        RecordError: The authority does not answer, or answers something else, or there
            is no record.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{url}: is no http or https URL of an authority.")
    entries = read_entries(root)
    if not entries:
        raise RecordError(f"{LOG}: has no record yet, so there is nothing to stamp.")
    files = {entry.sha256: entry.path for entry in entries}
    made = []
    for head in log_heads(entries):
        content = (root / files[head]).read_bytes()
        answer = _asked(url, content, head)
        name = f"{FOLDER}/{head[:16]}.tsr"
        try:
            (root / FOLDER).mkdir(parents=True, exist_ok=True)
            write_whole(root / name, answer)
        except OSError as error:
            raise RecordError(
                f"{name}: cannot be written ({error.strerror})."
            ) from error
        made.append(name)
    return tuple(made)


def check_stamps(
    root: Path, finished: Mapping[str, str], certificate: Path | None
) -> Stamps:
    """Check every stamp of a project.

    Args:
        root: The project.
        finished: When each listed record says it was finished, by its sha256; ``""``
            where that is not believed.
        certificate: PEM of the authority's root, got from the authority.

    Raises:
        ConfigError: The package for it is missing.
        BrokenFileError: The certificate is none.
    """
    folder = root / FOLDER
    names = sorted(p.name for p in folder.glob("*.tsr")) if folder.is_dir() else []
    if not names:
        told = f"there is no time stamp in {FOLDER} to check with {certificate}"
        return Stamps(unseen=(told,) if certificate else ())
    if certificate is None:
        told = f"{len(names)} time stamps were not checked: name the certificate of the"
        return Stamps(unseen=(f"{told} authority with --tsa-certificate",))
    trusted = _certificate(certificate)
    answers = [_check(folder / name, finished, trusted) for name in names]
    return Stamps(
        held=tuple(answer for answer in answers if isinstance(answer, str)),
        problems=tuple(answer for answer in answers if not isinstance(answer, str)),
    )


def _check(
    path: Path, finished: Mapping[str, str], trusted: "Certificate"
) -> str | LogProblem:
    from rfc3161_client import VerificationError, VerifierBuilder

    name = f"{FOLDER}/{path.name}"
    try:
        answer = _decoded(path.read_bytes())
        imprint = answer.tst_info.message_imprint.message
        VerifierBuilder().add_root_certificate(trusted).build().verify(answer, imprint)
    except (VerificationError, ValueError, OSError) as error:
        why = str(error).partition(": ErrorStack")[0]
        said = f"is no good time stamp of this authority ({why}): do not believe it"
        return LogProblem(ProblemKind.BAD_SIGNATURE, name, said)
    digest = imprint.hex()
    time = f"{answer.tst_info.gen_time:%Y-%m-%dT%H:%M:%SZ}"
    if digest not in finished:
        return LogProblem(
            ProblemKind.MISSING,
            LOG,
            f"does not list record {digest[:12]}, which existed at {time} as {name} "
            "says: records were cut off, or the log was written anew since",
        )
    if finished[digest][:19] > time[:19]:
        return LogProblem(
            ProblemKind.TIME,
            name,
            f"record {digest[:12]} says it was finished at {finished[digest]}, but the "
            f"authority saw it at {time}: the clock of its signer was wrong",
        )
    return f"record {digest[:12]} and all before it existed at {time} ({name})"


def _asked(url: str, content: bytes, head: str) -> bytes:
    import urllib.request  # nobody else here talks to a network

    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise ConfigError(_MISSING) from error
    asked = TimestampRequestBuilder().data(content)
    request = asked.hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()
    post = urllib.request.Request(  # noqa: S310 - http or https, looked at above
        url, request, {"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(post, timeout=SECONDS) as reply:  # noqa: S310
            answer: bytes = reply.read(LARGEST_BYTES)
        imprint = _decoded(answer).tst_info.message_imprint.message
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{url}: gives no time stamp ({error}). Try again, or ask another "
            "authority."
        ) from error
    if imprint.hex() != head:
        raise RecordError(f"{url}: stamped something else than record {head[:12]}.")
    return answer


def _decoded(raw: bytes) -> "TimeStampResponse":
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(raw)


def _certificate(path: Path) -> "Certificate":
    try:
        import rfc3161_client  # noqa: F401 - asked for before it is needed
        from cryptography.x509 import load_pem_x509_certificate
    except ImportError as error:
        raise ConfigError(_MISSING) from error
    try:
        return load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BrokenFileError(str(path), "is no certificate in PEM.") from error


_MISSING = "time stamps need another package: pip install 'regml[timestamp]'"
