"""Attacks on the archive of a release, far from the repository."""

import base64
import json
import shutil
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from regml.digest import canonical_json, sha256_of
from regml.errors import BrokenFileError
from regml.files.package import digests, listing, open_package, write_package
from regml.records.dsse import seal
from regml.records.keys import create_key, key_id, public_pem, read_key, signer_block
from regml.release.contents import CONTENTS
from regml.release.verify import UNLISTED, verify_archive
from tests.release.conftest import Shop

RECORDS = "project/records/"
LOG = f"{RECORDS}log.jsonl"
WEIGHTS = "bundle/models/weights.safetensors"
SRS = "project/requirements_srs/software/SRS-001.md"

Files = dict[str, bytes]


def unpack(archive: Path) -> Files:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def pack(files: Mapping[str, bytes], path: Path, *, listed: bool = True) -> Path:
    """Write an archive with right sums, as an attacker would."""
    members = {k: v for k, v in files.items() if k != "SHA256SUMS"}
    if listed:
        handed = [
            name
            for name in members
            if name not in UNLISTED and not name.startswith(RECORDS)
        ]
        members[CONTENTS] = listing({n: sha256_of(members[n]) for n in handed})
    write_package(path, members, seconds=0)
    return path


def release_path(files: Files) -> str:
    [path] = [name for name in files if name.startswith(f"{RECORDS}releases/")]
    return path


def change_weights(files: Files) -> None:
    files[WEIGHTS] = b"weights of somebody"


def change_item(files: Files) -> None:
    files[SRS] = files[SRS].replace(b"title: ", b"title: Not ")


def change_lock(files: Files) -> None:
    name = "project/dvc.lock"
    files[name] = files[name].replace(b"regml record", b"true || record")


def slip_in(files: Files) -> None:
    files["dhf/html/index.html"] = b"All is well."


def slip_in_beside_the_log(files: Files) -> None:
    files[f"{RECORDS}README.md"] = b"All is well."


def remove_record(files: Files) -> None:
    [first] = [name for name in files if name.startswith(f"{RECORDS}runs/")]
    del files[first]
    files[LOG] = b"".join(files[LOG].splitlines(keepends=True)[1:])


def remove_file_of_record(files: Files) -> None:
    del files[next(n for n in files if n.startswith(f"{RECORDS}waivers/"))]


def an_environment(files: Files) -> str:
    return min(n for n in files if n.startswith(f"{RECORDS}environments/"))


def edit_environment(files: Files) -> None:
    path = an_environment(files)
    files[path] = files[path].replace(b"version", b"Version")


def remove_environment(files: Files) -> None:
    del files[an_environment(files)]


def slip_in_environment(files: Files) -> None:
    content = b'{"packages":{}}\n'
    files[f"{RECORDS}environments/{sha256_of(content)}.json"] = content


def cut_off(files: Files) -> None:
    del files[release_path(files)]
    files[LOG] = b"".join(files[LOG].splitlines(keepends=True)[:-1])


def edit_record(files: Files) -> None:
    """Put other weights into the signed payload, and keep the log right."""
    path = release_path(files)
    before = sha256_of(files[path])
    envelope = json.loads(files[path])
    payload = json.loads(base64.b64decode(envelope["payload"]))
    change_weights(files)
    payload["predicate"]["model"] = sha256_of(files[WEIGHTS])
    envelope["payload"] = base64.b64encode(canonical_json(payload)).decode()
    files[path] = canonical_json(envelope) + b"\n"
    after = sha256_of(files[path])
    files[LOG] = files[LOG].replace(before.encode(), after.encode())


def move_lines(files: Files) -> None:
    first, second, *others = files[LOG].splitlines(keepends=True)
    files[LOG] = b"".join([second, first, *others])


def take_away_the_role(files: Files) -> None:
    name = "signers/regml.toml"
    files[name] = files[name].replace(b'"quality", "developer"', b'"developer"')


def take_away_the_model(files: Files) -> None:
    del files[WEIGHTS]


def leave_no_log(files: Files) -> None:
    del files[LOG]


def break_the_list(files: Files) -> None:
    files[LOG] += b"no line\n"


def put_a_list_into_the_log(files: Files) -> None:
    files[LOG] += b'{"path": "x", "previous": [["a"]], "sha256": "y"}\n'


