from typing import Any

import pytest

from regml.errors import SigningKeyError, UnknownIdError
from regml.files.markdown import read_items
from regml.items.recorded import Approval
from regml.records.approvals import approve

REQUIREMENT = """\
---
title: Segmentation accuracy
category: functional
refines: [UN-01]
---
The software shall segment.
"""


@pytest.fixture
def written(project: Any) -> Any:
    project.write(
        "requirements_srs/needs/UN-01.md", "---\ntitle: Need\n---\nWe need it.\n"
    )
    project.write("requirements_srs/software/SRS-001.md", REQUIREMENT)
    project.commit()
    return project


def fingerprints(project: Any) -> dict[str, str]:
    items = read_items(project.root)
    return {located.item.id: located.item.fingerprint() for located in items}


def test_an_approval_keeps_the_content_of_the_item_and_of_its_links(
    written: Any,
) -> None:
    approve(written.root, ["SRS-001"], meaning="approval", role="quality", comment="ok")
    log = written.log()
    [record] = log.records
    signed = record.statement
    known = fingerprints(written)
    assert log.problems == ()
    assert isinstance(signed, Approval)
    assert signed.fingerprints == {"SRS-001": known["SRS-001"]}
    assert signed.linked == {"UN-01": known["UN-01"]}
    assert (signed.role, signed.meaning, signed.comment) == (
        "quality",
        "approval",
        "ok",
    )
    assert signed.origin.person.email == "ada@example.org"
    assert "packages" not in signed.origin.environment


def test_the_signer_is_the_owner_of_the_key_whatever_git_says(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "somebody@else.org")
    record = approve(written.root, ["UN-01"], meaning="review", role="quality")
    assert record.statement.origin.person.email == "ada@example.org"


@pytest.mark.parametrize("role", ["clinical", None])
def test_a_role_one_has_not_got_is_refused_with_those_one_has(
    written: Any, role: str | None
) -> None:
    with pytest.raises(SigningKeyError, match=r"Ada .*--role: developer, quality"):
        approve(written.root, ["UN-01"], meaning="review", role=role)
    assert written.log().listed == 0


def test_a_key_nobody_knows_is_refused_with_the_lines_to_add(
    written: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "stranger"))
    with pytest.raises(SigningKeyError, match="BEGIN PUBLIC KEY"):
        approve(written.root, ["UN-01"], meaning="review", role="quality")


def test_an_unknown_item_is_refused(written: Any) -> None:
    with pytest.raises(UnknownIdError, match="SRS-999"):
        approve(written.root, ["UN-01", "SRS-999"], meaning="review", role="quality")
    assert written.log().listed == 0


def test_the_command_prints_the_record(written: Any) -> None:
    status, out, err = written.regml(
        "approve", "UN-01", "SRS-001", "--meaning", "review", "--role", "quality"
    )
    assert (status, out.startswith("records/approvals/")) == (0, True)
    assert "2 items" in err
    assert written.regml("verify")[0] == 0


def test_the_command_refuses_a_meaning_nobody_defined(written: Any) -> None:
    assert written.regml("approve", "UN-01", "--meaning", "fun")[0] == 2
