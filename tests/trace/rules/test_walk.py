import itertools

import networkx
from hypothesis import given
from hypothesis import strategies as st

from regml.trace.rules.walk import circles_of

names = st.sampled_from("abcdef")
graphs = st.dictionaries(names, st.lists(names, max_size=4), max_size=6)


def as_networkx(targets: dict[str, list[str]]) -> "networkx.DiGraph[str]":
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_edges_from((a, b) for a, ends in targets.items() for b in ends)
    return graph


@given(graphs)
def test_a_graph_has_circles_exactly_when_networkx_sees_one(
    targets: dict[str, list[str]],
) -> None:
    graph = as_networkx(targets)
    found = list(circles_of(targets))
    assert bool(found) is not networkx.is_directed_acyclic_graph(graph)


@given(graphs)
def test_every_circle_is_a_path_back_to_its_least_node(
    targets: dict[str, list[str]],
) -> None:
    for circle in circles_of(targets):
        assert circle[0] == circle[-1] == min(circle)
        assert all(b in targets[a] for a, b in itertools.pairwise(circle))


@given(graphs)
def test_every_knot_is_told_at_least_once(targets: dict[str, list[str]]) -> None:
    graph = as_networkx(targets)
    told = {name for circle in circles_of(targets) for name in circle}
    for knot in networkx.strongly_connected_components(graph):
        (one, *others) = knot
        if others or one in targets.get(one, ()):
            assert told & knot


def test_a_long_chain_is_no_problem() -> None:
    chain = {f"{n:06}": [f"{n + 1:06}"] for n in range(50_000)}
    assert list(circles_of(chain)) == []
    chain["050000"] = ["000000"]
    assert len(next(circles_of(chain))) == 50_002