ATTACKS: dict[Callable[[Files], None], str] = {
    change_weights: "does not hold the weights that were released",
    change_item: "doc:05-requirements: is not what it was when it was released",
    change_lock: "is not the one that records and dvc.lock tell of",
    slip_in: "CONTENTS: is not what the release signed",
    slip_in_beside_the_log: "is no record that the log lists",
    remove_record: "evidence was removed",
    remove_file_of_record: "missing record",
    edit_environment: "is not the one that was signed",
    remove_environment: "environment lost",
    slip_in_environment: "and none names it: it was slipped in",
    cut_off: "the last record is no release that can be believed",
    edit_record: "its signature does not fit its content",
    move_lines: "lines were moved",
    take_away_the_role: "signed by somebody without the role quality",
    take_away_the_model: "does not hold the weights",
    leave_no_log: "the last record is no release",
    put_a_list_into_the_log: "is not a line of the log",
    break_the_list: "is not a line of the log",
}


def messages(archive: Path, key: str | None = None) -> str:
    return "\n".join(f"{w}: {m}" for w, m in verify_archive(archive, key=key).problems)


def test_what_was_released_is_in_order(delivered: Path) -> None:
    assert messages(delivered) == ""


def test_what_was_waived_is_said(delivered: Path) -> None:
    seen = dict(verify_archive(delivered).seen)
    assert "T08 on 1" in seen["waived"]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_is_found(
    attack: Callable[[Files], None], delivered: Path, tmp_path: Path
) -> None:
    files = unpack(delivered)
    attack(files)
    said = messages(pack(files, tmp_path / "a.zip"))
    assert ATTACKS[attack] in said


@pytest.mark.parametrize("name", [WEIGHTS, "VERIFY.md", "signers/regml.toml"])
def test_a_changed_file_is_found_by_its_sum_and_by_the_signed_list(
    delivered: Path, tmp_path: Path, name: str
) -> None:
    files = unpack(delivered)
    sums = files["SHA256SUMS"]
    files[name] += b"\n"
    path = pack(files, tmp_path / "a.zip", listed=False)
    assert f"{name}: is not what CONTENTS says" in messages(path)
    with zipfile.ZipFile(path, "w") as archive:
        for member in sorted(files):
            content = sums if member == "SHA256SUMS" else files[member]
            archive.writestr(zipfile.ZipInfo(member), content)
    assert f"{name}: is not what SHA256SUMS says" in messages(path)


