"""Going back: looked at with what is known today, and possible in an emergency."""

import datetime as dt
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from regml.errors import UnknownIdError
from regml.files.markdown import write_item
from regml.items.config import Config
from regml.items.design import Anomaly, AnomalyReview, Soup, VulnerabilityAssessment
from regml.items.vulnerabilities import Affected, AffectedPackage, Vulnerability
from regml.project import Project, open_project
from regml.records.log import read_entries
from regml.release.back import Back, look_back
from regml.release.verify import verify_archive
from tests.factories import export, problem_report, requirement, soup
from tests.release.conftest import PACKAGE, Done, Shop
from tests.release.test_sign import releases
from tests.trace.test_looked_up import ENTRY

BECAUSE = "2.0.0 misses every second hippocampus; 1.0.0 does not"


@pytest.fixture(scope="module")
def handed(stock: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The project with a release 1.0.0 in its log."""
    base = tmp_path_factory.mktemp("handed")
    shutil.copytree(stock.root, base / "project")
    shop = Shop(base / "project", stock.home)
    shop.release()
    shop.commit("1.0.0")
    return shop


@pytest.fixture
def shop(handed: Shop, tmp_path: Path) -> Shop:
    shutil.copytree(handed.root, tmp_path / "project")
    return Shop(tmp_path / "project", handed.home)


def go_back(shop: Shop, *arguments: str) -> Done:
    return shop.regml("release", "1.0.1", "--of", "release@1.0.0", *arguments)


def looked(shop: Shop, **evidence: Any) -> Back:
    project = open_project(shop.root)
    today = dt.datetime.now(dt.UTC).date()
    fields: dict[str, Any] = {"today": today, **evidence}
    known = replace(project.evidence, **fields)
    return look_back(Project(shop.root, shop.root, known), "release@1.0.0")


def report(shop: Shop, **fields: Any) -> None:
    item = problem_report(**{"affects": ("SRS-001",), **fields})
    shop.write(f"maintenance/problems/{item.id}.md", write_item(item))
    shop.commit("Report")


def test_what_is_wrong_with_the_present_state_keeps_nothing_in_force(
    shop: Shop,
) -> None:
    shop.edit("requirements_srs/software/SRS-001.md", "title: ", "title: New ")
    shop.edit("dvc.lock", "cmd: regml", "cmd:   Regml")
    shop.commit("Blockers")
    assert shop.regml("release", "--comment", "again").status == 1
    done = go_back(shop)
    assert done.status == 0, done.out + done.err
    assert "KNOWN" not in done.out
    first = releases(shop)[0][1].commit
    assert f"regml dhf build --at {first[:12]}." in done.err
    said = releases(shop)[-1][1]
    assert (said.known, said.because) == ((), "")


def test_half_done_work_keeps_nothing_in_force_either(shop: Shop) -> None:
    shop.edit("requirements_srs/software/SRS-001.md", "title: ", "title: Half ")
    shop.write("notes.txt", "x")
    before = shop.git("status", "--porcelain")
    assert shop.regml("release", "--comment", "again").status == 2
    shop.write("regml.toml", (shop.root / "regml.toml").read_text() + "\n")
    refused = go_back(shop)
    assert "1 file differs from it: regml.toml" in refused.err
    shop.git("checkout", "--quiet", "regml.toml")
    shop.write("records/stray.txt", "x")
    assert "1 file differs from it: records/stray.txt" in go_back(shop).err
    (shop.root / "records/stray.txt").unlink()
    assert shop.git("status", "--porcelain") == before
    archive = shop.root / "build/release/Tiny-Device-1.0.1.zip"
    assert go_back(shop).status == 0
    assert verify_archive(archive).problems == []


def test_a_problem_that_was_reported_since_needs_a_reason(shop: Shop) -> None:
    report(shop, title="It misses one")
    told = "PR-001 (minor) It misses one: reported on 2026-01-02, open today"
    refused = go_back(shop)
    assert refused.status == 1
    assert told in refused.out
    assert "have quality say why: --because" in refused.err
    assert len(releases(shop)) == 1
    assert not shop.git("status", "--porcelain")
    done = go_back(shop, "--because", BECAUSE)
    assert done.status == 0, done.err
    assert told in done.out
    said = releases(shop)[-1][1]
    assert (len(said.known), said.because) == (1, BECAUSE)
    assert said.known[0].startswith(told)
    [archive] = (shop.root / "build/release").glob("*1.0.1.zip")
    seen = verify_archive(archive)
    assert seen.problems == []
    assert dict(seen.seen)["known"].endswith(BECAUSE)
    assert f"1 known against it: {BECAUSE}" in shop.regml("list", "releases").out


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, True),
        ({"affects": ()}, True),
        ({"affects": ("SRS-002",)}, False),  # which was not there yet
        ({"affects": ("SRS-002", "SRS-001")}, True),
        ({"no_problem": "It was the test."}, False),
    ],
)
def test_only_problems_that_it_can_have_count(
    fields: dict[str, Any], *, known: bool, shop: Shop
) -> None:
    item = requirement(id="SRS-002", refines=["UN-01"])
    shop.write("requirements_srs/software/SRS-002.md", write_item(item))
    report(shop, **fields)
    assert bool(looked(shop).known) == known


def test_a_problem_that_its_own_gate_weighed_is_not_new(
    stock: Shop, tmp_path: Path
) -> None:
    shutil.copytree(stock.root, tmp_path / "project")
    shop = Shop(tmp_path / "project", stock.home)
    report(shop)
    shop.waive_all()
    shop.release()
    shop.commit("1.0.0")
    assert looked(shop).known == ()
    report(shop, safety_impact="It is worse than we thought.")
    [told] = looked(shop).known
    assert told.startswith("PR-001")


IN_USE = version(PACKAGE)
"""Version of the package in the release that one goes back to."""

SINCE = ENTRY.model_copy(
    update={
        "affected": (
            Affected(package=AffectedPackage(name=PACKAGE), versions=(IN_USE,)),
        )
    }
)
"""An entry that a database has by now."""


@pytest.fixture(scope="module")
def packaged(stock: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The project with a SOUP item in its release 1.0.0."""
    base = tmp_path_factory.mktemp("packaged")
    shutil.copytree(stock.root, base / "project")
    shop = Shop(base / "project", stock.home)
    describe(shop)
    shop.waive_all()
    shop.release()
    shop.commit("1.0.0")
    return shop


def describe(shop: Shop, **fields: Any) -> Soup:
    item = soup(**{"package": PACKAGE, "version": IN_USE, **fields})
    shop.write(f"design/soup/{item.id}.md", write_item(item))
    shop.commit("SOUP")
    return item


def known_since(shop: Shop, *vulns: Vulnerability) -> str:
    """Return what is known of the release with an export of today."""
    today = dt.datetime.now(dt.UTC).date()
    asked = soup(package=PACKAGE, version=IN_USE)
    feed = export([asked], vulns=vulns, exported=today)
    return "\n".join(looked(shop, vulnerabilities=(feed,)).known)


def judged(status: str, **fields: Any) -> tuple[VulnerabilityAssessment, ...]:
    given = {"id": ENTRY.id, "date": dt.date(2026, 2, 1), "version": IN_USE}
    words = {"because": "It reads too far.", "risks": ("RISK-001",)}
    return (VulnerabilityAssessment(**{**given, **words, "status": status, **fields}),)


@pytest.fixture
def packed(packaged: Shop, tmp_path: Path) -> Shop:
    shutil.copytree(packaged.root, tmp_path / "project")
    return Shop(tmp_path / "project", packaged.home)


def test_a_vulnerability_that_is_known_by_now(packaged: Shop) -> None:
    assert ENTRY.id not in known_since(packaged)
    assert f"{ENTRY.id} is known about {PACKAGE}" in known_since(packaged, SINCE)


@pytest.mark.parametrize("by_now", [IN_USE, "99.0"])
def test_what_was_judged_since_counts(by_now: str, packed: Shop) -> None:
    describe(packed, version=by_now, vulnerabilities=judged("not_affected"))
    assert ENTRY.id not in known_since(packed, SINCE)
    describe(packed, version=by_now, vulnerabilities=judged("affected"))
    told = known_since(packed, SINCE)
    assert f"SOUP-001 {PACKAGE} {IN_USE}: {ENTRY.id} affects the device" in told
    describe(packed, version=by_now, vulnerabilities=judged("affected", version="99.0"))
    assert f"{ENTRY.id} is known about {PACKAGE}" in known_since(packed, SINCE)


def test_a_judgement_that_its_own_gate_weighed_is_not_new(
    stock: Shop, tmp_path: Path
) -> None:
    shutil.copytree(stock.root, tmp_path / "project")
    shop = Shop(tmp_path / "project", stock.home)
    describe(shop, vulnerabilities=judged("affected"))
    shop.waive_all()
    shop.release()
    shop.commit("1.0.0")
    assert ENTRY.id not in known_since(shop, SINCE)
    describe(shop, vulnerabilities=judged("affected", because="It is worse."))
    assert "It is worse." in known_since(shop, SINCE)


def test_a_review_since_counts(packed: Shop) -> None:
    today = dt.datetime.now(dt.UTC).date()
    bad = Anomaly(id="#7", relevant=True, because="Rounds down", risks=("RISK-001",))
    review = AnomalyReview(
        date=today,
        version=IN_USE,
        source="Issue tracker",
        conclusion="One matters",
        anomalies=(bad,),
    )
    later = today + dt.timedelta(days=400)
    assert "C03 SOUP-001: The anomalies of" in "\n".join(
        looked(packed, today=later).known
    )
    describe(packed, review=review)
    told = known_since(packed)
    assert f"SOUP-001 {PACKAGE} {IN_USE}: anomaly #7 is relevant: Rounds down" in told
    assert "C03" not in told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("design/soup/SOUP-001.md", write_item(soup())),
        ("maintenance/problems/PR-001.md", write_item(problem_report())),
        (
            "maintenance/vulnerabilities/2026-01-20.json",
            '{"exported": "2026-01-20", "source": "x", "packages": {"x": "1"}}',
        ),
    ],
)
def test_what_is_weighed_has_to_be_committed(
    name: str, text: str, packed: Shop
) -> None:
    packed.write(name, text)
    done = go_back(packed)
    assert done.status == 2
    assert f"1 file differs from it: {name}" in done.err


