import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.digest import Artifact, canonical_json
from regml.errors import RecordError
from regml.items.recorded import (
    Approval,
    ExecutedStep,
    Execution,
    Origin,
    Outcome,
    Person,
    Release,
    StageRun,
    Statement,
    StepOutcome,
    TestCase,
    TestReport,
    TestRun,
)
from regml.records.environment_files import EnvironmentFiles, keep_environment
from regml.records.statement import environment_of, read, write
from tests.factories import resolver

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HEX = st.text("0123456789abcdef", min_size=8, max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2)
    ),
    max_leaves=4,
)
FACTS = st.dictionaries(TEXT, JSON, max_size=2)
DIGESTS = st.dictionaries(TEXT, HEX, max_size=3)
ARTIFACTS = st.lists(
    st.builds(
        Artifact,
        TEXT | st.just("log"),
        HEX,
        HEX | HEX.map(lambda digest: f"{digest}.dir"),
        st.integers(0, 2**70),
        st.integers(0, 9),
    ),
    max_size=2,
).map(tuple)
ORIGINS = st.builds(
    Origin,
    st.builds(Person, TEXT, TEXT),
    TEXT,
    TEXT,
    st.none() | HEX,
    st.lists(TEXT, max_size=2).map(tuple),
    st.none() | HEX,
    HEX,
    FACTS,
)
CASES = st.builds(
    TestCase,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
    st.sampled_from(Outcome),
    st.floats(0, 1e6),
    TEXT,
    TEXT,
)
STEPS = st.builds(ExecutedStep, TEXT, TEXT, st.sampled_from(StepOutcome), TEXT)
STATEMENTS = st.one_of(
    st.builds(
        StageRun,
        stage=TEXT,
        origin=ORIGINS,
        command=TEXT,
        parameters=FACTS,
        inputs=ARTIFACTS,
        outputs=ARTIFACTS,
        outcome=st.sampled_from(Outcome),
        exit_status=st.integers(-64, 255),
        resources=st.dictionaries(TEXT, st.floats(0, 1e9), max_size=2),
        log_sha256=HEX,
        notes=FACTS,
    ),
    st.builds(
        TestRun,
        origin=ORIGINS,
        command=TEXT,
        cases=st.lists(CASES, max_size=2).map(tuple),
        fingerprints=DIGESTS,
        models=DIGESTS,
        reports=st.lists(st.builds(TestReport, TEXT, HEX, TEXT), max_size=2).map(tuple),
        complete=st.booleans(),
    ),
    st.builds(
        Execution,
        origin=ORIGINS,
        protocol=TEXT,
        fingerprints=DIGESTS,
        steps=st.lists(STEPS, max_size=2).map(tuple),
        models=DIGESTS,
        comment=TEXT,
    ),
    st.builds(
        Approval,
        origin=ORIGINS,
        role=TEXT,
        meaning=TEXT,
        fingerprints=st.dictionaries(TEXT, HEX, min_size=1, max_size=3),
        linked=DIGESTS,
        comment=TEXT,
    ),
    st.builds(
        Release,
        origin=ORIGINS,
        role=TEXT,
        version=TEXT,
        model=st.none() | HEX,
        dataset=st.none() | HEX,
        commit=HEX,
        heads=st.lists(HEX, max_size=2).map(tuple),
        documents=st.dictionaries(TEXT, HEX, min_size=1, max_size=3),
        artifacts=ARTIFACTS,
        comment=TEXT,
    ),
)


def over_the_wire(statement: Statement, previous: list[str]) -> Any:
    return json.loads(canonical_json(write(statement, previous)))


@given(STATEMENTS, st.lists(HEX, max_size=2, unique=True))
def test_a_statement_reads_as_it_was_written(
    statement: Statement, previous: list[str]
) -> None:
    document = over_the_wire(statement, previous)
    with tempfile.TemporaryDirectory() as folder:
        path = keep_environment(Path(folder), statement.origin.environment)
        assert environment_of(document, name="x") == path
        written = read(document, EnvironmentFiles(Path(folder)), name="x")
    assert written == (statement, tuple(sorted(previous)), path)


@given(STATEMENTS)
def test_the_subject_is_never_empty_and_every_digest_is_text(
    statement: Statement,
) -> None:
    document = over_the_wire(statement, [])
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"]
    for subject in document["subject"]:
        assert all(isinstance(digest, str) for digest in subject["digest"].values())


@given(STATEMENTS)
def test_our_own_fields_are_prefixed_in_foreign_predicates(
    statement: Statement,
) -> None:
    document = over_the_wire(statement, [])
    predicate = document["predicate"]
    match document["predicateType"]:
        case "https://slsa.dev/provenance/v1":
            known = {"invocationId", "startedOn", "finishedOn"}
            fields = set(predicate["runDetails"]["metadata"])
        case "https://in-toto.io/attestation/test-result/v0.1":
            known = {"result", "configuration", "url"}
            known |= {"passedTests", "warnedTests", "failedTests"}
            fields = set(predicate)
        case _:
            return
    assert {
        field for field in fields - known if not field.startswith("regml_")
    } == set()


def test_an_approval_of_nothing_is_refused() -> None:
    person = Person("a", "b")
    origin = Origin(person, "", "", None, (), None, "", {})
    with pytest.raises(RecordError, match="at least one item"):
        write(Approval(origin, "quality", "review", {}, {}), [])


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicate": {},
            "subject": [],
            "predicateType": "urn:other",
        },
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicate": {"buildDefinition": {"buildType": "x"}, "runDetails": {}},
            "subject": [],
            "predicateType": "https://slsa.dev/provenance/v1",
        },
    ],
)
def test_a_foreign_statement_is_refused_by_name(document: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=r"runs/x\.json"):
        read(document, resolver(), name="runs/x.json")