def test_somebody_elses_key_is_seen_where_the_right_one_is_known(
    delivered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An archive that was made up from end to end is only caught by a key or anchor."""
    files = unpack(delivered)
    mine = tmp_path / "mine.pem"
    create_key(mine)
    key = read_key(mine)
    toml = files["signers/regml.toml"].decode()
    pem = next(v.decode() for k, v in files.items() if k.endswith(".pem"))
    again = toml.split("[[signers]]")[1].replace(pem, public_pem(key))
    files["signers/regml.toml"] = f"{toml}\n[[signers]]{again}".encode()
    change_weights(files)
    path = release_path(files)
    payload = json.loads(base64.b64decode(json.loads(files[path])["payload"]))
    draft = unpack(pack(files, tmp_path / "draft.zip"))
    payload["predicate"]["contents_sha256"] = sha256_of(draft[CONTENTS])
    forged = seal(canonical_json(payload), key)
    files[LOG] = files[LOG].replace(
        sha256_of(files[path]).encode(), sha256_of(forged).encode()
    )
    files[path] = forged
    archive = pack(files, tmp_path / "a.zip")
    assert f"signed with key {key_id(key.private.public_key())[:12]}" in messages(
        archive, key=pem
    )
    assert messages(delivered, key=pem) == ""


def test_the_command_needs_no_project(
    shop: Shop, delivered: Path, tmp_path: Path
) -> None:
    alone = Shop(tmp_path / "alone", shop.home)
    alone.root.mkdir()
    shutil.copy(delivered, alone.root / "it.zip")
    done = alone.regml("verify", "it.zip", "--format", "json")
    assert done.status == 0
    assert json.loads(done.out)["problems"] == []
    files = unpack(delivered)
    change_item(files)
    pack(files, alone.root / "bad.zip")
    assert alone.regml("verify", "bad.zip").status == 1
    nothing = alone.regml("verify", "none.zip")
    assert (nothing.status, nothing.err.count("\n")) == (2, 1)


def follow(archive: Path, folder: Path) -> str:
    """Unpack an archive, do what its page says, and return what is printed."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    page = (folder / "VERIFY.md").read_text()
    script = "\n".join(part.partition("```")[0] for part in page.split("```sh\n")[1:])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_can_be_followed_with_openssl_alone(
    delivered: Path, tmp_path: Path
) -> None:
    said = follow(delivered, tmp_path)
    assert "Verified OK" in said
    digest, again, *_ = said.splitlines()
    assert digest == again.split()[0]
    [told] = [line for line in said.splitlines() if "contents_sha256" in line]
    assert sha256_of((tmp_path / CONTENTS).read_bytes()) in told


def test_the_page_names_what_was_slipped_in_or_removed(
    delivered: Path, tmp_path: Path
) -> None:
    files = unpack(delivered)
    removed = json.loads(files[LOG].splitlines()[0])["sha256"]
    quiet = follow(delivered, tmp_path / "as it was")
    remove_record(files)
    slip_in_beside_the_log(files)
    files["project/risk/RISK-999.md"] = b"All is well."
    loud = follow(pack(files, tmp_path / "a.zip", listed=False), tmp_path / "x")
    named = set(loud.splitlines()) - set(quiet.splitlines())
    assert {"project/risk/RISK-999.md", f"{RECORDS}README.md", removed} <= named


def test_the_page_knows_ed25519(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "home/regml/signing_key.pem"
    create_key(path, kind="ed25519")
    block = signer_block(read_key(path), "Edda", "edda@example.org", ["quality"])
    shop.write("regml.toml", f"{(shop.root / 'regml.toml').read_text()}\n{block}")
    shop.commit("Edda joins")
    archive = Shop(shop.root, tmp_path / "home").release()
    assert "by Edda (quality)" in shop.regml("verify", str(archive)).out
    assert "Signature Verified Successfully" in follow(archive, tmp_path / "x")


def test_a_record_that_was_kept_elsewhere_has_to_be_in_the_log(
    shop: Shop, delivered: Path
) -> None:
    last = json.loads(unpack(delivered)[LOG].splitlines()[-1])["sha256"]
    kept = shop.regml("verify", str(delivered), "--anchor", last)
    assert (kept.status, f"the head {last[:12]} is in the log" in kept.out) == (0, True)
    short = shop.regml("verify", str(delivered), "--anchor", last[:12])
    assert (short.status, f"the head {last[:12]} is in" in short.out) == (0, True)
    lost = shop.regml("verify", str(delivered), "--anchor", "0" * 64)
    assert (lost.status, "records were cut off" in lost.out) == (1, True)


def test_an_anchor_and_a_key_need_no_repository(
    shop: Shop, delivered: Path, tmp_path: Path
) -> None:
    files = unpack(delivered)
    last = json.loads(files[LOG].splitlines()[-1])["sha256"]
    alone = Shop(tmp_path / "alone", shop.home)
    alone.root.mkdir()
    kept = alone.regml("verify", str(delivered), "--anchor", last[:12])
    assert (kept.status, f"the head {last[:12]} is in" in kept.out) == (0, True)
    unknown = alone.regml("verify", str(delivered), "--anchor", "v1.0.0")
    assert (unknown.status, unknown.err.count("\n")) == (2, 1)
    assert "v1.0.0: is no file, no revision of git and no head" in unknown.err
    pem = next(v.decode() for k, v in files.items() if k.endswith(".pem"))
    for text, said in ((pem * 2, "holds several keys"), ("x", "holds no public key")):
        (alone.root / "key.pem").write_text(text)
        refused = alone.regml("verify", str(delivered), "--key", "key.pem")
        assert (refused.status, f"key.pem: {said}" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "regml.toml"], "--key goes with ARCHIVE"),
        (["x.zip", "--quick"], "ARCHIVE goes with --key and --anchor alone"),
    ],
)
def test_an_option_that_would_look_at_nothing_is_refused(
    arguments: list[str], said: str, shop: Shop
) -> None:
    done = shop.regml("verify", *arguments)
    assert (done.status, said in done.err) == (2, True)


