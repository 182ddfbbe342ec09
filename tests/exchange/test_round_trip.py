"""What is exported comes back the same: no character, field or link is lost."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regml.errors import ConfigError
from regml.exchange.convert import Conversion, convert
from regml.exchange.formats import MAPPINGS, Source, Target, export, read_source
from regml.files.markdown import read_items
from regml.items.lifecycle import Step, TestProtocol
from regml.items.links import AnyItem
from regml.items.requirements import Acceptance, Category, Requirement, UserNeed
from regml.items.risk import ControlOption, Risk, RiskControl

FORMATS = [Target.REQIF, Target.SPHINX_NEEDS, Target.CSV, Target.XLSX]
TIME = "2026-01-02T03:04:05Z"
ROOT = Path(__file__).parents[2]

AWKWARD = st.sampled_from(
    ["=1+1", "+1", "-1", "@A1", "'=1", "#N/A", '["a"]', "true", "_x0041_", "1.0"]
)


def texts(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    markup = st.sampled_from(["<b>&amp;</b>", "| a | b |", 'a;b,c\t"d"', "## H\n\n- x"])
    return st.one_of(AWKWARD, markup, st.text(alphabet))


def items_of(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[list[AnyItem]]:
    """Four items that state each other, with any text in every place."""
    line = texts(alphabet).filter(lambda text: bool(text.strip("\x1c\x1d\x1e\x1f ")))
    line = line.filter(lambda text: bool(text.strip()))
    lines = st.lists(line, max_size=3).map(tuple)
    body = texts(alphabet).filter(lambda text: "\r\n" not in text)
    need = st.builds(UserNeed, id=st.just("UN-01"), title=line, text=body, users=lines)
    requirement = st.builds(
        Requirement,
        id=st.just("SRS-001"),
        title=line,
        text=body,
        category=st.sampled_from(Category),
        refines=st.just(("UN-01",)),
        controls=st.sampled_from([(), ("RISK-001",)]),
        retired=st.none() | line,
        foreign_id=st.none() | line,
        acceptance=st.lists(
            st.builds(
                Acceptance,
                metric=line,
                at_least=st.floats(allow_nan=False, allow_infinity=False),
            ),
            max_size=2,
        ).map(tuple),
    )
    risk = st.builds(
        Risk,
        id=st.just("RISK-001"),
        title=line,
        hazard_category=line,
        sequence=lines,
        controls=st.lists(
            st.builds(
                RiskControl,
                id=line,
                option=st.sampled_from(ControlOption),
                text=line,
                implemented_by=st.just(("SRS-001",)),
            ),
            max_size=2,
            unique_by=lambda control: control.id,
        ).map(tuple),
    )
    protocol = st.builds(
        TestProtocol,
        id=st.just("VP-01"),
        title=line,
        text=body,
        verifies=st.sampled_from([(), ("SRS-001", "UN-01")]),
        preparation=lines,
        steps=st.lists(st.builds(Step, do=line, expect=line), max_size=2).map(tuple),
    )
    return st.tuples(need, requirement, risk, protocol).map(list)


ANY = st.characters(codec="utf-8")
XML = st.characters(
    codec="utf-8",
    exclude_categories=["Cc", "Cs"],
    exclude_characters="\ufffe\uffff",
    include_characters="\t\n\r",
)


def there_and_back(form: Target, items: list[AnyItem]) -> Conversion:
    content = export(form, items, project="Device", created=TIME).content
    assert content == export(form, items[::-1], project="Device", created=TIME).content
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"items.{form}"
        path.write_bytes(content)
        mapping = MAPPINGS[Source(form)]
        return convert(read_source(Source(form), path, mapping), mapping)


def comes_back(form: Target, items: list[AnyItem]) -> None:
    back = there_and_back(form, items)
    assert back.remarks == ()
    assert {one.item.id: one.item for one in back.items} == {i.id: i for i in items}


def law(
    form: Target, alphabet: st.SearchStrategy[str], examples: int
) -> Callable[[], None]:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(items_of(alphabet))
    def holds(items: list[AnyItem]) -> None:
        comes_back(form, items)

    return holds


test_csv_gives_back_what_it_was_given = law(Target.CSV, ANY, 150)
test_needs_json_gives_back_what_it_was_given = law(Target.SPHINX_NEEDS, ANY, 150)
test_reqif_gives_back_what_it_was_given = law(Target.REQIF, XML, 100)
test_xlsx_gives_back_what_it_was_given = law(Target.XLSX, ANY, 60)


@pytest.mark.parametrize("form", FORMATS)
def test_the_worked_example_comes_back(form: Target) -> None:
    comes_back(form, [located.item for located in read_items(ROOT)])


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_body_comes_back(form: Target) -> None:
    body = "=Zeile ü €\n\n- \U0001d54f <tag>\n" * 500
    assert len(body) > 10_000
    comes_back(form, [UserNeed(id="UN-01", title="Long", text=body)])


@pytest.mark.parametrize("form", FORMATS)
def test_no_item_is_no_trouble_to_write(form: Target) -> None:
    assert export(form, [], project="Device", created=TIME).content


def test_a_character_that_xml_cannot_hold_is_named() -> None:
    item = UserNeed(id="UN-01", title="Bell", text="a\x07b")
    with pytest.raises(ConfigError, match=r"UN-01: holds the character U\+0007"):
        export(Target.REQIF, [item], project="Device", created=TIME)


def test_a_text_that_no_cell_can_hold_is_named() -> None:
    item = UserNeed(id="UN-01", title="Long", text="x" * 40_000)
    with pytest.raises(ConfigError, match=r"UN-01: 'text' has 40,000 characters"):
        export(Target.XLSX, [item], project="Device", created=TIME)


def test_a_link_to_nothing_cannot_go_into_reqif_and_is_named() -> None:
    item = Requirement(
        id="SRS-001", title="A", category=Category.DATA, refines=("UN-77",)
    )
    exported = export(Target.REQIF, [item], project="Device", created=TIME)
    assert [remark.subject for remark in exported.remarks] == ["SRS-001"]
    assert "UN-77" in exported.remarks[0].message


@pytest.mark.parametrize("form", [Target.CSV, Target.SPHINX_NEEDS, Target.XLSX])
def test_a_link_to_nothing_comes_back_and_is_named(form: Target) -> None:
    item = Requirement(
        id="SRS-001", title="A", category=Category.DATA, refines=("UN-77",)
    )
    back = there_and_back(form, [item])
    assert [one.item for one in back.items] == [item]
    assert "UN-77" in back.remarks[0].message
