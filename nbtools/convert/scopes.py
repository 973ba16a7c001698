"""Which tokens of a statement mean a notebook-wide name, by Python's rules of scope.

One pass collects bindings and uses; a second, when all bindings are known, resolves the
uses. Both keep their own stack instead of recursing: generated code nests deeply.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal, NamedTuple

import libcst as cst

from nbtools.convert.tree import child_nodes, code_of

# What a Name in this position does; "target" is a comprehension's own variable.
Role = Literal["load", "store", "delete", "target"]
ScopeKind = Literal["module", "class", "function", "comprehension", "handler", "type"]


class Use(NamedTuple):
    """One token that means a notebook-wide name."""

    node: cst.Name | cst.ImportAlias
    name: str  # as Python looks it up: normalised, mangled if private to a class
    role: Literal["load", "store"]  # `del` is a load; `x += 1` and `global x` are stores
    late: bool  # looked up when a function is called
    declared: bool  # through a `global` statement


class _Scope:
    """One scope while it is being scanned.

    A handler is no scope of Python's: it marks where the `e` of `except E as e` is bound.
    """

    __slots__ = ("annotated", "bound", "declared", "kind", "late", "owner", "parent", "private")

    def __init__(self, kind: ScopeKind, parent: _Scope | None, late: bool = False) -> None:
        self.kind = kind
        self.parent = parent
        self.late: bool = late or kind == "function" or (parent is not None and parent.late)
        self.private: str | None = parent.private if parent else None  # class that mangles __x
        self.bound: set[str] = set()
        self.declared: set[str] = set()  # by `global`
        self.annotated: set[str] = set()  # in a class, without a value: `x: int`
        inner = kind in ("comprehension", "handler", "type")
        self.owner: _Scope = parent.owner if inner and parent else self  # where `:=` binds

    def key(self, name: str) -> str:
        """The name that Python looks up for an identifier written here."""
        if not name.isascii():
            name = unicodedata.normalize("NFKC", name)
        if self.private and name.startswith("__") and not name.endswith("__"):
            return f"_{self.private}{name}"
        return name


class _Seen(NamedTuple):
    node: cst.Name | cst.ImportAlias
    name: str
    role: Literal["load", "store"]
    scope: _Scope


class _Scanner:
    """Collects the uses of some names below one statement, and the bindings of its scopes."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.wanted = wanted
        self.seen: list[_Seen] = []
        self.todo: list[tuple[cst.CSTNode, _Scope, Role]] = []

    def scan(self, statement: cst.CSTNode) -> None:
        self.push(_Scope("module", None), statement)
        while self.todo:
            node, scope, role = self.todo.pop()
            scan_kind = _SCANS.get(type(node).__name__)
            if scan_kind is not None:
                scan_kind(self, node, scope, role)
            else:
                self.push(scope, *child_nodes(node))

    def push(self, scope: _Scope, *nodes: object, role: Role = "load") -> None:
        for node in nodes:  # None and libcst's sentinels stand for what is not there
            if isinstance(node, cst.CSTNode):
                self.todo.append((node, scope, role))

    def use(
        self,
        node: cst.Name | cst.ImportAlias,
        written: str,
        role: Literal["load", "store"],
        scope: _Scope,
        *,
        binds: bool = True,
    ) -> None:
        name = scope.key(written)
        if name not in self.wanted:
            return
        if role == "store":
            scope = scope.owner
            if binds:
                scope.bound.add(name)
        self.seen.append(_Seen(node, name, role, scope))

    def scan_name(self, node: cst.Name, scope: _Scope, role: Role) -> None:
        if role == "target":
            scope.bound.add(scope.key(node.value))
            return
        if role == "delete":
            scope.owner.bound.add(scope.key(node.value))
        self.use(node, node.value, "store" if role == "store" else "load", scope)

    def scan_pattern(self, node: cst.CSTNode, scope: _Scope, role: Role) -> None:
        """Lists and tuples hand on what is done with them; loads come here as well."""
        self.push(scope, *child_nodes(node), role=role)

    def scan_attribute(self, node: cst.Attribute, scope: _Scope, _: Role) -> None:
        self.push(scope, node.value)

    def scan_argument(self, node: cst.Arg, scope: _Scope, _: Role) -> None:
        self.push(scope, node.value)  # not its keyword

    def scan_binding(
        self,
        node: cst.AssignTarget | cst.AugAssign | cst.NamedExpr | cst.For | cst.AnnAssign,
        scope: _Scope,
        _: Role,
    ) -> None:
        for child in child_nodes(node):
            self.push(scope, child, role="store" if child is node.target else "load")

    def scan_annotated(self, node: cst.AnnAssign, scope: _Scope, role: Role) -> None:
        if node.value is None and scope.owner.kind == "class" and isinstance(node.target, cst.Name):
            # `range: range` stores nothing: reads in the class body find the global
            scope.owner.annotated.add(scope.key(node.target.value))
            self.push(scope, node.annotation)
        else:
            self.scan_binding(node, scope, role)

    def scan_as_name(self, node: cst.AsName, scope: _Scope, _: Role) -> None:
        self.push(scope, node.name, role="store")

    def scan_delete(self, node: cst.Del, scope: _Scope, _: Role) -> None:
        self.push(scope, node.target, role="delete")

    def scan_capture(
        self, node: cst.MatchAs | cst.MatchStar | cst.MatchMapping, scope: _Scope, _: Role
    ) -> None:
        captured = node.rest if isinstance(node, cst.MatchMapping) else node.name
        for child in child_nodes(node):
            self.push(scope, child, role="store" if child is captured else "load")

    def scan_match_keyword(self, node: cst.MatchKeywordElement, scope: _Scope, _: Role) -> None:
        self.push(scope, node.pattern)

    def scan_import(self, node: cst.Import | cst.ImportFrom, scope: _Scope, _: Role) -> None:
        if isinstance(node.names, cst.ImportStar):
            return
        for alias in node.names:
            if alias.asname is None:
                self.use(alias, imported_name(alias), "store", scope)
            elif isinstance(alias.asname.name, cst.Name):
                self.use(alias, alias.asname.name.value, "store", scope)

    def scan_global(self, node: cst.Global, scope: _Scope, _: Role) -> None:
        for item in node.names:
            scope.owner.declared.add(scope.key(item.name.value))
            self.use(item.name, item.name.value, "store", scope, binds=False)

    def scan_handler(
        self, node: cst.ExceptHandler | cst.ExceptStarHandler, scope: _Scope, _: Role
    ) -> None:
        self.push(scope, node.type, node.name)
        inner = _Scope("handler", scope)
        if node.name is not None and isinstance(node.name.name, cst.Name):
            inner.bound.add(scope.key(node.name.name.value))
        self.push(inner, node.body)

    def scan_function(self, node: cst.FunctionDef, scope: _Scope, _: Role) -> None:
        self.push(scope, node.name, role="store")
        self.push(scope, *node.decorators)
        around = self.type_scope(node.type_parameters, scope)
        self.push(around, node.returns)
        self.scan_callable(node.params, node.body, scope, around)

    def scan_lambda(self, node: cst.Lambda, scope: _Scope, _: Role) -> None:
        self.scan_callable(node.params, node.body, scope, scope)

    def scan_callable(
        self, params: cst.Parameters, body: cst.CSTNode, scope: _Scope, around: _Scope
    ) -> None:
        inner = _Scope("function", around)
        for param in _every_param(params):
            inner.bound.add(inner.key(param.name.value))
            self.push(around, param.annotation)
            self.push(scope, param.default)
        self.push(inner, body)

    def scan_class(self, node: cst.ClassDef, scope: _Scope, _: Role) -> None:
        self.push(scope, node.name, role="store")
        self.push(scope, *node.decorators)
        around = self.type_scope(node.type_parameters, scope)
        self.push(around, *node.bases, *node.keywords)
        inner = _Scope("class", around)
        inner.private = node.name.value.lstrip("_")
        self.push(inner, node.body)

    def scan_type_alias(self, node: cst.TypeAlias, scope: _Scope, _: Role) -> None:
        self.push(scope, node.name, role="store")
        around = self.type_scope(node.type_parameters, scope)
        self.push(_Scope("type", around, late=True), node.value)  # evaluated when asked for

    def type_scope(self, parameters: cst.TypeParameters | None, scope: _Scope) -> _Scope:
        """The scope of the parameters of a generic class, function or alias."""
        if parameters is None:
            return scope
        around = _Scope("type", scope)
        lazy = _Scope("type", around, late=True)
        for parameter in parameters.params:
            around.bound.add(scope.key(parameter.param.name.value))
            self.push(lazy, parameter.default, getattr(parameter.param, "bound", None))
        return around

    def scan_comprehension(
        self, node: cst.BaseSimpleComp | cst.DictComp, scope: _Scope, _: Role
    ) -> None:
        self.push(scope, node.for_in.iter)  # the first iterable belongs to the scope around
        inner = _Scope("comprehension", scope)
        if isinstance(node, cst.DictComp):
            self.push(inner, node.key, node.value)
        else:
            self.push(inner, node.elt)
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            self.push(inner, clause.target, role="target")
            self.push(inner, *clause.ifs)
            clause = clause.inner_for_in
            if clause is not None:
                self.push(inner, clause.iter)


