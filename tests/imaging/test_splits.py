"""Splits: for any input, nobody is on both sides."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regml.errors import DataError
from regml.imaging.params import SplitParams, SplitUnit
from regml.imaging.splits import SPLITS, Member, assign, leakage, split


def member(case: str, patient: str | None, site: str = "A") -> Member:
    return Member(case, patient, f"study-{case}", f"series-{case}", site, case)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from("ABC")), min_size=1, max_size=90
    ),
    st.integers(0, 5),
)
def test_no_patient_is_in_two_splits(rows: list[tuple[int, str]], seed: int) -> None:
    members = [
        member(f"C{number}", f"P{patient}", site)
        for number, (patient, site) in enumerate(rows)
    ]
    params = SplitParams(seed=seed)
    if len({m.patient for m in members}) < 3:
        with pytest.raises(DataError, match="Export more patients"):
            split(members, params)
        return
    found = split(members, params)
    where = defaultdict(set)
    for m in members:
        where[m.patient].add(found[m.case])
    assert all(len(splits) == 1 for splits in where.values())
    assert set(found.values()) == set(SPLITS)
    assert found == split(members[::-1], params)


def test_shares_are_met_in_all_and_in_each_site() -> None:
    sites = {f"P{n}": "ABC"[n % 3] for n in range(150)}
    found = assign(sites, SplitParams(seed=3))
    assert Counter(found.values()) == {"train": 105, "tuning": 15, "test": 30}
    for site in "ABC":
        counted = Counter(found[unit] for unit in sites if sites[unit] == site)
        assert abs(counted["train"] - 35) <= 1
        assert abs(counted["tuning"] - 5) <= 1
        assert abs(counted["test"] - 10) <= 1


def test_another_seed_gives_another_split() -> None:
    sites = {f"P{n}": "A" for n in range(30)}
    assert assign(sites, SplitParams(seed=1)) != assign(sites, SplitParams(seed=2))


def test_three_patients_fill_three_splits() -> None:
    found = assign({"a": "A", "b": "A", "c": "B"}, SplitParams())
    assert sorted(found.values()) == sorted(SPLITS)


def test_without_patient_key_it_fails_closed() -> None:
    members = [member(f"C{n}", None) for n in range(9)]
    with pytest.raises(DataError, match=r"split\.limitation into params\.yaml"):
        split(members, SplitParams())
    with pytest.raises(DataError, match="does not say why"):
        split(members, SplitParams(unit=SplitUnit.CASE))
    accepted = SplitParams(unit=SplitUnit.CASE, limitation="LIM-01: no patient key")
    assert len(split(members, accepted)) == 9


def test_a_split_by_case_may_not_tear_a_patient_apart() -> None:
    members = [member(f"C{n}", f"P{n // 6}") for n in range(18)]
    params = SplitParams(unit=SplitUnit.CASE, limitation="for speed")
    with pytest.raises(DataError, match=r"patient P0 is in \d splits.*C0 in"):
        split(members, params)


@pytest.mark.parametrize("field", ["study", "series", "voxels_sha256"])
def test_what_two_splits_share_is_named(field: str) -> None:
    members = [member(f"C{n}", f"P{n}") for n in range(12)]
    found = split(members, SplitParams())
    train = next(m for m in members if found[m.case] == "train")
    test = next(m for m in members if found[m.case] == "test")
    same = [
        replace(m, **{field: "the-same"}) if m in (train, test) else m for m in members
    ]
    [leak] = leakage(same, found)
    assert f"{train.case} in train" in leak
    assert f"{test.case} in test" in leak
    with pytest.raises(DataError, match="not independent"):
        split(same, SplitParams())


def test_shares_have_to_add_up() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        SplitParams(train=0.5, tuning=0.1, test=0.2)
