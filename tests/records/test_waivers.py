"""Signatures as statements: what is kept in them, and what is refused."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.digest import canonical_json, sha256_of
from regml.errors import RecordError, SigningKeyError
from regml.items.recorded import Approval, Origin, Person, Waiver
from regml.records.log import append
from regml.records.statement import read, write
from regml.records.waivers import waive
from tests.factories import resolver

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ORIGIN = Origin(
    Person("Ada", "ada@example.org"), "t0", "t1", None, (), None, "c0de", {}
)
NO_ENVIRONMENT = resolver({})
TOMORROW = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
SUBJECTS = {"SRS-001": "1" * 64, "commit@abc": ""}
MESSAGES = {"SRS-001": ("One.", "Two."), "commit@abc": ("Three.",)}


@st.composite
def waivers(draw: st.DrawFn) -> Waiver:
    names = draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
    return Waiver(
        origin=ORIGIN,
        role=draw(TEXT),
        rule=draw(TEXT),
        subjects={name: draw(st.sampled_from(["", "ab" * 32])) for name in names},
        messages={name: tuple(draw(st.lists(TEXT, max_size=2))) for name in names},
        until=draw(st.dates()),
        because=draw(TEXT),
    )


@given(waivers())
def test_what_is_read_is_what_was_written(waiver: Waiver) -> None:
    document = json.loads(canonical_json(write(waiver, ["head"])))
    assert read(document, NO_ENVIRONMENT, name="x")[:2] == (waiver, ("head",))


def approval(**fields: Any) -> Approval:
    content = canonical_json({"id": "SRS-001", "title": "Volumes"}).decode()
    digest = sha256_of(content.encode())
    base = {
        "origin": ORIGIN,
        "role": "quality",
        "meaning": "approval",
        "fingerprints": {"SRS-001": digest},
        "linked": {},
        "contents": {digest: content},
    }
    return Approval(**{**base, **fields})


def test_an_approval_keeps_contents() -> None:
    document = json.loads(canonical_json(write(approval(), [])))
    assert read(document, NO_ENVIRONMENT, name="x")[0] == approval()


@pytest.mark.parametrize("what", ["another content", "content nobody signed"])
def test_an_approval_whose_content_is_another_is_refused(what: str) -> None:
    document = write(approval(), [])
    [(digest, content)] = document["predicate"]["contents"].items()
    if what == "another content":
        document["predicate"]["contents"][digest] = content.replace("Vol", "Pol")
    else:
        document["predicate"]["contents"][sha256_of(b"{}")] = "{}"
    with pytest.raises(RecordError, match="is another one"):
        read(document, NO_ENVIRONMENT, name="x")


def sign(project: Any, **fields: Any) -> None:
    base = {"until": TOMORROW, "because": "x", "role": None}
    waive(project.root, "T03", SUBJECTS, MESSAGES, **{**base, **fields})


def test_a_waiver_is_signed_in_the_role_that_may(project: Any) -> None:
    sign(project)
    [record] = project.log().records
    assert isinstance(record.statement, Waiver)
    assert record.path.startswith("records/waivers/")
    assert record.statement.role == "quality"
    assert dict(record.statement.messages) == MESSAGES
    assert project.regml("verify")[0] == 0


def test_a_role_that_may_not_waive_is_refused(project: Any) -> None:
    with pytest.raises(SigningKeyError, match="as developer: quality has to"):
        sign(project, role="developer")
    assert project.log().listed == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"until": dt.date(2020, 1, 1)}, "is past"),
        ({"because": " \n"}, "needs a reason"),
    ],
)
def test_a_waiver_without_end_or_reason_is_refused(
    project: Any, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(RecordError, match=says):
        sign(project, **fields)


def test_a_waiver_in_the_name_of_somebody_else_is_a_problem(project: Any) -> None:
    forged = Waiver(
        Origin(Person("Eve", "eve@example.org"), "t0", "t1", None, (), None, "c", {}),
        "quality",
        "T03",
        SUBJECTS,
        MESSAGES,
        TOMORROW,
        "x",
    )
    append(project.root, forged, project.key)
    log = project.log()
    assert log.records == ()
    assert "in the name of eve@example.org" in log.problems[0].message


@pytest.mark.parametrize(
    "change",
    [
        {"digest": {"sha256": "0" * 64}},
        {"name": "SRS-002"},
        {"annotations": {"regml_fingerprint": "", "regml_messages": []}},
    ],
)
def test_a_waiver_whose_digests_do_not_fit_is_refused(change: dict[str, Any]) -> None:
    whole = Waiver(ORIGIN, "quality", "T03", SUBJECTS, MESSAGES, TOMORROW, "x")
    document = write(whole, [])
    document["subject"][0] |= change
    if "name" in change:
        document["subject"].append(dict(document["subject"][0]))
    with pytest.raises(RecordError, match="not what their digests say"):
        read(document, NO_ENVIRONMENT, name="x")


def test_an_approval_that_names_an_item_twice_is_refused() -> None:
    document = write(approval(), [])
    document["subject"].append({"name": "SRS-001", "digest": {"sha256": "0" * 64}})
    with pytest.raises(RecordError, match="named twice"):
        read(document, NO_ENVIRONMENT, name="x")
