"""Which type the names of a notebook have, as far as their defining assignments say it.

A type is the dotted name of its class: "list", "pandas.DataFrame", "numpy.ndarray". What is not
plain has none: nothing here guesses from a variable's name.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from nbtools.analysis.imported import Imported, full_name
from nbtools.analysis.known_returns import (
    ARRAY,
    ATTRIBUTES,
    CLASS_MODULES,
    COLUMN_GROUPS,
    FRAME,
    FUNCTIONS,
    GROUPS,
    INDEX,
    LOCATED,
    METHODS,
    SERIES,
    TUPLES,
)
from nbtools.analysis.regions import IndexedCell, Point, Regions, Scope, end_of, start_of

_DEEPEST = 25  # of a chain of definitions: x from y from z ...
_LITERALS: Mapping[type[ast.expr], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.JoinedStr: "str",
    ast.GeneratorExp: "generator",
    ast.Lambda: "function",
}
_SAME_AS_ARGUMENT = frozenset(("copy.copy", "copy.deepcopy", "sklearn.base.clone"))
_STRONGEST = (FRAME, SERIES, ARRAY)  # of two operands


class _Binding(Struct, frozen=True):
    """One place that binds a name, and what it binds it to."""

    cell: int
    point: Point  # from here on the name has the value
    value: ast.expr | str | None  # an expression, a type, or unknown
    item: int | None = None  # the value is this item of the expression


_Key = tuple[int, "int | None", str]  # the cell (-1: the notebook), the scope's id, the name


class Types(Struct, eq=False, dict=True):
    """Answers which type an expression has where it stands. Lazy: nothing is inferred unasked."""

    imported: Imported
    regions: Sequence[Regions]  # of each cell
    bindings: Mapping[_Key, Sequence[_Binding]]
    scopes: Mapping[_Key, Scope]  # functions by name
    _known: dict[tuple[int, int], str | None] = field(default_factory=dict)
    _depth: int = 0

    def of(self, node: ast.expr, cell: int) -> str | None:
        """The type of an expression of a cell (by its position among code cells), or None."""
        key = (cell, id(node))
        if key not in self._known:
            if self._depth > _DEEPEST:
                return None
            self._known[key] = None  # what is defined by itself has no type
            self._depth += 1
            self._known[key] = self._infer(node, cell)
            self._depth -= 1
        return self._known[key]

    def _infer(self, node: ast.expr, cell: int) -> str | None:
        literal = _LITERALS.get(type(node))
        if literal is not None:
            return literal
        if isinstance(node, ast.Constant):
            return None if node.value is None else type(node.value).__name__
        method = _BY_KIND.get(type(node))
        return method(self, node, cell) if method else None

    def _of_compare(self, node: ast.Compare, cell: int) -> str | None:
        return self._strongest([node.left, *node.comparators], cell) or "bool"

    def _of_choice(self, node: ast.IfExp, cell: int) -> str | None:
        first, second = self.of(node.body, cell), self.of(node.orelse, cell)
        return first if first == second else None

    def _of_unary(self, node: ast.UnaryOp, cell: int) -> str | None:
        return self.of(node.operand, cell)

    def _of_walrus(self, node: ast.NamedExpr, cell: int) -> str | None:
        return self.of(node.value, cell)

    def of_name(self, node: ast.Name, cell: int) -> str | None:
        """The type of a name where it is read."""
        regions = self.regions[cell]
        if regions.in_comprehension(node):
            return None
        for scope in reversed(regions.scopes_around(node)):
            if isinstance(scope, ast.ClassDef):
                continue
            if node.id in _parameters(scope):
                return None
            local = self.bindings.get((cell, id(scope), node.id))
            if local is not None:
                return self._at(local, cell, start_of(node))
            found = self.bindings.get((-1, None, node.id), ())
            kinds = {self._of_binding(each) for each in found}
            return kinds.pop() if len(kinds) == 1 else None
        return self._at(self.bindings.get((-1, None, node.id), ()), cell, start_of(node))

    def _at(self, bindings: Sequence[_Binding], cell: int, point: Point) -> str | None:
        places = [(each.cell, each.point) for each in bindings]
        index = bisect_right(places, (cell, point))
        return self._of_binding(bindings[index - 1]) if index else None

    def _of_binding(self, binding: _Binding) -> str | None:
        value = binding.value
        if value is None or isinstance(value, str):
            return value
        if binding.item is None:
            return self.of(value, binding.cell)
        if isinstance(value, (ast.Tuple, ast.List)) and binding.item < len(value.elts):
            return self.of(value.elts[binding.item], binding.cell)
        if isinstance(value, ast.Call):
            name = full_name(value.func, self.imported)
            kinds = TUPLES.get(name or "", ())
            if name == "sklearn.model_selection.train_test_split":
                source = value.args[binding.item // 2 : binding.item // 2 + 1]
                return self.of(source[0], binding.cell) if source else None
            if name == "matplotlib.pyplot.subplots" and binding.item == 1 and len(value.args):
                return None  # an array of axes
            return kinds[binding.item] if binding.item < len(kinds) else None
        return None

    def _of_call(self, node: ast.Call, cell: int) -> str | None:
        name = full_name(node.func, self.imported)
        if name is None and isinstance(node.func, ast.Name):
            name = node.func.id
            if (-1, None, name) in self.bindings:
                return self._of_function(name)
        if name is not None:
            return self._of_known(name, node, cell)
        if isinstance(node.func, ast.Attribute):
            return self._of_method(node.func, node, cell)
        return None

    def _of_known(self, name: str, node: ast.Call, cell: int) -> str | None:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        if name in _SAME_AS_ARGUMENT and node.args:
            return self.of(node.args[0], cell)
        if name == "pandas.concat":
            return self._of_concat(node, cell)
        last = name.rpartition(".")[2]
        if last[:1].isupper() and name.startswith(CLASS_MODULES):
            return name
        return None

    def _of_concat(self, node: ast.Call, cell: int) -> str | None:
        parts = node.args[0] if node.args else None
        if isinstance(parts, (ast.List, ast.Tuple)):
            kinds = {self.of(each, cell) for each in parts.elts}
            return FRAME if FRAME in kinds else None
        return None

    def _of_method(self, func: ast.Attribute, node: ast.Call, cell: int) -> str | None:
        owner = self.of(func.value, cell)
        if owner is None or _is_true(node, "inplace"):
            return None
        if func.attr in ("fit", "set_params", "partial_fit") and owner.startswith("sklearn."):
            return owner
        return METHODS.get(owner, _NONE).get(func.attr)

    def _of_function(self, name: str) -> str | None:
        """The type that a function of the notebook returns, if all its returns agree."""
        scope = self.scopes.get((-1, None, name))
        if not isinstance(scope, ast.FunctionDef) or scope.decorator_list:
            return None
        home = self.bindings[(-1, None, name)][-1].cell
        kinds: set[str | None] = set()
        for node in self.regions[home].cell.nodes(ast.Return):
            around = self.regions[home].scopes_around(node)
            if around and around[-1] is scope:
                kinds.add(self.of(node.value, home) if node.value else None)
        return kinds.pop() if len(kinds) == 1 else None

    def _of_attribute(self, node: ast.Attribute, cell: int) -> str | None:
        owner = self.of(node.value, cell)
        return ATTRIBUTES.get(owner, _NONE).get(node.attr) if owner else None

    def _of_item(self, node: ast.Subscript, cell: int) -> str | None:
        owner = self.of(node.value, cell)
        if owner is None:
            return None
        key = node.slice
        if owner == FRAME:
            if isinstance(key, (ast.List, ast.Slice)):
                return FRAME
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                return SERIES
            return FRAME if self.of(key, cell) in (FRAME, SERIES, "list") else None
        if owner == LOCATED:
            return self._of_located(key, cell)
        if owner == GROUPS:
            return COLUMN_GROUPS if isinstance(key, ast.Constant) else GROUPS
        if isinstance(key, ast.Slice):
            return owner if owner in ("list", "str", "tuple", ARRAY, SERIES) else None
        if owner == SERIES and self.of(key, cell) in (SERIES, "list"):
            return SERIES
        if owner == ARRAY and isinstance(key, ast.Tuple):
            return ARRAY if any(isinstance(each, ast.Slice) for each in key.elts) else None
        return "str" if owner == "str" else None

    def _of_located(self, key: ast.expr, cell: int) -> str | None:
        """Of what `df.loc` or `df.iloc` is asked for: a table, or a row or column of it."""
        asked = key.elts if isinstance(key, ast.Tuple) else [key]
        several = [
            isinstance(each, (ast.List, ast.Slice)) or self.of(each, cell) in _SEVERAL
            for each in asked
        ]
        if all(several):
            return FRAME
        one = [each for each, many in zip(asked, several, strict=True) if not many]
        known = all(isinstance(each, ast.Constant) for each in one)
        return SERIES if len(asked) == 2 and len(one) == 1 and known else None

    def _of_operation(self, node: ast.BinOp, cell: int) -> str | None:
        strongest = self._strongest([node.left, node.right], cell)
        if strongest is not None:
            return strongest
        left, right = self.of(node.left, cell), self.of(node.right, cell)
        if left == right or (left == "str" and isinstance(node.op, ast.Mod)):
            return left
        if isinstance(node.op, ast.Mult) and "int" in (left, right):
            other = left if right == "int" else right
            return other if other in ("list", "str", "tuple", "float") else None
        return "float" if {left, right} == {"int", "float"} else None

    def _strongest(self, operands: Sequence[ast.expr], cell: int) -> str | None:
        """Of an operation with a table or an array, what it gives."""
        kinds = [self.of(each, cell) for each in operands]
        return next((kind for kind in _STRONGEST if kind in kinds), None)


_BY_KIND: Mapping[type[ast.expr], Callable[[Types, Any, int], str | None]] = {
    ast.Name: Types.of_name,
    ast.Call: Types._of_call,
    ast.Attribute: Types._of_attribute,
    ast.Subscript: Types._of_item,
    ast.BinOp: Types._of_operation,
    ast.Compare: Types._of_compare,
    ast.UnaryOp: Types._of_unary,
    ast.IfExp: Types._of_choice,
    ast.NamedExpr: Types._of_walrus,
}
_NONE: Mapping[str, str] = {}
_SEVERAL = frozenset({"list", "range", "slice", SERIES, INDEX, ARRAY})
"""Keys of these types ask a table for several rows or columns."""


def read_types(cells: Sequence[IndexedCell], imported: Imported) -> Types:
    """Collect the bindings of all cells; types are inferred when they are asked for."""
    regions = [Regions(cell) for cell in cells]
    bindings: dict[_Key, list[_Binding]] = {}
    scopes: dict[_Key, Scope] = {}
    for position, cell in enumerate(cells):
        declared = {name for node in cell.nodes(ast.Global) for name in node.names}
        for at, name, binding in _bindings_of(position, regions[position]):
            around = [s for s in regions[position].scopes_around(at) if s is not at]
            key: _Key = (-1, None, name)
            if around and name not in declared:
                key = (position, id(around[-1]), name)
            elif around:
                binding = _Binding(position, binding.point, None)
            bindings.setdefault(key, []).append(binding)
            if isinstance(at, (ast.FunctionDef, ast.ClassDef)):
                scopes[key] = at
    for found in bindings.values():
        found.sort(key=lambda each: (each.cell, each.point))
    return Types(imported, regions, bindings, scopes)


_Bound = tuple[ast.expr | ast.stmt, str, _Binding]


def _bindings_of(cell: int, regions: Regions) -> Iterator[_Bound]:
    tree = regions.cell
    for stored in regions.stored:
        yield from _bind_target(cell, stored.target, stored.value, stored.point)
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
        *tree.nodes(ast.FunctionDef),
        *tree.nodes(ast.AsyncFunctionDef),
    ]
    for function in functions:
        yield function, function.name, _Binding(cell, start_of(function), "function")
    for made in tree.nodes(ast.ClassDef):
        yield made, made.name, _Binding(cell, start_of(made), "type")
    imports: list[ast.Import | ast.ImportFrom] = [
        *tree.nodes(ast.Import),
        *tree.nodes(ast.ImportFrom),
    ]
    for statement in imports:
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield statement, bound, _Binding(cell, end_of(statement), "module")


def _bind_target(
    cell: int, target: ast.expr, value: ast.expr | None, point: Point
) -> Iterator[_Bound]:
    if isinstance(target, ast.Name):
        yield target, target.id, _Binding(cell, point, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for number, each in enumerate(target.elts):
            if isinstance(each, ast.Name):
                yield each, each.id, _Binding(cell, point, value, number)
            else:
                yield from _bind_target(cell, each, None, point)
    elif isinstance(target, ast.Starred):
        yield from _bind_target(cell, target.value, None, point)


def _parameters(scope: Scope) -> frozenset[str]:
    if isinstance(scope, ast.ClassDef):
        return frozenset()
    arguments = scope.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each]
    return frozenset(each.arg for each in every)


def _is_true(node: ast.Call, keyword: str) -> bool:
    return any(
        k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in node.keywords
    )
