from typing import Any

import pytest
import yaml

from regml.errors import SigningKeyError, UnknownIdError
from regml.files.markdown import read_items
from regml.items.recorded import Approval, Record
from regml.project import open_project
from regml.records.approvals import approve
from tests.factories import POLICY

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
    project.write("requirements.txt", "")
    project.write("risk/policy.yaml", yaml.safe_dump(POLICY.model_dump(mode="json")))
    project.commit()
    return project


def fingerprints(project: Any) -> dict[str, str]:
    items = read_items(project.root)
    return {located.item.id: located.item.fingerprint() for located in items}


def sign(project: Any, *ids: str, **words: Any) -> Record:
    content = open_project(project.root).graph.signable(ids)
    return approve(project.root, *content, **words)


def test_an_approval_keeps_the_content_of_the_item_and_of_its_links(
    written: Any,
) -> None:
    sign(written, "SRS-001", meaning="approval", role="quality", comment="ok")
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
    record = sign(written, "UN-01", meaning="review", role="quality")
    assert record.statement.origin.person.email == "ada@example.org"


@pytest.mark.parametrize("role", ["clinical", None])
def test_a_role_one_has_not_got_is_refused_with_those_one_has(
    written: Any, role: str | None
) -> None:
    with pytest.raises(SigningKeyError, match=r"Ada .*--role: developer, quality"):
        sign(written, "UN-01", meaning="review", role=role)
    assert written.log().listed == 0


def test_a_key_nobody_knows_is_refused_with_the_lines_to_add(
    written: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "stranger"))
    with pytest.raises(SigningKeyError, match="BEGIN PUBLIC KEY"):
        sign(written, "UN-01", meaning="review", role="quality")


def test_an_unknown_item_is_refused(written: Any) -> None:
    with pytest.raises(UnknownIdError, match="SRS-999"):
        sign(written, "UN-01", "SRS-999", meaning="review", role="quality")
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


DOCUMENT = """\
---
id: requirements
number: "05"
title: Requirements
purpose: Says what the software shall do.
owner: developer
approvers: [quality]
items: [SRS]
---
{{ requirements.counts | table }}
"""


def test_a_document_is_signed_as_long_as_template_and_items_are_the_same(
    written: Any,
) -> None:
    written.write("dhf_templates/05.md.j2", DOCUMENT)
    status, _, err = written.regml(
        "approve", "doc:05-requirements", "--meaning", "approval", "--role", "quality"
    )
    assert (status, err.splitlines()[-1]) == (0, "regml: signed 1 item (approval).")
    [record] = written.log().records
    assert isinstance(record.statement, Approval)
    signed = record.statement.fingerprints["doc:05-requirements"]
    assert set(record.statement.linked) == {"SRS-001"}

    def now() -> str | None:
        return open_project(written.root).graph.fingerprint("doc:05-requirements")

    written.write("requirements_srs/needs/UN-01.md", "---\ntitle: Need\n---\nOther\n")
    assert now() == signed
    written.write("requirements_srs/software/SRS-001.md", REQUIREMENT + "More.\n")
    assert now() != signed
