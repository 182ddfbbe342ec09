"""Bills of materials in a release: of what it is, kept for later, and looked at."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regml.exchange.cyclonedx import validate
from regml.records.bills import KEPT
from regml.release.bills import ML_BOM, SBOM
from regml.release.verify import verify_archive
from tests.release.conftest import PACKAGE, Shop
from tests.release.test_sign import releases, second
from tests.release.test_verify import Files, pack, unpack


def bill(files: Files, name: str) -> Any:
    return json.loads(files[name])


def test_a_release_hands_over_what_it_consists_of(delivered: Path) -> None:
    files = unpack(delivered)
    assert validate(files[SBOM])
    assert validate(files[ML_BOM])
    listed = {row["name"]: row for row in bill(files, SBOM)["components"]}
    assert listed[PACKAGE]["hashes"]
    weights = [
        row["hashes"][0]["content"]
        for row in bill(files, ML_BOM)["components"]
        if row["type"] == "machine-learning-model"
    ]
    assert f"{weights[0]}  bundle/models/weights.safetensors" in (
        files["CONTENTS"].decode()
    )
    seen = dict(verify_archive(delivered).seen)
    assert "every package of the lock file" in seen["bills"]


def edit(name: str, change: Callable[[Any], object]) -> Callable[[Files], None]:
    def attack(files: Files) -> None:
        document = bill(files, name)
        change(document)
        files[name] = json.dumps(document).encode()

    return attack


ATTACKS: list[tuple[Callable[[Files], object], str]] = [
    (lambda files: files.pop(SBOM), f"{SBOM}: is missing"),
    (lambda files: files.pop(ML_BOM), f"{ML_BOM}: is missing"),
    (
        lambda files: files.update({SBOM: files[SBOM] + b"\n"}),
        f"{SBOM}: is not what the release signed",
    ),
    (lambda files: files.update({SBOM: b"[]"}), "is not a JSON object"),
    (lambda files: files.update({SBOM: b"{}"}), "is no CycloneDX document"),
    (
        edit(SBOM, lambda told: told.update(components=[])),
        f"does not list what the lock file has: {PACKAGE}",
    ),
    (
        edit(SBOM, lambda told: told["components"][0].update(version="0", name="x")),
        "does not list what the lock file has",
    ),
    (
        edit(SBOM, lambda told: told["metadata"].update(properties=[])),
        "was not written of commit",
    ),
    (
        edit(SBOM, lambda told: told["metadata"]["component"].update(version="9")),
        "is not about Tiny Device 1.0.0",
    ),
    (
        edit(ML_BOM, lambda told: told.update(components=[{"type": "data"}])),
        "is not about the model that was released",
    ),
]


@pytest.mark.parametrize(("attack", "said"), ATTACKS)
def test_a_bill_of_something_else_is_found(
    attack: Callable[[Files], object], said: str, delivered: Path, tmp_path: Path
) -> None:
    """Also where whoever signs made up the list of contents himself."""
    files = unpack(delivered)
    attack(files)
    found = verify_archive(pack(files, tmp_path / "a.zip")).problems
    assert any(said in f"{where}: {message}" for where, message in found), found


def test_what_was_handed_over_is_kept_for_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = shop.release()
    first = archive.read_bytes()
    shop.commit("1.0.0")
    kept = sorted(path.name for path in (shop.root / KEPT).iterdir())
    assert {name.partition("-")[2] for name in kept} == {
        "ml-bom.cdx.json",
        "sbom.cdx.json",
    }
    assert "records/bills" in shop.git("ls-files", KEPT)
    # another machine, with other packages
    monkeypatch.setattr("regml.files.installed.read_installed", lambda _: {})
    assert shop.release("--archive-only").read_bytes() == first
    shutil.rmtree(shop.root / KEPT)
    done = shop.regml("release", "--archive-only")
    assert done.status == 2
    assert all(f"{KEPT}/{name}" in done.err for name in kept)
    monkeypatch.undo()
    assert shop.release("--archive-only").read_bytes() == first


def test_going_back_hands_over_the_bills_of_then(shop: Shop) -> None:
    before = unpack(shop.release())
    shop.commit("1.0.0")
    second(shop)
    between = unpack(shop.release())
    shop.commit("2.0.0")
    after = unpack(shop.release("2.0.1", "--of", "release@1.0.0", "--comment", "bad"))
    for name in (SBOM, ML_BOM):
        assert after[name] == before[name] != between[name]
    assert len(releases(shop)) == 3


def test_kept_bills_that_were_edited_are_not_handed_over(shop: Shop) -> None:
    before = unpack(shop.release())
    shop.commit("1.0.0")
    for path in (shop.root / KEPT).iterdir():
        path.write_bytes(path.read_bytes().replace(b"CycloneDX", b"CycloneDY"))
    shop.commit("Edit")
    back = ("1.0.1", "--of", "release@1.0.0", "--comment", "x")
    refused = shop.regml("release", *back)
    assert refused.status == 1
    assert "is not the bill of materials that release@" in refused.out
    after = unpack(shop.release(*back, "--because", "They are in the archive."))
    for name in (SBOM, ML_BOM):
        assert after[name] == before[name]  # made again, on the same machine


def test_kept_bills_that_were_edited_or_removed_are_seen(shop: Shop) -> None:
    shop.release()
    shop.commit("1.0.0")
    done = shop.regml("verify")
    assert (done.status, "bills      2 of 2 of materials as signed" in done.out) == (
        0,
        True,
    )
    first, last = sorted((shop.root / KEPT).iterdir())
    content = first.read_bytes()
    first.write_bytes(content.replace(b"CycloneDX", b"CycloneDY"))
    last.unlink()
    shop.write(f"{KEPT}/stray.json", "{}")
    shop.commit("Edit")
    done = shop.regml("verify", "--quick")
    assert done.status == 1
    assert "bills      0 of 2 of materials as signed" in done.out
    told = f"{KEPT}/{first.name}: differs: is not the bill of materials that release@"
    assert told in done.out
    assert f"{len(content):,} bytes" in done.out
    assert f"{KEPT}/{last.name}: differs: the bill of materials" in done.out
    assert f"not named  {KEPT}/stray.json" in done.out
    assert shop.regml("release", "1.0.0", "--comment", "again").status == 1


def test_without_the_library_they_are_written_and_it_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regml.exchange.cyclonedx.find_spec", lambda _: None)
    done = shop.regml("release")
    assert done.status == 0
    assert "Not held against the CycloneDX schema: pip install" in done.err
    assert f"bills of materials: No SOUP item: {PACKAGE}." in done.err
    assert SBOM in unpack(next((shop.root / "build/release").glob("*.zip")))
