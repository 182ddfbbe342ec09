"""Releasing: what is refused, what is written, and how one goes back."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from regml.digest import canonical_json, digest_file, sha256_of
from regml.files.package import listing
from regml.items.recorded import Record, Release
from regml.project import open_project
from regml.records.statement import read, write
from regml.records.verify import verify
from tests.factories import release as any_release
from tests.factories import resolver
from tests.release.conftest import Shop


def releases(shop: Shop) -> list[tuple[Record, Release]]:
    records = open_project(shop.root).evidence.records
    return [(r, r.statement) for r in records if isinstance(r.statement, Release)]


def refused(shop: Shop, *arguments: str, status: int = 2, **env: str) -> str:
    """Try to release; return what is said and see that nothing was written."""
    before = shop.git("status", "--porcelain")
    done = shop.regml("release", *arguments, **env)
    assert done.status == status, done.out + done.err
    assert not (shop.root / "records/releases").exists()
    assert not (shop.root / "build").exists()
    assert shop.git("status", "--porcelain") == before
    return done.out + done.err


def second(shop: Shop) -> None:
    """Train other weights and bring 2.0.0 through the gate."""
    shop.edit("src/make.py", "version A", "version B")
    shop.edit("regml.toml", 'version = "1.0.0"', 'version = "2.0.0"')
    shop.commit("second")
    shop.make()
    shop.waive_all()


def test_what_is_read_is_what_was_written() -> None:
    said = any_release(of="abc", contents="0" * 64)
    document = json.loads(canonical_json(write(said, ["head"])))
    known = resolver(said.origin.environment)
    assert read(document, known, name="x")[:2] == (said, ("head",))


def test_the_record_names_all_that_was_handed_over(shop: Shop) -> None:
    head = shop.git("rev-parse", "HEAD").strip()
    archive = shop.release("--comment", "First")
    [(record, said)] = releases(shop)
    assert (said.version, said.commit, said.role) == ("1.0.0", head, "quality")
    assert (
        said.model
        == digest_file(shop.root / "model/weights.safetensors", name="x").sha256
    )
    assert said.dataset == sha256_of((shop.root / "reports/dataset.json").read_bytes())
    assert said.heads == record.previous
    assert list(said.documents) == ["doc:05-requirements"]
    assert [a.path for a in said.artifacts] == [
        "data/dataset",
        "model/model.json",
        "model/weights.safetensors",
        "reports/dataset.json",
    ]
    assert said.comment == "First"
    assert archive.name == "Tiny-Device-1.0.0.zip"
    assert shop.regml("verify").status == 0
    shop.commit("Release")
    done = shop.regml("check", "--rule", "C14", "--rule", "C15")
    assert done.status == 0, done.out
    assert record.id in shop.regml("list", "releases").out


def test_the_same_release_packed_again_has_the_same_bytes(shop: Shop) -> None:
    archive = shop.release()
    first = archive.read_bytes()
    shop.commit("Release")
    archive.unlink()
    shop.write("notes.txt", "later")
    shop.commit("Later")
    assert shop.release("1.0.0", "--archive-only").read_bytes() == first
    assert len(releases(shop)) == 1


def test_a_finding_that_nobody_waived_refuses(shop: Shop) -> None:
    shop.edit("requirements_srs/software/SRS-001.md", "title: ", "title: New ")
    shop.commit("Change")
    said = refused(shop, status=1)
    assert "SRS-001" in said
    assert "Mend the blockers and majors" in said
    assert "\n  waived " not in said
    assert "no finding for check" not in said


def test_waivers_count_on_the_day_of_the_clock(shop: Shop) -> None:
    assert shop.release(SOURCE_DATE_EPOCH="4102444800").is_file()


@pytest.mark.parametrize(
    ("name", "text"), [("dvc.lock", "\n"), ("new.txt", "x"), ("regml.toml", "\n")]
)
def test_a_dirty_tree_is_refused(shop: Shop, name: str, text: str) -> None:
    path = shop.root / name
    path.write_text((path.read_text() if path.exists() else "") + text)
    assert f"1 file differs from it: {name}" in refused(shop)


def test_dirt_that_git_was_told_to_pass_over_is_refused(shop: Shop) -> None:
    name = "requirements_srs/software/SRS-001.md"
    shop.git("update-index", "--assume-unchanged", name)
    shop.edit(name, "title: ", "title:  ")
    assert not shop.git("status", "--porcelain")
    assert f"1 file differs from it: {name}" in refused(shop)
    shop.git("update-index", "--no-assume-unchanged", name)
    shop.git("checkout", "--quiet", name)
    shop.git("sparse-checkout", "set", "--no-cone", "/*", "!/dhf_templates/")
    assert "differs from it: dhf_templates/" in refused(shop)


def test_a_lock_that_no_record_explains_is_refused(shop: Shop) -> None:
    shop.edit("dvc.lock", "cmd: regml", "cmd:   Regml")
    shop.commit("Forge")
    assert "is not explained by any record" in refused(shop, status=1)


def test_weights_that_were_exchanged_are_refused(shop: Shop) -> None:
    (shop.root / "model/weights.safetensors").write_bytes(b"weights of version X")
    assert "differs from what the recorded run" in refused(shop, status=1)


def test_weights_that_are_nowhere_are_refused(shop: Shop) -> None:
    (shop.root / "model/weights.safetensors").unlink()
    shutil.rmtree(shop.root / ".dvc/cache")
    said = refused(shop)
    assert "model/weights.safetensors" in said
    assert "dvc pull" in said


def test_what_the_gate_could_not_compare_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "regml.release.gate.verify",
        lambda *given: replace(verify(*given), unseen=("a server was away",)),
    )
    done = shop.regml("release")
    assert done.status == 0
    assert "regml: not seen: a server was away" in done.err


def test_only_quality_may_release(shop: Shop) -> None:
    shop.edit("regml.toml", '["quality", "developer"]', '["developer"]')
    shop.commit("Roles")
    assert "quality has to" in refused(shop)


def test_own_checks_cannot_be_left_out(shop: Shop) -> None:
    assert "every check" in refused(shop, REGML_NO_OWN_CHECKS="1")


def test_another_version_than_that_of_the_device_is_refused(shop: Shop) -> None:
    assert "this is Tiny Device 1.0.0, not 3.0.0" in refused(shop, "3.0.0")


def test_going_back_to_what_was_never_released_is_refused(shop: Shop) -> None:
    assert "was never released" in refused(shop, "1.0.1", "--of", "model@current")
    assert "unknown" in refused(shop, "1.0.1", "--of", "release@9.9.9")


def test_a_tag_that_is_there_is_refused_before_anything_is_signed(shop: Shop) -> None:
    shop.git("tag", "v1.0.0")
    assert "the tag v1.0.0 is there already" in refused(shop, "--tag")


def test_a_version_that_is_no_name_for_a_tag_is_refused(shop: Shop) -> None:
    assert "'v1.0 ~beta' is no name" in refused(shop, "1.0 ~beta", "--tag")


def test_a_signed_tag_needs_a_key_of_git(shop: Shop) -> None:
    assert "user.signingKey" in refused(shop, "--sign-tag")


def test_the_tag_is_an_anchor_of_the_log(shop: Shop) -> None:
    shop.release("--tag")
    [(record, said)] = releases(shop)
    assert shop.git("rev-parse", "v1.0.0^{commit}").strip() == said.commit
    assert record.sha256 in shop.git("tag", "-l", "--format=%(contents)", "v1.0.0")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="git signs with ssh-keygen")
def test_a_signed_tag_is_signed_by_git(shop: Shop, tmp_path: Path) -> None:
    key = tmp_path / "git_key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    shop.git("config", "gpg.format", "ssh")
    shop.git("config", "user.signingKey", str(key))
    shop.release("--sign-tag")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"quinn@example.org {key.with_suffix('.pub').read_text()}")
    shop.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
    shop.git("verify-tag", "v1.0.0")


def test_a_tag_that_git_cannot_sign_leaves_the_release(shop: Shop) -> None:
    shop.git("config", "gpg.format", "ssh")
    shop.git("config", "user.signingKey", "/no/such/key")
    done = shop.regml("release", "--sign-tag")
    assert done.status == 1
    assert "released and recorded, but not tagged" in done.err
    assert len(releases(shop)) == 1


def test_without_room_for_the_archive_the_record_stays(shop: Shop) -> None:
    (shop.root / "build").write_text("in the way")
    done = shop.regml("release")
    assert done.status == 2
    assert "--archive-only" in done.err
    assert len(releases(shop)) == 1
    (shop.root / "build").unlink()
    assert shop.release("--archive-only").is_file()


def test_one_goes_back_to_an_earlier_release(shop: Shop) -> None:
    shop.release()
    shop.commit("1.0.0")
    second(shop)
    shop.release()
    shop.commit("2.0.0")
    [(first, old), (_, new)] = releases(shop)
    assert old.model != new.model
    archive = shop.release("2.0.1", "--of", "release@1.0.0", "--comment", "2.0.0 fails")
    verified = shop.regml("verify", str(archive))
    assert verified.status == 0, verified.out
    assert f"2.0.1, again as release@{first.id}" in verified.out
    shop.commit("2.0.1")
    back = releases(shop)[-1][1]
    assert (back.model, back.commit, back.of) == (old.model, old.commit, first.id)
    listed = shop.regml("list", "releases").out
    assert f"rolls back to release@{first.id}" in listed
    names = {
        version: open_project(shop.root).graph.find(f"model@{version}").id
        for version in ("1.0.0", "2.0.0", "2.0.1")
    }
    assert names["2.0.1"] == names["1.0.0"] != names["2.0.0"]
    lineage = shop.regml("lineage", "model@2.0.1").out
    assert f"back to release@{first.id}" in lineage
    assert "1.0.0 by Quinn" in lineage
    # the last release of a name decides what it means
    again = ("2.0.0", "--of", f"model@{(old.model or '')[:12]}")
    silent = shop.regml("release", *again)
    assert (silent.status, "say why with --comment" in silent.err) == (2, True)
    shop.release(*again, "--comment", "2.0.0 was withdrawn")
    assert open_project(shop.root).graph.find("model@2.0.0").id == names["1.0.0"]
    assert len(releases(shop)) == 4


def test_a_built_file_of_this_commit_is_handed_over(shop: Shop) -> None:
    graph = open_project(shop.root).graph
    state = {
        "commit": graph.evidence.commit,
        "heads": graph.evidence.log_heads,
        "documents": {"doc:05-requirements": graph.fingerprint("doc:05-requirements")},
    }
    folder = shop.root / "build/dhf"
    files = {"html/index.html": b"page", "state.json": canonical_json(state)}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    sums = listing({name: sha256_of(content) for name, content in files.items()})
    (folder / "SHA256SUMS").write_bytes(sums)
    archive = shop.release()
    done = shop.regml("verify", str(archive))
    assert done.status == 0
    assert "Design History File" not in done.out
    (folder / "html/index.html").write_bytes(b"edited")
    shop.commit("Release")
    again = shop.regml("release", "--archive-only")
    assert again.status == 2
    assert "cannot be made again" in again.err
    assert "regml dhf build --at" in again.err
    assert "bills of materials" not in again.err  # these are here


def test_the_model_is_a_bundle(delivered: Path) -> None:
    import zipfile

    with zipfile.ZipFile(delivered) as archive:
        metadata = json.loads(archive.read("bundle/configs/metadata.json"))
        names = archive.namelist()
    assert "bundle/models/weights.safetensors" in names
    assert metadata["monai_version"] == "1.5.0"
    outputs = metadata["network_data_format"]["outputs"]["pred"]
    assert outputs["channel_def"] == {
        "0": "background",
        "1": "anterior",
        "2": "posterior",
    }
    assert names == sorted(names)
