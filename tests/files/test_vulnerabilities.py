"""Exports of known vulnerabilities."""

import json
from pathlib import Path
from typing import Any

import pytest

from regml.errors import BrokenFileError
from regml.files.vulnerabilities import FOLDER, parse_export, read_vulnerabilities

PATH = f"{FOLDER}/2026-01-20.json"
FIELDS: dict[str, Any] = {
    "exported": "2026-01-20",
    "source": "A database",
    "packages": {"numpy": "2.1.0"},
    "vulns": [
        {
            "id": "EXAMPLE-1",
            "modified": "2026-01-01T00:00:00Z",
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": "numpy"},
                    "ranges": [
                        {
                            "type": "ECOSYSTEM",
                            "events": [{"introduced": "0"}, {"fixed": "2.2"}],
                        }
                    ],
                }
            ],
            "database_specific": {"severity": "LOW"},
        }
    ],
}


def test_an_export_has_what_was_asked_and_what_was_answered() -> None:
    export = parse_export(PATH, json.dumps(FIELDS))
    assert export.packages == {"numpy": "2.1.0"}
    assert [entry.id for entry in export.vulns] == ["EXAMPLE-1"]
    assert export.vulns[0].affected[0].ranges[0].events[1].fixed == "2.2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"2026-01-20.json:1: is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"exported": 1, "exported": 2}', "'exported' stands twice"),
        ("[]", "needs 'key: value' lines"),
        (json.dumps({**FIELDS, "packages": {}}), "packages is empty"),
        (json.dumps({**FIELDS, "exported": "soon"}), "'exported'"),
        (json.dumps({**FIELDS, "vuln": []}, indent="\t"), "unknown key 'vuln'"),
        (json.dumps({**FIELDS, "vulns": [{}]}), r"lacks the key 'vulns.0.id'"),
    ],
)
def test_what_is_no_export_is_refused_with_its_name(text: str, message: str) -> None:
    with pytest.raises(BrokenFileError, match=message):
        parse_export(PATH, text)


def test_a_file_that_would_not_be_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "2026-02-01.yaml").write_text("exported: 2026-02-01\n")
    with pytest.raises(BrokenFileError, match=r"2026-02-01\.yaml: is no export"):
        read_vulnerabilities(tmp_path)


def test_exports_are_read_by_name_and_may_be_absent(tmp_path: Path) -> None:
    assert read_vulnerabilities(tmp_path) == ()
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for day in ("2026-02-01", "2026-01-20"):
        text = json.dumps({**FIELDS, "exported": day})
        (folder / f"{day}.json").write_text(text)
    (folder / "README.md").write_text("x")
    days = [str(export.exported) for export in read_vulnerabilities(tmp_path)]
    assert days == ["2026-01-20", "2026-02-01"]
