from regml.trace.build import build_graph
from regml.trace.rules import check
from tests.factories import Parts, evidence_of


def test_nothing_is_found_on_a_clean_project_and_every_rule_looked_at_something() -> (
    None
):
    outcomes = check(build_graph(evidence_of(Parts())))
    assert [f for outcome in outcomes for f in outcome.findings] == []
    assert [o.rule for o in outcomes if o.subjects == 0] == []
    assert [o.rule for o in outcomes if o.off] == []
