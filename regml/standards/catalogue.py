"""What a catalogue of clauses says: rows in our own words and what each asks for.

These are nouns only. :mod:`regml.files.catalogues` reads them, and
:mod:`regml.trace.ledger` decides from the graph where each row stands.
"""

from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    field_validator,
    model_validator,
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Texts = tuple[Text, ...]

SUBJECTS_OF_LEVELS: Final = ("safety_class", "documentation_level")
"""Fields of ``[device]`` in ``regml.toml`` that a level may follow from."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(_Strict):
    """The evidence a row asks for; all of it.

    What a program can see comes first; the last three need a person.

    Attributes:
        rules: Checks that must have subjects and no finding that counts.
        quiet: Checks without a finding that counts; they may have nothing to look at,
            which then is no evidence.
        items: Kinds of item of which at least one must be in force.
        filled: ``KIND.field`` that every item of the kind in force must fill.
        requirements: Categories of which at least one requirement must be in force.
        verified: Categories of which there is one, and every one is passed.
        hazards: Hazard categories of which at least one risk must be in force.
        records: Sorts of signed record of which there must be one.
        catalogues: Other catalogues without an open row.
        approved: Kinds of which every item is signed as it is now, and there is one.
        documents: Documents of the Design History File that are signed as they are now.
        outside: Evidence that lies outside of the project; an approved ``EXT`` item
            that names the row stands for it.
    """

    rules: Texts = ()
    quiet: Texts = ()
    items: Texts = ()
    filled: Texts = ()
    requirements: Texts = ()
    verified: Texts = ()
    hazards: Texts = ()
    records: Texts = ()
    catalogues: Texts = ()
    approved: Texts = ()
    documents: Texts = ()
    outside: Texts = ()


class Row(_Strict):
    """One row of a catalogue in our own words.

    Attributes:
        id: Number of the clause, or our own short name where there is none.
        title: What it asks for, shortly.
        levels: For which levels; all when empty.
        evidence: What has to be there.
        applies_if: Condition under which it is asked for at all. Only such a row can
            be excluded by an approved ``NA`` item.
        verified: False when our wording rests on general knowledge and was not even
            compared with a public source.
        withdrawn: The edition does not have it any more.
        note: What a reader has to know.
    """

    id: Text
    title: Text
    levels: Texts = ()
    evidence: Asked = Asked()
    applies_if: Text | None = None
    verified: bool = True
    withdrawn: bool = False
    note: Text | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _is_no_number(cls, value: object) -> object:
        if isinstance(value, int | float):
            # YAML reads 4.10 as 4.1; pydantic asks for ValueError
            raise ValueError(  # noqa: TRY004
                f"row {value} is a number: write its id in quotes"
            )
        return value

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.withdrawn == any(dict(self.evidence).values()):
            raise ValueError(
                f"row {self.id} needs evidence"
                if not self.withdrawn
                else f"row {self.id} is withdrawn and asks for evidence"
            )
        return self


class Levels(_Strict):
    """Classes or levels by which a standard asks for more or less.

    Attributes:
        name: What they are called, e.g. ``class``.
        follows: Field of ``[device]`` that decides, see ``SUBJECTS_OF_LEVELS``.
        of: Level for each value of that field, lowest first.
    """

    name: Text
    follows: Text
    of: dict[Text, Text]

    @model_validator(mode="after")
    def _follows_a_known_field(self) -> Self:
        if self.follows not in SUBJECTS_OF_LEVELS:
            known = " or ".join(SUBJECTS_OF_LEVELS)
            raise ValueError(f"levels follow {known}, not {self.follows!r}")
        return self

    @property
    def values(self) -> Texts:
        """Every level once, lowest first."""
        return tuple(dict.fromkeys(self.of.values()))


class Catalogue(_Strict):
    """One edition of one standard, law or guidance.

    Attributes:
        key: Name of its file without ending: how people name it.
        aliases: Other names.
        standard: As one cites it; a row is cited as ``standard id``.
        edition: Which edition, with its status.
        about: What it is about, in one sentence.
        sources: Where our knowledge of it comes from.
        levels: Classes or levels, where it has them.
        rows: In the order of the standard.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    aliases: Texts = ()
    standard: Text
    edition: Text
    about: Text
    sources: Texts
    levels: Levels | None = None
    rows: tuple[Row, ...]

    @model_validator(mode="after")
    def _rows_are_unique_and_of_known_levels(self) -> Self:
        seen: set[str] = set()
        known = set(self.levels.values) if self.levels else set()
        for row in self.rows:
            if row.id in seen:
                raise ValueError(f"row {row.id} stands twice")
            seen.add(row.id)
            if unknown := sorted(set(row.levels) - known):
                raise ValueError(f"row {row.id} has the unknown level {unknown[0]!r}")
        return self

    def cite(self, row: Row) -> str:
        """Return how items name a row, e.g. ``IEC 62304 4.1``."""
        return f"{self.standard} {row.id}"
