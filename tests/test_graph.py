"""The strongly connected sets of a graph, against what can be reached from where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.analysis.graph import components

Parents = list[set[int]]

GRAPHS: dict[str, tuple[Parents, list[tuple[int, ...]]]] = {
    "nothing": ([], []),
    "one": ([set()], [(0,)]),
    "one that needs itself": ([{0}], [(0,)]),
    "no edges": ([set(), set()], [(0,), (1,)]),
    "forwards": ([set(), {0}, {1}], [(0,), (1,), (2,)]),
    "backwards": ([{1}, {2}, set()], [(2,), (1,), (0,)]),
    "a cycle": ([{2}, {0}, {1}], [(0, 1, 2)]),
    "a cycle, fed and feeding": ([set(), {0, 2}, {1}, {2}], [(0,), (1, 2), (3,)]),
    "two cycles": ([{1}, {0}, {1, 3}, {2}], [(0, 1), (2, 3)]),
    "two cycles that share a node": ([{1}, {0, 2}, {1}], [(0, 1, 2)]),
    "a diamond": ([{1, 2}, {3}, {3}, set()], [(3,), (1,), (2,), (0,)]),
}


@pytest.mark.parametrize(("parents", "expected"), GRAPHS.values(), ids=GRAPHS)
def test_components(parents: Parents, expected: list[tuple[int, ...]]) -> None:
    assert components(parents) == expected


def graphs() -> st.SearchStrategy[Parents]:
    def edges(size: int) -> st.SearchStrategy[Parents]:
        nodes = st.sets(st.integers(0, size - 1), max_size=3)
        return st.lists(nodes, min_size=size, max_size=size)

    return st.integers(1, 9).flatmap(edges)


def ancestors(parents: Parents) -> list[set[int]]:
    """For each node all that it needs, by walking until nothing is new."""
    found = []
    for start in parents:
        seen: set[int] = set()
        todo = list(start)
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += parents[node]
        found.append(seen)
    return found


@given(graphs())
def test_a_component_is_all_that_need_each_other(parents: Parents) -> None:
    reached = ancestors(parents)
    nodes = range(len(parents))
    expected = {
        tuple(n for n in nodes if n == node or (n in reached[node] and node in reached[n]))
        for node in nodes
    }
    found = components(parents)
    assert set(found) == expected
    assert len(found) == len(expected)


@given(graphs())
def test_parents_come_first(parents: Parents) -> None:
    done: set[int] = set()
    for members in components(parents):
        done.update(members)
        assert all(parents[node] <= done for node in members)


@given(graphs())
def test_sets_and_lists_of_parents_give_the_same(parents: Parents) -> None:
    shuffled = [sorted(nodes, reverse=True) for nodes in parents]
    assert components(shuffled) == components(parents)


def test_a_long_chain_costs_no_recursion() -> None:
    size = 20_000
    chain: list[set[int]] = [{node + 1} for node in range(size)]
    assert len(components([*chain, set()])) == size + 1
    assert components([*chain, {0}]) == [tuple(range(size + 1))]
