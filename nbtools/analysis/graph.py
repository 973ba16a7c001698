"""The dataflow graph: orders and cycles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush


def components(parents: Sequence[Collection[int]]) -> list[tuple[int, ...]]:
    """The strongly connected sets of a graph, parents before children.

    Args:
        parents: For each node, numbered from 0, the nodes that it depends on.

    Returns:
        Every node in exactly one tuple, ascending; a tuple of more than one is a cycle.
        The algorithm is Tarjan's (1972), without recursion.
    """
    search = _Tarjan(parents)
    for root in range(len(parents)):
        if root not in search.index:
            search.visit(root)
    return search.found


def running_order(parents: Sequence[Collection[int]]) -> list[int]:
    """The order in which marimo runs cells: each as early in the file as what it needs allows.

    Args:
        parents: As for `components`; the graph has no cycle.
    """
    children: list[list[int]] = [[] for _ in parents]
    for node, needed in enumerate(parents):
        for parent in needed:
            children[parent].append(node)
    missing = [len(needed) for needed in parents]
    ready = [node for node, count in enumerate(missing) if not count]
    order: list[int] = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for child in children[node]:
            missing[child] -= 1
            if not missing[child]:
                heappush(ready, child)
    return order


def reachable(start: Iterable[int], edges: Callable[[int], Iterable[int]]) -> set[int]:
    """Nodes, and all that edges lead to from them: descendants, or ancestors."""
    found: set[int] = set()
    pending = list(start)
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending += edges(node)
    return found


class _Tarjan:
    def __init__(self, parents: Sequence[Collection[int]]) -> None:
        self.parents = parents
        self.index: dict[int, int] = {}
        self.low: dict[int, int] = {}
        self.stack: list[int] = []
        self.waiting: set[int] = set()  # the members of the stack
        self.found: list[tuple[int, ...]] = []

    def enter(self, node: int) -> tuple[int, Iterator[int]]:
        self.index[node] = self.low[node] = len(self.index)
        self.stack.append(node)
        self.waiting.add(node)
        return node, iter(sorted(self.parents[node]))

    def visit(self, root: int) -> None:
        path = [self.enter(root)]
        while path:
            node, rest = path[-1]
            parent = next(rest, None)
            if parent is None:
                path.pop()
                self.leave(node)
                if path:
                    below = path[-1][0]
                    self.low[below] = min(self.low[below], self.low[node])
            elif parent not in self.index:
                path.append(self.enter(parent))
            elif parent in self.waiting:
                self.low[node] = min(self.low[node], self.index[parent])

    def leave(self, node: int) -> None:
        """All that `node` depends on is known: if it closes a set, take the set off."""
        if self.low[node] != self.index[node]:
            return
        members = [self.stack.pop()]
        while members[-1] != node:
            members.append(self.stack.pop())
        self.waiting.difference_update(members)
        self.found.append(tuple(sorted(members)))
