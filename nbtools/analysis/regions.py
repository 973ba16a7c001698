"""Where in a cell a node stands: in which function, comprehension, `try` or `if`. By positions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

from msgspec import Struct

_Node = TypeVar("_Node", bound=ast.AST)
Positioned = ast.expr | ast.stmt
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class IndexedCell(Protocol):
    """A parsed cell whose nodes can be asked for by kind."""

    def nodes(self, kind: type[_Node]) -> Sequence[_Node]:
        """Every node of one kind in the cell, in the order of the text."""
        ...


Point = tuple[int, int]  # line (1-based) and column (0-based, bytes) in the cell's plain source


def start_of(node: Positioned) -> Point:
    """Where a node begins."""
    return node.lineno, node.col_offset


def end_of(node: Positioned) -> Point:
    """Where a node ends."""
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def is_inside(node: Positioned, around: Positioned) -> bool:
    """Whether a node stands within another's text."""
    return start_of(around) <= start_of(node) and end_of(node) <= end_of(around)


class Stored(Struct, frozen=True):
    """One place that stores: a name, an item or an attribute, or a tuple of them."""

    target: ast.expr
    value: ast.expr | None  # what is stored, where it is the target's whole value
    point: Point  # from here on it is


def _stored_in(cell: IndexedCell) -> Iterator[Stored]:
    """What assignments, loops, `with` and `:=` store, in functions too."""
    for node in cell.nodes(ast.Assign):
        for target in node.targets:
            yield Stored(target, node.value, end_of(node))
    for annotated in cell.nodes(ast.AnnAssign):
        if annotated.value is not None:
            yield Stored(annotated.target, annotated.value, end_of(annotated))
    for walrus in cell.nodes(ast.NamedExpr):
        yield Stored(walrus.target, walrus.value, end_of(walrus))
    loops: list[ast.For | ast.AsyncFor] = [*cell.nodes(ast.For), *cell.nodes(ast.AsyncFor)]
    for loop in loops:
        yield Stored(loop.target, None, end_of(loop.target))
    blocks: list[ast.With | ast.AsyncWith] = [*cell.nodes(ast.With), *cell.nodes(ast.AsyncWith)]
    for item in (item for block in blocks for item in block.items):
        if item.optional_vars is not None:
            yield Stored(item.optional_vars, None, end_of(item.optional_vars))


class Regions(Struct, frozen=True, eq=False, dict=True):
    """The parts of one cell that change what its nodes mean."""

    cell: IndexedCell

    @cached_property
    def stored(self) -> tuple[Stored, ...]:
        """What the cell stores, in functions too."""
        return tuple(_stored_in(self.cell))

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """The functions, lambdas and classes of the cell."""
        found: list[Scope] = [
            *self.cell.nodes(ast.FunctionDef),
            *self.cell.nodes(ast.AsyncFunctionDef),
            *self.cell.nodes(ast.Lambda),
            *self.cell.nodes(ast.ClassDef),
        ]
        return tuple(found)

    @cached_property
    def _comprehensions(self) -> tuple[tuple[Comprehension, frozenset[str]], ...]:
        nodes: list[Comprehension] = [
            *self.cell.nodes(ast.ListComp),
            *self.cell.nodes(ast.SetComp),
            *self.cell.nodes(ast.DictComp),
            *self.cell.nodes(ast.GeneratorExp),
        ]
        return tuple((node, _targets(node)) for node in nodes)

    def scopes_around(self, node: Positioned) -> list[Scope]:
        """The functions and classes whose body holds a node, from the outermost in."""
        if not self.scopes:
            return []
        around = [s for s in self.scopes if s is not node and _in_body(node, s)]
        return sorted(around, key=start_of) if len(around) > 1 else around

    def in_comprehension(self, name: ast.Name) -> bool:
        """Whether a name is one that a comprehension around it binds."""
        return any(
            name.id in names and is_inside(name, around) for around, names in self._comprehensions
        )

    @cached_property
    def _tries(self) -> tuple[ast.Try, ...]:
        return tuple(self.cell.nodes(ast.Try))

    def tries_around(self, node: Positioned) -> Iterator[ast.Try]:
        """The `try` statements that would catch what a node raises, or run it if another does."""
        for each in self._tries:
            if is_inside(node, each) and each.handlers:
                yield each

    def ifs_around(self, node: Positioned) -> Iterator[ast.If | ast.IfExp]:
        """The conditions that decide whether a node runs."""
        ifs: list[ast.If | ast.IfExp] = [*self.cell.nodes(ast.If), *self.cell.nodes(ast.IfExp)]
        for each in ifs:
            if is_inside(node, each):
                yield each


def _in_body(node: Positioned, scope: Scope) -> bool:
    """A default, a decorator or a base is evaluated outside of what it belongs to."""
    if isinstance(scope, ast.Lambda):
        return is_inside(node, scope.body)
    return start_of(scope.body[0]) <= start_of(node) and end_of(node) <= end_of(scope)


def _targets(node: Comprehension) -> frozenset[str]:
    return frozenset(
        each.id
        for generator in node.generators
        for each in ast.walk(generator.target)
        if isinstance(each, ast.Name)
    )
