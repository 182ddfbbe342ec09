"""``regml soup`` and ``regml export cyclonedx-ml`` as they are typed."""

import datetime as dt
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from regml.cli import cli
from regml.files.markdown import read_items
from regml.items.design import Soup
from tests.site_packages import install


def run(project: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), *words], standalone_mode=False)


@pytest.fixture
def site(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small packages that are installed and locked, and nothing else."""
    folder = tmp_path / "site"
    told = "License-Expression: BSD-3-Clause\nAuthor: Gael Varoquaux\n"
    install(folder, "joblib", "9.0", metadata=told)
    install(folder, "count_things", "1.2", requires=("joblib",))
    monkeypatch.syspath_prepend(folder)
    (project / "requirements.txt").write_text("joblib==9.0\ncount_things==1.2\n")
    for path in (project / "design" / "soup").glob("SOUP-*.md"):
        if "package: joblib\n" not in path.read_text("utf-8"):
            path.unlink()
    for path in (project / "design").glob("SW-*.md"):
        path.unlink()
    config = project / "regml.toml"
    text = config.read_text("utf-8")
    sources = 'software = ["hippovol", "pipelines"]'
    assert sources in text
    config.write_text(text.replace(sources, 'software = ["small"]'), "utf-8")
    (project / "small").mkdir()
    (project / "small/app.py").write_text("import count_things\n")
    return folder


def soups(project: Path) -> dict[str, Soup]:
    items = [found.item for found in read_items(project)]
    return {item.package: item for item in items if isinstance(item, Soup)}


def test_sync_tells_writes_and_tells_what_remains(project: Path, site: Path) -> None:
    told = run(project, "soup", "sync", "--format", "json")
    assert told.return_value == 1
    rows = [(r["package"], r["difference"]) for r in json.loads(told.stdout)]
    assert rows == [("count_things", "missing"), ("joblib", "other version")]
    before = soups(project)

    wrote = run(project, "soup", "sync", "--write")
    assert wrote.return_value == 1
    assert "fill in each TBD" in wrote.stderr
    assert "suspect now" in wrote.stderr
    after = soups(project)
    assert after["joblib"].version == "9.0"
    assert after["joblib"] == before["joblib"].model_copy(update={"version": "9.0"})
    assert after["count_things"].licence == "MIT"
    assert after["count_things"].published_by == "Ann"

    again = run(project, "soup", "sync")
    assert (again.return_value, again.stdout) == (0, "")
    assert "0 differences" in again.stderr
    checked = run(project, "check", "--rule", "T13", "--format", "json")
    assert after["count_things"].id in checked.stdout


def test_what_the_device_imports_and_nobody_locked(project: Path, site: Path) -> None:
    (project / "small/app.py").write_text("import count_things\nfrom click import x\n")
    told = run(project, "soup", "sync", "--format", "json")
    rows = {r["package"]: (r["difference"], r["said"]) for r in json.loads(told.stdout)}
    assert rows["click"] == ("not locked", "imported by small/app.py")
    bill = run(project, "soup", "sbom")
    assert "Imported, but not locked: click (small/app.py)." in bill.stderr


def test_what_is_not_installed_is_not_written(project: Path, site: Path) -> None:
    (project / "requirements.txt").write_text("not_there_at_all==1\n")
    result = run(project, "soup", "sync", "--write")
    assert result.return_value == 1
    assert "only an installed package says what it is" in result.stderr
    assert set(soups(project)) == {"joblib"}
    assert "Retire" in result.stdout  # joblib is not locked any more, and stays


def test_a_bill_of_materials_is_written_twice_alike(project: Path, site: Path) -> None:
    out = project.parent / "sbom.json"
    first = run(project, "soup", "sbom", "--out", str(out))
    assert first.return_value == 1
    assert "No SOUP item: count-things." in first.stderr
    assert "Not held against" not in first.stderr
    assert run(project, "soup", "sbom").stdout.encode() == out.read_bytes()
    built = json.loads(out.read_bytes())
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    told = {row["name"]: row["value"] for row in built["metadata"]["properties"]}
    assert told["regml:commit"] in {head, "none yet"}
    digests = [c["hashes"] for c in built["components"]]
    assert len(digests) == 2


def test_vulnerabilities_of_a_named_feed(project: Path, site: Path) -> None:
    feed = project.parent / "feed.json"
    told = {"exported": "2026-11-20", "source": "A database", "packages": {"a": "1"}}
    feed.write_text(json.dumps(told))
    result = run(project, "soup", "vulnerabilities", "--feed", str(feed))
    assert result.return_value == 1
    assert "not in the feed" in result.stdout
    assert "Feed of 2026-11-20" in result.stderr
    assert "something open: 1." in result.stderr


@pytest.mark.parametrize(
    ("days", "status", "said"),
    [(1, 0, ""), (400, 1, "The feed is more than 90 days old"), (-9, 1, "the future")],
)
def test_a_feed_of_another_time_is_not_of_today(
    days: int, status: int, said: str, project: Path, site: Path
) -> None:
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    asked = {"joblib": soups(project)["joblib"].version}
    feed = project.parent / "feed.json"
    told = {"exported": str(day), "source": "A database", "packages": asked}
    feed.write_text(json.dumps(told))
    result = run(project, "soup", "vulnerabilities", "--feed", str(feed))
    assert (result.return_value, said in result.stderr) == (status, True)
    assert ("The feed is" in result.stderr) == bool(status)


def test_an_answer_about_no_package_that_was_asked_is_said(
    project: Path, site: Path
) -> None:
    feed = project.parent / "feed.json"
    told = {
        "exported": str(dt.datetime.now(dt.UTC).date()),
        "source": "A database",
        "packages": {"joblib": soups(project)["joblib"].version},
        "vulns": [{"id": "PSF-1", "affected": [{"ranges": [], "versions": ["1"]}]}],
    }
    feed.write_text(json.dumps(told))
    result = run(project, "soup", "vulnerabilities", "--feed", str(feed))
    assert result.return_value == 1
    assert "PSF-1 names none of the packages that were asked about" in result.stderr


def test_a_model_that_does_not_exist_has_no_bill(project: Path) -> None:
    result = run(project, "export", "cyclonedx-ml", "--model", "model@123456")
    assert "'model@123456' is unknown" in str(result.exception)
    result = run(project, "export", "csv", "--model", "model@123456")
    assert "--model goes with cyclonedx-ml" in str(result.exception)
