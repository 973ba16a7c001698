"""Which names' objects the statements of a cell change in place, how, and how surely."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from nbtools.analysis.imported import Imported, full_name
from nbtools.analysis.known_returns import ARRAY, FRAME, SERIES
from nbtools.analysis.regions import Positioned, Regions, Scope, start_of
from nbtools.analysis.types import Types
from nbtools.syntax import root_name

How = Literal["item", "attribute", "augmented", "delete-item", "call", "inplace", "function"]


class Change(Struct, frozen=True):
    """One place where an object that a name stands for is changed."""

    name: str  # the name: `d` of `d["k"].x = 1`
    how: How
    what: str  # the word that does it: a method, a function, an attribute
    node: Positioned  # the whole expression, or the target of the assignment
    root: ast.Name  # the name's own node
    type: str | None  # of the named object, where it is known
    direct: bool  # the object itself is changed, not one that is part of it
    sure: bool
    scope: Scope | None  # the function whose body does it; None: the cell itself


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INPLACE_METHODS = _words(
    "bfill clip drop drop_duplicates dropna eval ffill fillna interpolate mask query rename "
    "rename_axis replace reset_index set_index sort_index sort_values where set_names set_axis "
    "sort rename_categories reorder_categories add_categories remove_categories set_categories"
)
"""pandas methods that change their object if `inplace=True`."""

_LIST = _words("append clear extend insert pop remove reverse sort")
_DICT = _words("clear pop popitem setdefault update")
_SET = _words(
    "add clear discard pop remove update difference_update intersection_update "
    "symmetric_difference_update"
)
_ESTIMATOR = _words("fit partial_fit fit_transform fit_predict")
_GRAPH = _words(
    "add_node add_nodes_from add_edge add_edges_from add_weighted_edges_from remove_node "
    "remove_nodes_from remove_edge remove_edges_from clear update add_path add_cycle add_star"
)
_AXES = _words(
    "plot scatter bar barh hist hist2d imshow contour contourf errorbar fill_between fill "
    "axhline axvline axhspan axvspan annotate text legend set set_title set_xlabel set_ylabel "
    "set_xlim set_ylim set_xticks set_yticks set_xticklabels set_yticklabels set_xscale "
    "set_yscale set_aspect grid axis pcolormesh quiver step stem pie boxplot violinplot loglog "
    "semilogx semilogy vlines hlines add_patch add_artist add_collection cla clear"
)
_FIGURE = _words("suptitle tight_layout subplots_adjust add_subplot add_axes colorbar clf text")
_METHODS: Mapping[str, frozenset[str]] = {
    "list": _LIST,
    "dict": _DICT,
    "set": _SET,
    "bytearray": _LIST,
    "deque": _LIST | _words("appendleft extendleft popleft rotate"),
    "Counter": _DICT | {"subtract"},
    "defaultdict": _DICT,
    "OrderedDict": _DICT | {"move_to_end"},
    FRAME: _words("insert pop update"),
    SERIES: _words("pop update"),
    ARRAY: _words("sort partition fill put resize setflags setfield itemset"),
    "networkx.Graph": _GRAPH,
    "matplotlib.axes.Axes": _AXES,
    "matplotlib.figure.Figure": _FIGURE,
}
_PLAIN_ANYWHERE = _words("append extend appendleft extendleft setdefault")
"""Methods that, as a statement of their own, can do nothing but change their object."""

_MODEL_MODULES = ("keras.", "tensorflow.keras.", "torch.nn.")
_MODEL = _words("fit compile add load_state_dict load_weights train eval")
_FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            f"numpy.{name}"
            for name in "put place copyto putmask put_along_axis fill_diagonal".split()
        ),
        0,
    ),
    **dict.fromkeys(
        (f"heapq.{name}" for name in "heappush heappop heapify heapreplace heappushpop".split()), 0
    ),
    "numpy.random.shuffle": 0,
    "random.shuffle": 0,
    "bisect.insort": 0,
    "bisect.insort_left": 0,
    "bisect.insort_right": 0,
}
"""Function -> the position of the argument that it changes."""
_MUTABLE = frozenset(("list", "set", "dict", "deque", "Counter", "bytearray", FRAME, SERIES, ARRAY))
_INDEXERS = frozenset(("loc", "iloc", "at", "iat", "ix"))


def find_changes(regions: Regions, types: Types, position: int) -> tuple[Change, ...]:
    """Every change in place that one cell makes, in functions too, in the order of the text.

    Args:
        regions: The cell, and where its functions and comprehensions stand.
        types: The types of the notebook's values.
        position: Of the cell, among the code cells.
    """
    finder = _Finder(regions, types, position)
    found = [*finder.by_statements(), *finder.by_calls()]
    return tuple(sorted(found, key=lambda change: start_of(change.node)))


class _Finder(Struct, frozen=True):
    regions: Regions
    types: Types
    position: int

    @property
    def imported(self) -> Imported:
        return self.types.imported

    def by_statements(self) -> Iterator[Change]:
        cell = self.regions.cell
        for each in self.regions.stored:
            for target in _flat(each.target):
                yield from self.stored(target, "item")
        for augmented in cell.nodes(ast.AugAssign):
            yield from self.augmented(augmented)
        for deletion in cell.nodes(ast.Delete):
            for target in (t for each in deletion.targets for t in _flat(each)):
                yield from self.stored(target, "delete-item")

    def stored(self, target: ast.expr, how: How) -> Iterator[Change]:
        if isinstance(target, ast.Subscript):
            inner = target.value
            word = inner.attr if isinstance(inner, ast.Attribute) else ""
            direct = isinstance(inner, ast.Name) or word in _INDEXERS
            yield from self.change(target, target, how, word, direct=direct)
        elif isinstance(target, ast.Attribute):
            kind: How = "attribute" if how == "item" else how
            direct = isinstance(target.value, ast.Name)
            yield from self.change(target, target, kind, target.attr, direct=direct)

    def augmented(self, node: ast.AugAssign) -> Iterator[Change]:
        if not isinstance(node.target, ast.Name):
            yield from self.stored(node.target, "augmented")
            return
        kind = self.types.of(node.target, self.position)
        if kind in _MUTABLE:
            yield from self.change(node.target, node.target, "augmented", "", direct=True)

    def by_calls(self) -> Iterator[Change]:
        cell = self.regions.cell
        calls = cell.nodes(ast.Call)
        statements: set[int] = set()
        if calls:
            statements = {id(each.value) for each in cell.nodes(ast.Expr)}
        for node in calls:
            out = None
            if node.keywords:
                out = next((k.value for k in node.keywords if k.arg in ("out", "inplace")), None)
            if isinstance(node.func, ast.Attribute) and _may_change(node.func.attr, out):
                yield from self.by_method(node, node.func, id(node) in statements)
            yield from self.by_function(node, out)

    def by_method(self, node: ast.Call, func: ast.Attribute, alone: bool) -> Iterator[Change]:
        if root_name(func) is None or full_name(func, self.imported) is not None:
            return
        direct = isinstance(func.value, ast.Name)
        if _has_inplace(node) and func.attr in INPLACE_METHODS:
            yield from self.change(node, func, "inplace", func.attr, direct=direct)
            return
        kind = self.types.of(func.value, self.position)
        if kind is not None:
            if func.attr in _METHODS.get(kind, _NONE) or _fits(kind, func.attr):
                yield from self.change(node, func, "call", func.attr, direct=direct)
        elif alone and func.attr in _PLAIN_ANYWHERE:
            yield from self.change(node, func, "call", func.attr, direct=direct, sure=False)

    def by_function(self, node: ast.Call, out: ast.expr | None) -> Iterator[Change]:
        if out is None and not isinstance(node.func, (ast.Name, ast.Attribute)):
            return
        word = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if out is None and word not in _FUNCTION_WORDS and not isinstance(node.func, ast.Name):
            return
        name = full_name(node.func, self.imported)
        if name is None:
            return
        place = _FUNCTIONS.get(name)
        if place is not None and len(node.args) > place:
            target = node.args[place]
        elif out is not None and name.startswith("numpy."):
            target = out
        else:
            return
        if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)):
            direct = isinstance(target, ast.Name)
            yield from self.change(node, target, "function", name, direct=direct)

    def change(
        self,
        node: Positioned,
        part: ast.expr,
        how: How,
        what: str,
        *,
        direct: bool,
        sure: bool = True,
    ) -> Iterator[Change]:
        root = _root(part)
        if root is None or self.regions.in_comprehension(root):
            return
        scopes = [s for s in self.regions.scopes_around(root) if not isinstance(s, ast.ClassDef)]
        kind = self.types.of(root, self.position)
        scope = scopes[0] if scopes else None
        yield Change(root.id, how, what, node, root, kind, direct, sure, scope)


_NONE: frozenset[str] = frozenset()
_FUNCTION_WORDS = frozenset(name.rpartition(".")[2] for name in _FUNCTIONS)
_EVERY_METHOD = frozenset().union(*_METHODS.values(), _ESTIMATOR, _MODEL, _PLAIN_ANYWHERE)


def _may_change(method: str, inplace: ast.expr | None) -> bool:
    return method in _EVERY_METHOD or (inplace is not None and method in INPLACE_METHODS)


def _fits(kind: str, method: str) -> bool:
    """Whether a method of a model changes it."""
    if kind.startswith("sklearn."):
        return method in _ESTIMATOR
    return kind.startswith(_MODEL_MODULES) and method in _MODEL


def _has_inplace(node: ast.Call) -> bool:
    return any(
        k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in node.keywords
    )


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for each in target.elts:
            yield from _flat(each)
    else:
        yield target.value if isinstance(target, ast.Starred) else target
