"""Packages as they are installed."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from regml.digest import fingerprint
from regml.files.installed import read_files, read_installed
from tests.site_packages import install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that goes before all others when packages are looked for."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_a_package_says_what_it_is(site: Path) -> None:
    metadata = (
        "Summary: Counts\n  things\nLicense-Expression: MIT OR Apache-2.0\n"
        "Author: Ann Lee\nMaintainer-email: Bob <bob@example.org>, team@example.org\n"
        "Project-URL: Homepage, https://example.org\n"
        "Project-URL: Bug Tracker, https://example.org/issues\n"
    )
    needs = ("numpy>=2", 'tomli; python_version < "3"', 'torch; extra == "gpu"')
    install(site, "count_things", "1.2", metadata=metadata, requires=needs)
    found = read_installed(["Count.Things", "not-there-at-all"])
    assert list(found) == ["count-things"]
    here = found["count-things"]
    assert (here.name, here.version, here.summary) == (
        "count_things",
        "1.2",
        "Counts things",
    )
    assert here.licence == "MIT OR Apache-2.0"
    assert here.published_by == "Ann Lee, Bob"
    assert here.requires == ("numpy",)
    assert (here.home, here.issues) == (
        "https://example.org",
        "https://example.org/issues",
    )


def test_addresses_of_people_are_left_out(site: Path) -> None:
    metadata = 'Author: Ann\nAuthor-email: "Ann" <a@example.org>, Bob <b@example.org>\n'
    install(site, "someones", "1", metadata=metadata)
    assert read_installed(["someones"])["someones"].published_by == "Ann, Bob"


@pytest.mark.parametrize(
    ("metadata", "licence", "words"),
    [
        ("License: BSD-3-Clause\n", "BSD-3-Clause", "BSD-3-Clause"),
        ("License: Apache License 2.0\n", "Apache-2.0", "Apache License 2.0"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT", "MIT License"),
        ("Classifier: License :: OSI Approved :: BSD License\n", None, "BSD License"),
        ("License: Copyright (c) by Ann. Do what\n  you want\n", None, "Copyright (c)"),
        ("", None, ""),
    ],
)
def test_a_licence_is_only_taken_where_it_is_exact(
    site: Path, metadata: str, licence: str | None, words: str
) -> None:
    install(site, "licensed", "1", metadata=metadata)
    here = read_installed(["licensed"])["licensed"]
    assert here.licence == licence
    assert here.licence_words.startswith(words)
    assert bool(here.licence_words) == bool(words)


def test_the_digest_is_of_the_bytes_without_what_the_installer_added(
    site: Path,
) -> None:
    install(site, "hashed", "1")
    content = (site / "hashed.py").read_bytes()
    files = read_files("hashed")
    assert files is not None
    digests = {"hashed.py": hashlib.sha256(content).hexdigest()}
    assert (files.sha256, files.changed) == (fingerprint(digests), ())


def test_a_file_that_is_not_what_was_installed_is_named(site: Path) -> None:
    install(site, "edited", "1")
    before = read_files("edited")
    (site / "edited.py").write_text("VERSION = '9'\n", encoding="utf-8")
    after = read_files("edited")
    assert before is not None
    assert after is not None
    assert after.changed == ("edited.py",)
    assert after.sha256 != before.sha256


def test_other_digests_in_record_are_compared_too(site: Path) -> None:
    folder = install(site, "longer", "1")
    content = (site / "longer.py").read_bytes()
    encoded = base64.urlsafe_b64encode(hashlib.sha512(content).digest()).decode()
    rows = f"longer.py,sha512={encoded},1\nabsent.py,sha256=nonsense!,1\n"
    (folder / "RECORD").write_text(rows, encoding="utf-8")
    files = read_files("longer")
    assert files is not None
    assert files.changed == ("absent.py",)


def test_what_is_used_from_its_sources_has_no_digest(site: Path) -> None:
    folder = install(site, "sources", "1")
    told = {"url": "file:///somewhere", "dir_info": {"editable": True}}
    (folder / "direct_url.json").write_text(json.dumps(told), encoding="utf-8")
    assert read_files("sources") is None
    assert read_files("not-there-at-all") is None