def test_a_waiver_that_ended_is_known_against_it(shop: Shop) -> None:
    later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=60)
    known = looked(shop, today=later).known
    assert looked(shop).known == ()
    assert any("SRS-001" in sentence for sentence in known)


def test_keys_that_do_not_count_any_more_take_its_evidence_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: Config = open_project(shop.root).evidence.config
    nobody = config.model_copy(update={"signers": ()})
    with pytest.raises(UnknownIdError, match="whose signature counts today"):
        looked(shop, config=nobody)
    [found] = releases(shop)  # as if another key had signed the release alone
    monkeypatch.setattr("regml.release.back.earlier", lambda *_: found)
    known = looked(shop, config=nobody).known
    assert any(sentence.startswith("C14") for sentence in known)
    assert any(sentence.startswith("C19") for sentence in known)


def test_without_its_data_a_reason_is_needed(shop: Shop) -> None:
    shutil.rmtree(shop.root / ".dvc/cache")
    known = looked(shop).known
    assert any(told.startswith("data/dataset: neither in its commit") for told in known)
    assert go_back(shop).status == 1
    # the weights themselves are here
    assert go_back(shop, "--because", BECAUSE).status == 0


def test_evidence_of_its_own_that_does_not_hold_refuses(shop: Shop) -> None:
    first = shop.root / read_entries(shop.root)[0].path
    first.write_bytes(first.read_bytes() + b" ")
    shop.commit("Edit")
    done = go_back(shop, "--because", BECAUSE)
    assert done.status == 1
    assert "PROBLEM" in done.out
    assert "The evidence of release@" in done.err
    assert len(releases(shop)) == 1


def test_a_record_that_came_later_only_needs_a_reason(shop: Shop) -> None:
    stray = "records/approvals/stray.json"
    shop.write(stray, "{}")
    shop.commit("Slip in")
    done = go_back(shop)
    assert done.status == 1
    assert f"KNOWN      {stray}, recorded after it:" in done.out
    assert go_back(shop, "--because", BECAUSE).status == 0


def test_checks_that_cannot_look_at_it_are_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regml.errors import ConfigError

    def refuse(*_: object, **__: object) -> None:
        raise ConfigError("an older format")

    monkeypatch.setattr("regml.release.back.open_project", refuse)
    [told] = looked(shop).known
    assert "the checks cannot look at commit" in told
    assert "an older format" in told


def test_a_reason_goes_with_going_back(shop: Shop) -> None:
    done = shop.regml("release", "--because", BECAUSE)
    assert done.status == 2
    assert "--because goes with --of" in done.err
