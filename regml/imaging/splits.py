"""Who is learned from and who is tested on: splits that fail closed."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from regml.errors import DataError
from regml.imaging.params import SplitParams, SplitUnit

SPLITS = ("train", "tuning", "test")
"""Names of the splits, in this order wherever they are listed."""


@dataclass(frozen=True, slots=True)
class Member:
    """One case as far as splitting is concerned.

    Attributes:
        case: Its key.
        patient: Whose it is; ``None`` when nobody knows.
        study: Study Instance UID.
        series: Series Instance UID.
        site: Where it was acquired.
        voxels_sha256: Digest of its voxel values.
    """

    case: str
    patient: str | None
    study: str
    series: str
    site: str
    voxels_sha256: str


def split(members: Sequence[Member], params: SplitParams) -> dict[str, str]:
    """Return the split of each case.

    All cases of a unit come into the same split. The order of units follows a hash of
    their key and the seed, site by site, so that each site is shared out alike and
    the result does not depend on the order of ``members``.

    Raises:
        DataError: A patient key is missing and no split by case was accepted, there
            are too few units for three splits, or a check for leakage fails.
    """
    unit_of = _unit_of(members, params)
    sites: dict[str, str] = {}
    for member in sorted(members, key=lambda item: item.case):
        sites.setdefault(unit_of(member), member.site)
    assigned = assign(sites, params)
    result = {member.case: assigned[unit_of(member)] for member in members}
    leaks = list(leakage(members, result))
    if leaks:
        listed = "\n".join(f"  {leak}" for leak in leaks)
        raise DataError(
            f"The splits are not independent:\n{listed}\n"
            "Split by patient (params.yaml: preprocess.split.unit), and give images "
            "of one person one patient key or leave one of them out of the export."
        )
    return result


def assign(sites: Mapping[str, str], params: SplitParams) -> dict[str, str]:
    """Return the split of each unit.

    Args:
        sites: Site by unit.
        params: Shares and seed.

    Raises:
        DataError: Fewer than three units.
    """
    targets = _targets(len(sites), params)
    ordered = sorted(
        sites, key=lambda unit: (sites[unit], _rank(unit, params.seed), unit)
    )
    given = dict.fromkeys(SPLITS, 0)
    result = {}
    for number, unit in enumerate(ordered, start=1):
        name = max(
            (name for name in SPLITS if given[name] < targets[name]),
            key=lambda name: Fraction(targets[name] * number, len(sites)) - given[name],
        )
        given[name] += 1
        result[unit] = name
    return result


def leakage(members: Iterable[Member], splits: Mapping[str, str]) -> Iterator[str]:
    """Yield what two splits share, in one sentence each.

    Args:
        members: All cases.
        splits: Split by case.
    """
    shared: tuple[tuple[str, Callable[[Member], str | None]], ...] = (
        ("patient", lambda member: member.patient),
        ("study", lambda member: member.study),
        ("series", lambda member: member.series),
        ("voxel content", lambda member: member.voxels_sha256),
    )
    everyone = sorted(members, key=lambda member: member.case)
    for what, key_of in shared:
        holders: dict[str, list[Member]] = defaultdict(list)
        for member in everyone:
            if (key := key_of(member)) is not None:
                holders[key].append(member)
        for key, group in sorted(holders.items()):
            found = {splits[member.case] for member in group}
            if len(found) > 1:
                places = ", ".join(f"{m.case} in {splits[m.case]}" for m in group)
                yield f"{what} {key[:64]} is in {len(found)} splits: {places}."


def _unit_of(members: Sequence[Member], params: SplitParams) -> Callable[[Member], str]:
    """Return what stays together; fails closed when nobody knows whose images."""
    if params.unit is SplitUnit.CASE:
        if params.limitation is None:
            raise DataError(
                "params.yaml: preprocess.split.unit is case, but "
                "preprocess.split.limitation does not say why that is accepted. "
                "Write the reason there, or split by patient."
            )
        return lambda member: member.case
    nobody = sorted(member.case for member in members if member.patient is None)
    if nobody:
        raise DataError(
            f"{len(nobody)} cases have no patient key ({', '.join(nobody[:3])}...): "
            "nobody can tell whether one person is in two splits. Export patient "
            "keys, or write preprocess.split.unit: case and "
            "preprocess.split.limitation into params.yaml."
        )
    return lambda member: str(member.patient)


def _targets(units: int, params: SplitParams) -> dict[str, int]:
    """Return how many units each split gets: largest remainder, at least one."""
    if units < len(SPLITS):
        raise DataError(
            f"{units} units to split ({params.unit}) do not fill train, tuning and "
            "test. Export more patients, or see the excluded cases for what is missing."
        )
    shares = dict(zip(SPLITS, (params.train, params.tuning, params.test), strict=True))
    counts = {name: max(1, int(share * units)) for name, share in shares.items()}
    while sum(counts.values()) < units:
        name = max(SPLITS, key=lambda name: shares[name] * units - counts[name])
        counts[name] += 1
    while sum(counts.values()) > units:
        name = max(
            (name for name in SPLITS if counts[name] > 1),
            key=lambda name: counts[name] - shares[name] * units,
        )
        counts[name] -= 1
    return counts


def _rank(unit: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{unit}".encode()).hexdigest()