_SCANS: dict[str, Callable[[_Scanner, Any, _Scope, Role], None]] = {
    "Name": _Scanner.scan_name,
    "Tuple": _Scanner.scan_pattern,
    "List": _Scanner.scan_pattern,
    "Element": _Scanner.scan_pattern,
    "StarredElement": _Scanner.scan_pattern,
    "Attribute": _Scanner.scan_attribute,
    "Arg": _Scanner.scan_argument,
    "AssignTarget": _Scanner.scan_binding,
    "AnnAssign": _Scanner.scan_annotated,
    "AugAssign": _Scanner.scan_binding,
    "NamedExpr": _Scanner.scan_binding,
    "For": _Scanner.scan_binding,
    "AsName": _Scanner.scan_as_name,
    "Del": _Scanner.scan_delete,
    "MatchAs": _Scanner.scan_capture,
    "MatchStar": _Scanner.scan_capture,
    "MatchMapping": _Scanner.scan_capture,
    "MatchKeywordElement": _Scanner.scan_match_keyword,
    "Import": _Scanner.scan_import,
    "ImportFrom": _Scanner.scan_import,
    "Global": _Scanner.scan_global,
    "ExceptHandler": _Scanner.scan_handler,
    "ExceptStarHandler": _Scanner.scan_handler,
    "FunctionDef": _Scanner.scan_function,
    "Lambda": _Scanner.scan_lambda,
    "ClassDef": _Scanner.scan_class,
    "TypeAlias": _Scanner.scan_type_alias,
    "ListComp": _Scanner.scan_comprehension,
    "SetComp": _Scanner.scan_comprehension,
    "GeneratorExp": _Scanner.scan_comprehension,
    "DictComp": _Scanner.scan_comprehension,
}


