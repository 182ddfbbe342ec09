"""Link types of a project's own: declared in regml.toml, checked like built-in ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regml.errors import BrokenFileError, ConfigError
from regml.files.config import read_config
from regml.files.markdown import parse_item
from regml.items.base import Kind
from regml.items.config import LinkType
from regml.items.links import Link, references
from regml.trace.build import build_graph
from regml.trace.evidence import Evidence
from regml.trace.matrix import matrix
from regml.trace.model import TraceGraph
from regml.trace.query import item_page, trace_tree
from regml.trace.rules import check
from tests.factories import Parts, evidence_of, with_item

MITIGATES = LinkType(
    name="mitigates",
    from_=(Kind.SOFTWARE_ITEM,),
    to=(Kind.RISK,),
    inverse="is mitigated by",
)
NEEDS = LinkType(
    name="needs",
    from_=(Kind.REQUIREMENT,),
    to=(Kind.REQUIREMENT,),
    inverse="is needed by",
    acyclic=True,
)


def evidence(*types: LinkType, **links: dict[str, Any]) -> Evidence:
    """The clean project with link types, and with links of some items."""
    found = evidence_of(Parts())
    found = replace(found, config=found.config.model_copy(update={"link_types": types}))
    for item_id, named in links.items():
        found = with_item(found, item_id.replace("_", "-"), links=named)
    return found


def graph(*types: LinkType, **links: dict[str, Any]) -> TraceGraph:
    return build_graph(evidence(*types, **links))


def said(found: TraceGraph, rule: str) -> list[str]:
    [outcome] = check(found, [rule])
    return [finding.message for finding in outcome.findings]


def test_a_declared_link_is_read_and_followed() -> None:
    found = graph(MITIGATES, SW_01={"mitigates": ("RISK-001",)})
    assert "mitigates" in [edge.link for edge in found.out("SW-01")]
    for rule in ("T08", "T09", "T10", "T11"):
        assert said(found, rule) == []


def test_a_link_reads_from_both_sides_in_show_and_trace() -> None:
    found = graph(MITIGATES, SW_01={"mitigates": ("RISK-001",)})
    page = item_page(found, "RISK-001")
    tables = [s.table for s in page.sections if s.title == "Is the reason of"]
    assert tables[0] is not None
    assert ("is mitigated by", "SW-01", "Volumetry") in tables[0].rows
    [branch] = [b for b in trace_tree(found, "SW-01").reasons if "mitigates" in b.links]
    assert branch.node.id == "RISK-001"


def test_a_matrix_may_follow_it_in_both_directions() -> None:
    found = graph(MITIGATES, SW_01={"mitigates": ("RISK-001",)})
    assert ("SW-01", "RISK-001") in matrix(found, ["sw", "risk"]).rows
    assert ("RISK-001", "SW-01") in matrix(found, ["risk", "sw"]).rows


def test_a_link_of_an_undeclared_type_is_a_finding() -> None:
    found = graph(MITIGATES, SW_01={"mitigate": ("RISK-001",)})
    [message] = said(found, "T11")
    assert "'links.mitigate' is no link type of regml.toml, which has mitiga" in message


@pytest.mark.parametrize(
    ("item", "target", "says"),
    [
        ("SW_01", "SRS-001", "may lead to RISK, and SRS-001 is none"),
        ("SRS_001", "RISK-001", "may come from SW, and SRS-001 is none"),
    ],
)
def test_both_ends_have_to_be_of_a_declared_kind(
    item: str, target: str, says: str
) -> None:
    found = graph(MITIGATES, **{item: {"mitigates": (target,)}})
    [message] = said(found, "T11")
    assert says in message


def test_a_link_to_nothing_is_found_on_its_line() -> None:
    [outcome] = check(graph(MITIGATES, SW_01={"mitigates": ("RISK-099",)}), ["T08"])
    [finding] = outcome.findings
    assert finding.message == "'links.mitigates' names RISK-099, which does not exist."
    assert int(finding.where.rpartition(":")[2]) > 1


def test_a_link_to_a_retired_item_is_found() -> None:
    base = evidence(NEEDS, SRS_001={"needs": ("SRS-003",)})
    found = build_graph(with_item(base, "SRS-003", retired="Merged"))
    assert any(
        "'links.needs' names SRS-003" in message for message in said(found, "T09")
    )


def test_a_circle_is_found_where_the_type_allows_none() -> None:
    links = {"SRS_001": {"needs": ("SRS-003",)}, "SRS_003": {"needs": ("SRS-001",)}}
    [message] = said(graph(NEEDS, **links), "T10")
    assert "SRS-001 -> SRS-003 -> SRS-001" in message
    free = NEEDS.model_copy(update={"acyclic": False})
    assert said(graph(free, **links), "T10") == []


def test_two_types_do_not_make_one_circle() -> None:
    other = NEEDS.model_copy(update={"name": "blocks"})
    links = {"SRS_001": {"needs": ("SRS-003",)}, "SRS_003": {"blocks": ("SRS-001",)}}
    assert said(graph(NEEDS, other, **links), "T10") == []


def test_an_own_link_is_part_of_the_fingerprint_and_of_what_is_approved() -> None:
    text = "---\ntitle: A\ncategory: data\nlinks: {needs: [SRS-002]}\n---\n"
    item = parse_item("a/SRS-001.md", text).item
    bare = parse_item("a/SRS-001.md", text.replace("links: {needs: [SRS-002]}\n", ""))
    assert item.fingerprint() != bare.item.fingerprint()
    assert [ref.target for ref in references(item)] == ["SRS-002"]


@pytest.mark.parametrize("links", ["[SRS-002]", "{needs: SRS-002}", "{Needs: [SRS-2]}"])
def test_a_link_in_another_form_is_refused_with_its_line(links: str) -> None:
    text = f"---\ntitle: A\ncategory: data\nlinks: {links}\n---\n"
    with pytest.raises(BrokenFileError, match=r"a/SRS-001\.md:4: "):
        parse_item("a/SRS-001.md", text)


CONFIG = Path(__file__).parents[2] / "regml.toml"
DECLARED = """
[[link_types]]
name = "mitigates"
from = ["SW"]
to = ["RISK"]
inverse = "is mitigated by"
"""


def test_link_types_are_read_from_the_configuration(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf-8") + DECLARED
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    assert read_config(tmp_path).link_types == (MITIGATES,)


@pytest.mark.parametrize("name", [*Link])
def test_no_own_type_takes_the_name_of_one_of_ours(tmp_path: Path, name: str) -> None:
    text = CONFIG.read_text(encoding="utf-8") + DECLARED.replace("mitigates", name)
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"regml\.toml"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"SW"', '"SWX"'), ('["SW"]', "[]"), ("inverse", "invers"), ('"mit', '"Mit')],
)
def test_a_broken_declaration_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = CONFIG.read_text(encoding="utf-8") + DECLARED.replace(old, new, 1)
    (tmp_path / "regml.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"regml\.toml:\d+: .*'link_types\.0"):
        read_config(tmp_path)
