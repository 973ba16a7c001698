"""Changing chosen nodes of a libcst tree in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from nbtools.convert.tree import child_nodes

# What becomes of a node; it is given the node as left by the changes inside it.
Replace = Callable[[cst.CSTNode], "cst.CSTNode | cst.FlattenSentinel[Any]"]
Replacements = dict[cst.CSTNode, list[Replace]]  # nodes hash by identity; applied in order


class _Replacer(cst.CSTTransformer):
    def __init__(self, replacements: Replacements, parents: set[cst.CSTNode]) -> None:
        super().__init__()
        self.replacements = replacements
        self.parents = parents

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self.parents  # libcst rebuilds all that is visited, at a cost

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        for replace in self.replacements.get(original_node, ()):
            updated_node = replace(updated_node)
        return updated_node


def replace_nodes(tree: cst.CSTNode, replacements: Replacements) -> cst.CSTNode:
    """The tree with some of its nodes changed; without any, the tree itself."""
    if not replacements:
        return tree
    changed = tree.visit(_Replacer(replacements, _ancestors(tree, replacements)))
    assert isinstance(changed, cst.CSTNode)  # no change removes a whole statement
    return changed


def _ancestors(tree: cst.CSTNode, nodes: Iterable[cst.CSTNode]) -> set[cst.CSTNode]:
    """Every node above one of these."""
    parent: dict[cst.CSTNode, cst.CSTNode] = {}
    todo = [tree]
    while todo:
        node = todo.pop()
        for child in child_nodes(node):
            parent[child] = node
            todo.append(child)
    found: set[cst.CSTNode] = set()
    for start in nodes:
        above = parent.get(start)
        while above is not None and above not in found:
            found.add(above)
            above = parent.get(above)
    return found