def imported_name(alias: cst.ImportAlias) -> str:
    """The name that an import without `as` binds: `a` for `a.b.c`."""
    node: cst.CSTNode = alias.name
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else code_of(node)


def notebook_uses(statement: cst.CSTNode, wanted: Collection[str]) -> Iterator[Use]:
    """The tokens below a statement of a cell that mean one of these notebook-wide names."""
    scanner = _Scanner(wanted)
    scanner.scan(statement)
    for seen in scanner.seen:
        use = _resolve(seen)
        if use is not None:
            yield use


def _resolve(seen: _Seen) -> Use | None:
    """Follow a name outwards; None if it stops at a scope that is not the notebook's."""
    role = seen.role
    scope: _Scope | None = seen.scope
    sees_class = True
    while scope is not None and scope.kind != "module":
        if scope.kind == "handler":
            # `e` in the body of `except E as e` is what that line stored
            if seen.name in scope.bound:
                role = "store"
        elif scope.kind != "class" or sees_class:
            if seen.name in scope.declared:
                return Use(seen.node, seen.name, role, seen.scope.late, True)
            if seen.name in scope.bound:
                return None
            if seen.name in scope.annotated:  # functions around are passed over
                break
        sees_class = sees_class and scope.kind in ("type", "handler")
        scope = scope.parent
    return Use(seen.node, seen.name, role, seen.scope.late, False)


def _every_param(params: cst.Parameters) -> Iterator[cst.Param]:
    yield from params.posonly_params
    yield from params.params
    yield from params.kwonly_params
    if isinstance(params.star_arg, cst.Param):
        yield params.star_arg
    if params.star_kwarg is not None:
        yield params.star_kwarg