def member(name: str, **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("../x", {}, "leads out of the archive"),
        ("a/../../x", {}, "leads out of the archive"),
        ("/etc/passwd", {}, "leads out of the archive"),
        ("folder/", {}, "leads out of the archive or to a folder"),
        ("a\\b", {}, "not every system"),
        ("C:x", {}, "not every system"),
        ("link", {"external_attr": (stat.S_IFLNK | 0o777) << 16}, "is a link"),
        ("pipe", {"external_attr": (stat.S_IFIFO | 0o666) << 16}, "no plain file"),
        ("bomb", {"compress_type": zipfile.ZIP_DEFLATED}, "compressed"),
        ("REGML.toml", {}, "twice"),
    ],
)
def test_a_hostile_member_is_refused(
    tmp_path: Path, name: str, fields: dict[str, int], said: str
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("regml.toml", "x")
        archive.writestr(member(name, **fields), b"0" * 5000)
    with pytest.raises(BrokenFileError, match=said) as caught:
        verify_archive(path)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def patched(delivered: Path, at: int, value: bytes) -> bytes:
    """Return the archive with another value in its first central entry."""
    raw = bytearray(delivered.read_bytes())
    start = raw.index(b"PK\x01\x02")
    raw[start + at : start + at + len(value)] = value
    return bytes(raw)


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: b"",
        lambda _: b"PK\x03\x04 no archive",
        lambda p: p.read_bytes()[:-10],
        lambda p: p.read_bytes()[: p.stat().st_size // 2],
        lambda p: p.read_bytes()[1000:],
        lambda p: p.read_bytes().replace(
            b"weights of version A", b"weights of version B"
        ),
        lambda p: patched(p, 8, struct.pack("<H", 1)),  # encrypted
        lambda p: patched(p, 20, struct.pack("<LL", 2**31, 2**31)),  # larger than it is
        lambda p: patched(p, 42, struct.pack("<L", 7)),  # points elsewhere
    ],
    ids=["empty", "no", "cut", "half", "headless", "crc", "secret", "large", "offset"],
)
def test_a_broken_archive_is_one_message(
    delivered: Path, tmp_path: Path, broken: Callable[[Path], bytes]
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(broken(delivered))
    with pytest.raises(BrokenFileError, match=r"a\.zip"):
        verify_archive(path)


def between(archive: bytes) -> bytes:
    """Put a file that nothing lists before the others, and correct the list."""
    ghost = struct.pack("<4s2B4H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 33, 0, 1, 1, 1, 0)
    raw = bytearray(ghost + b"xy" + archive)
    end = raw.rindex(b"PK\x05\x06")
    count, _, start = struct.unpack("<HLL", raw[end + 10 : end + 20])
    place = start + len(ghost) + 2
    raw[end + 16 : end + 20] = struct.pack("<L", place)
    for _ in range(count):
        offset, *lengths = struct.unpack("<L", raw[place + 42 : place + 46])
        raw[place + 42 : place + 46] = struct.pack("<L", offset + len(ghost) + 2)
        place += 46 + sum(struct.unpack("<3H", raw[place + 28 : place + 34]), *lengths)
    return bytes(raw)


def relabelled(archive: bytes) -> bytes:
    """Have what stands before the first file tell of a shorter one than the list."""
    return archive[:18] + struct.pack("<LL", 1, 1) + archive[26:]


@pytest.mark.parametrize(
    "other",
    [
        lambda raw: b"#!/bin/sh\n" + raw,
        lambda raw: raw + b"more",
        between,
        relabelled,
    ],
    ids=["before", "after", "between", "relabelled"],
)
def test_bytes_that_other_programs_may_read_otherwise_are_refused(
    other: Callable[[bytes], bytes], delivered: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(other(delivered.read_bytes()))
    with zipfile.ZipFile(path) as archive:  # Python itself sees nothing odd
        assert archive.testzip() is None
    with pytest.raises(BrokenFileError, match=r"to no file|otherwise than it"):
        verify_archive(path)


def test_large_members_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    path, content = tmp_path / "a.zip", bytes(5000)
    (tmp_path / "big").write_bytes(content)
    write_package(path, {"x": tmp_path / "big", "ä": content, "z": b""}, seconds=0)
    monkeypatch.undo()
    with open_package(path) as archive:
        assert digests(path, archive)["x"] == sha256_of(content)


def test_a_name_that_no_archive_may_hold_is_not_written(tmp_path: Path) -> None:
    from regml.errors import ConfigError

    with pytest.raises(ConfigError, match="cannot go into an archive"):
        write_package(tmp_path / "a.zip", {"../x": b""}, seconds=0)
    assert not list(tmp_path.iterdir())


def test_a_file_goes_in_as_its_bytes_would(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    for name, content in (("a", tmp_path / "big"), ("b", bytes(3 << 20))):
        write_package(tmp_path / name, {"x": content}, seconds=10**9)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with open_package(tmp_path / "a") as archive:
        assert archive.getinfo("x").date_time == (2001, 9, 9, 1, 46, 40)
