"""``VERIFY.md``: how an archive is checked with nothing but a shell and OpenSSL."""

from typing import Final

from regml.items.config import Config
from regml.items.recorded import Release

PAGE: Final = "VERIFY.md"

_TEXT: Final = """\
# {device} {version}

Released by {who} <{email}> as {role} from commit `{commit}`{again}.

| | |
|---|---|
| key | `{key}` |
| weights (sha256) | `{model}` |
| dataset manifest (sha256) | `{dataset}` |

The last line of `project/records/log.jsonl` names the signed record of the release.

With regml installed, one command looks at all of this: `regml verify ARCHIVE.zip`.
Without it, unpack the archive, go to its folder and follow the four steps.

## 1. Every file is whole

```sh
sha256sum --check --quiet SHA256SUMS
```

## 2. The record was signed

The signature covers type and payload of the envelope, with their lengths before them.

```sh
last=$(tail -n 1 project/records/log.jsonl)
record=project/$(echo "$last" | sed 's/.*"path":"\\([^"]*\\)".*/\\1/')
echo "$last" | sed 's/.*"sha256":"\\([^"]*\\)".*/\\1/'; sha256sum "$record"
field() {{ sed -n "s/.*\\"$1\\":\\"\\([^\\"]*\\)\\".*/\\1/p" "$record" | tr -d '\\n'; }}
field payload | openssl base64 -d -A > payload.json
field sig | openssl base64 -d -A > signature.bin
{{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < payload.json)"
  cat payload.json; }} > signed.bin
{openssl}
```

It has to print the same digest twice, then `{good}`.
The key comes with this archive, so whoever made the archive up could have put in
another: compare `signers/{short}.pem` with the key that {who} gave you by another way.

The record says on which machine and with which packages it was made by naming a file
under `project/records/environments/`. Each of them is called after its own sha256;
this prints nothing where they are whole:

```sh
for file in project/records/environments/*.json; do
  echo "$(basename "$file" .json)  $file"
done | sha256sum --check --quiet
```

## 3. The record is about these files

```sh
grep -o '"contents_sha256":"[0-9a-f]*"' payload.json
sha256sum CONTENTS
sha256sum --check --quiet CONTENTS
cut -c 67- CONTENTS | LC_ALL=C sort > listed
find . -type f ! -path './project/records/*' | cut -c 3- | LC_ALL=C sort |
  LC_ALL=C comm -13 listed -
```

The first two lines have to show the same digest. The last command names every file
that nobody signed: it has to print `CONTENTS`, `SHA256SUMS`, and what was written here
(`listed`, `payload.json`, `signature.bin`, `signed.bin`), nothing else.
`CONTENTS` lists everything but the records, which step 4 looks at, and their
environments.

## 4. No record was changed, added or is missing

Each line of `project/records/log.jsonl` names a record, its sha256, and the records
before it. The same stands under `regml_previous` in the signed payloads, so that a
record that was removed leaves a gap. These three commands print nothing: each record
is the one that the log lists; what signed records name before them is there; nothing
else lies among the records.

```sh
log=project/records/log.jsonl
path='s/.*"path":"\\([^"]*\\)".*/project\\/\\1/'
both='s/.*"path":"\\([^"]*\\)".*"sha256":"\\([^"]*\\)".*/\\2  project\\/\\1/'
sed "$both" "$log" | sha256sum --check --quiet

sed "$path" "$log" | while read -r record; do
  field payload | openssl base64 -d -A | grep -o '"regml_previous":\\[[^]]*\\]'
done | grep -o '[0-9a-f]\\{{64\\}}' | LC_ALL=C sort -u > named
sed "$both" "$log" | cut -c -64 | LC_ALL=C sort | LC_ALL=C comm -13 - named

{{ sed "$path" "$log"; echo "$log"; ls project/records/environments/*.json; }} |
  LC_ALL=C sort > listed
find project/records -type f | LC_ALL=C sort | LC_ALL=C comm -13 listed -
```

The signature of the release covers the records before it, because it covers their
digests; who signed one of them is checked as in step 2, with its path as `record`.
The last line is the release; its sha256 is the anchor: keep it where nobody can change
it.
"""

_ECDSA: Final = (
    "openssl dgst -sha256 -verify signers/{short}.pem -signature signature.bin "
    "signed.bin",
    "Verified OK",
)
_ED25519: Final = (
    "openssl pkeyutl -verify -pubin -inkey signers/{short}.pem -rawin -in signed.bin "
    "-sigfile signature.bin",
    "Signature Verified Successfully",
)


def page(said: Release, key_id: str, config: Config) -> str:
    """Return the page for one archive; it is in the signed list itself.

    Args:
        said: The release; not yet signed, so neither time nor record are known.
        key_id: Of the key that signs it.
        config: ``regml.toml`` as it was when it was signed.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from regml.records.keys import trusted_keys

    key = trusted_keys(config.signers)[key_id].key
    command, good = _ED25519 if isinstance(key, Ed25519PublicKey) else _ECDSA
    short = key_id[:12]
    person = said.origin.person
    return _TEXT.format(
        device=config.device.name,
        version=said.version,
        who=person.name,
        email=person.email,
        role=said.role,
        commit=said.commit,
        again=f", again as release@{said.of} handed it over" if said.of else "",
        key=key_id,
        model=said.model or "none",
        dataset=said.dataset or "none",
        openssl=command.format(short=short),
        good=good,
        short=short,
    )
