"""What one cell binds and reads, by the rules of marimo 0.25.2.

This follows marimo's own visitor (`marimo/_ast/visitor.py`), its oddities included: the
signatures that marimo writes come from these sets, and one name more or less changes the
file. Where that differs from Python's scoping the comment says so. Each cell is walked
once; marimo copies and walks the inside of a class once more for every class around it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct, field

from nbtools.formats.reactive_annotations import print_annotation
from nbtools.formats.reactive_locals import LOCAL, is_local
from nbtools.formats.reactive_sql import SQL_CALLS, sql_names, sql_text
from nbtools.syntax import NODE_FIELDS

ScopeKind = Literal["module", "function", "class", "comprehension", "annotation"]
DefinitionKind = Literal["variable", "import", "function", "method", "class", "sql"]
DefinitionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Visit = Callable[["CellScopes", Any], None]


class Definition(Struct):
    """One place that binds a name."""

    kind: DefinitionKind = "variable"
    required: set[str] = field(default_factory=set)  # all names its value may look up
    unbounded: set[str] = field(default_factory=set)  # those looked up by the `def` itself
    annotation: str | None = None  # `int` of `x: int = 1`, as marimo prints it
    annotation_names: set[str] = field(default_factory=set)


class _Block(Struct, eq=False):
    """A scope that is being walked."""

    kind: ScopeKind
    start: int  # how many references were noted before the walk entered it
    names: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)  # names with a reference of this very block

    def looks_like(self, other: _Block) -> bool:
        """Equality as marimo has it, by value: two empty lambdas are the same block."""
        return (
            self.kind == other.kind
            and self.names == other.names
            and self.global_names == other.global_names
            and self.definitions == other.definitions
        )


class _Reference(Struct, eq=False):
    block: _Block
    number: int  # references are numbered in the order of the walk
    deleted: bool
    is_sql: bool


class CellScopes:
    """One walk over a cell's tree; see the attributes for what it finds.

    Raises:
        SyntaxError: the cell has `from m import *`, which marimo refuses.
    """

    def __init__(self, module: ast.Module, *, with_unbounded: bool = False) -> None:
        self._blocks = [_Block("module", 0)]
        self._references: dict[str, list[_Reference]] = {}
        self._number = 0
        self._reading: list[set[str]] = [set()]  # names read by the statement in hand
        self._obscured: list[str | None] = []  # `e` of the `except E as e` around us
        self._with_unbounded = with_unbounded
        for statement in module.body:
            self._visit(statement)

    @property
    def definitions(self) -> dict[str, list[Definition]]:
        """Every name bound at cell level with its definitions, local names prefixed."""
        return self._blocks[0].definitions

    @property
    def names(self) -> set[str]:
        """Public names that the cell binds."""
        return {name for name in self._blocks[0].names if not is_local(name)}

    @property
    def local_names(self) -> set[str]:
        """Names that the cell binds and keeps to itself, as they are written."""
        return {name.removeprefix(LOCAL) for name in self._blocks[0].names if is_local(name)}

    @property
    def references(self) -> set[str]:
        """Names that the cell reads from elsewhere; builtins too."""
        return {name for name in self._references if not name.startswith(LOCAL)}

    @property
    def local_references(self) -> set[str]:
        """Local names that a `global` statement makes marimo take for references."""
        return {name.removeprefix(LOCAL) for name in self._references if name.startswith(LOCAL)}

    @property
    def deleted(self) -> set[str]:
        """References that the cell deletes."""
        found = self._references.items()
        return {name for name, uses in found if any(use.deleted for use in uses)}

    @property
    def sql_references(self) -> set[str]:
        """References that stand in SQL text."""
        return {name for name, uses in self._references.items() if uses[-1].is_sql}

    # ------------------------------------------------------------------ the walk

    def _visit(self, node: ast.AST) -> None:
        visit = _VISITS.get(type(node))
        if visit is None:
            self._visit_fields(node)
        else:
            visit(self, node)

    def _visit_fields(self, node: ast.AST, *, skip: str = "") -> None:
        for name in NODE_FIELDS[type(node)]:
            if name == skip:
                continue
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                self._visit(value)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self._visit(item)

    def _visit_nothing(self, node: ast.AST) -> None:
        pass

    # ---------------------------------------------------------- blocks and names

    def _push(self, kind: ScopeKind) -> None:
        self._blocks.append(_Block(kind, self._number))

    def _is_defined(self, name: str) -> bool:
        return any(name in block.names for block in self._blocks)

    def _as_bound(self, name: str, *, at_cell_level: bool = False) -> str:
        if is_local(name) and (at_cell_level or len(self._blocks) == 1):
            return LOCAL + name
        return name

    def _define(self, name: str, definition: Definition) -> None:
        block = self._blocks[-1]
        self._define_in(self._blocks[0] if name in block.global_names else block, name, definition)

    def _define_in(self, block: _Block, name: str, definition: Definition) -> None:
        block.names.add(name)
        block.definitions.setdefault(name, []).append(definition)
        if definition.kind != "method" and name in self._references:
            self._capture(block, name)

    def _capture(self, block: _Block, name: str) -> None:
        """Forget the references made inside the block before it bound the name itself."""
        uses = self._references[name]
        own = None
        while uses and uses[-1].number >= block.start:
            use = uses.pop()
            if use.block is block:
                own = use
        if own is not None:
            uses.append(own)
        if not uses:
            del self._references[name]

    def _refer(self, name: str, *, deleted: bool = False, is_sql: bool = False) -> None:
        self._reading[-1].add(name)
        block = self._blocks[-1]
        if name in block.noted and not deleted:
            return
        uses = self._references.setdefault(name, [])
        for use in reversed(uses):
            if use.number < block.start:
                break
            if use.block is block or use.block.looks_like(block):
                use.deleted |= deleted
                return
        block.noted.add(name)
        uses.append(_Reference(block, self._number, deleted, is_sql))
        self._number += 1

    def _visit_name(self, node: ast.Name) -> None:
        name = node.id
        if name in self._obscured:
            return
        if isinstance(node.ctx, ast.Store):
            self._define(self._as_bound(name), Definition(required=self._reading[-1]))
            return
        if is_local(name):
            name = self._find_local(name)
        elif not self._is_defined(name):
            self._refer(name, deleted=isinstance(node.ctx, ast.Del))
            return
        in_scope = any(name in block.names for block in self._blocks[1:])
        if isinstance(node.ctx, ast.Load) and name in self._blocks[0].names and not in_scope:
            self._reading[-1].add(name)

    def _find_local(self, name: str) -> str:
        if any(name in block.names for block in self._blocks[1:]):
            return name
        at_cell_level, names = LOCAL + name, self._blocks[0].names
        # Only `from m import _c` leaves the raw name at cell level.
        return name if name in names and at_cell_level not in names else at_cell_level

    # ---------------------------------------------------- functions and classes

    def _visit_definition(self, node: DefinitionNode) -> None:
        name, is_class = self._as_bound(node.name), isinstance(node, ast.ClassDef)
        outer = self._blocks[-1]
        self._reading.append(set())
        unbounded: set[str] = set()
        if isinstance(node, ast.ClassDef) and self._with_unbounded and len(self._blocks) == 1:
            unbounded = _class_unbounded(node)
        self._visit_scope(node, "class" if is_class else "function", skip="body")
        unbounded |= self._reading[-1]
        if not is_class and outer.kind != "class":
            outer.names.add(name)  # its own body may call it
        self._visit_scope(node, "class" if is_class else "function")
        required = self._reading.pop()
        self._reading[-1] |= required
        generics = {parameter.name for parameter in getattr(node, "type_params", [])}
        kind: DefinitionKind = "method" if outer.kind == "class" else "function"
        kind = "class" if is_class else kind
        self._define(name, Definition(kind, required - generics, unbounded - generics))

    def _visit_scope(self, node: ast.AST, kind: ScopeKind, *, skip: str = "") -> None:
        """Walk a scope in marimo's order: decorators and bases count as inside it."""
        self._push(kind)
        if kind == "function":
            for parameter in getattr(node, "type_params", []):
                self._visit(parameter)
        self._visit_fields(node, skip=skip)
        self._blocks.pop()

    def _visit_lambda(self, node: ast.Lambda) -> None:
        self._reading[-1].add("_lambda")  # marimo's mark for "may look up more when called"
        self._visit_scope(node, "function")

    def _visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.kw_defaults, *node.defaults):
            if default is not None:
                self._visit(default)
        for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg):
            if argument is not None:
                self._visit(argument)

    def _visit_argument(self, node: ast.arg) -> None:
        self._define(node.arg, Definition())
        if node.annotation is not None:
            self._visit(node.annotation)

    def _visit_type_parameter(self, node: Any) -> None:
        self._define(node.name, Definition(required=self._reading[-1]))
        bound = getattr(node, "bound", None)
        if bound is not None:
            self._visit(bound)

    def _visit_type_alias(self, node: Any) -> None:
        self._visit(node.name)
        self._push("annotation")
        for parameter in node.type_params:
            self._visit(parameter)
        self._visit(node.value)
        self._blocks.pop()

    # ------------------------------------------------------------ comprehensions

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._walk_comprehension(node.generators, node.elt)

    def _visit_dict_comprehension(self, node: ast.DictComp) -> None:
        self._walk_comprehension(node.generators, node.value, node.key)

    def _walk_comprehension(self, generators: list[ast.comprehension], *results: ast.expr) -> None:
        self._push("comprehension")
        for generator in generators:
            for part in (generator.iter, generator.target, *generator.ifs):
                self._visit(part)
        for result in results:
            self._visit(result)
        self._blocks.pop()

    def _visit_walrus(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        if self._blocks[-1].kind != "comprehension":
            self._visit(node.target)
            return
        outer = next(block for block in reversed(self._blocks) if block.kind != "comprehension")
        name = self._as_bound(node.target.id, at_cell_level=outer is self._blocks[0])
        self._define_in(outer, name, Definition())

    # ---------------------------------------------------------------- statements

    def _visit_assign(self, node: ast.Assign | ast.AugAssign) -> None:
        self._reading.append(set())
        self._visit(node.value)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._visit(target)
        self._leave_statement()

    def _visit_annotated(self, node: ast.AnnAssign) -> None:
        self._reading.append(set())
        if node.value is not None:
            self._visit(node.value)
        self._reading.append(set())
        self._visit(node.annotation)
        annotation_names = self._reading[-1]
        self._leave_statement()
        known = self.definitions
        name = node.target.id if isinstance(node.target, ast.Name) else ""
        is_first = len(self._blocks) == 1 and name not in known
        self._visit(node.target)
        if is_first and name in known:
            known[name][0].annotation = print_annotation(node.annotation, self._find_local)
            known[name][0].annotation_names = annotation_names
        self._leave_statement()

    def _leave_statement(self) -> None:
        reading = self._reading.pop()
        self._reading[-1] |= reading

    def _visit_handler(self, node: ast.ExceptHandler) -> None:
        self._obscured.append(node.name)
        self._visit_fields(node)
        self._obscured.pop()

    def _visit_global(self, node: ast.Global) -> None:
        for written in node.names:
            name = self._as_bound(written, at_cell_level=True)
            self._blocks[-1].global_names.add(name)
            if name not in self._blocks[0].names:
                self._refer(name)

    def _visit_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                raise SyntaxError("`import *` is not allowed in a reactive notebook")
            if alias.asname is None:
                name = alias.name.split(".")[0]
            else:
                name = self._as_bound(alias.asname)
            self._define(name, Definition("import"))

    def _visit_capture(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name is not None:
            self._define(self._as_bound(node.name), Definition())
        if isinstance(node, ast.MatchAs) and node.pattern is not None:
            self._visit(node.pattern)

    def _visit_match_mapping(self, node: ast.MatchMapping) -> None:
        if node.rest is not None:
            self._define(self._as_bound(node.rest), Definition())
        for part in (*node.keys, *node.patterns):
            self._visit(part)

    def _visit_call(self, node: ast.Call) -> None:
        if (text := _sql_of(node)) is not None:
            found = sql_names(text)
            for name in found.definitions:
                self._define(name, Definition("sql"))
            for name in found.references:
                self._refer(name, is_sql=True)
        self._visit_fields(node)


def _class_unbounded(node: ast.ClassDef) -> set[str]:
    """Names that running a class body looks up, method bodies left out."""
    body = CellScopes(ast.Module(node.body, []), with_unbounded=True)
    unbounded: set[str] = set()
    required_by_methods: set[str] = set()
    bound: set[str] = set()
    for name, definitions in body.definitions.items():
        for definition in definitions:
            if definition.kind in ("function", "method", "class"):
                unbounded |= definition.unbounded - bound
                required_by_methods |= definition.required
            else:
                unbounded |= definition.required - bound - {name}
            bound.add(name)
    return unbounded | (set(body._references) - required_by_methods)


def _sql_of(node: ast.Call) -> str | None:
    call, arguments = node.func, node.args
    if (
        len(arguments) == 1
        and isinstance(call, ast.Attribute)
        and isinstance(call.value, ast.Name)
        and (call.value.id, call.attr) in SQL_CALLS
    ):
        return sql_text(arguments[0])
    return None


_NAMED_VISITS: dict[str, _Visit] = {
    "AnnAssign": CellScopes._visit_annotated,
    "Assign": CellScopes._visit_assign,
    "AsyncFunctionDef": CellScopes._visit_definition,
    "AugAssign": CellScopes._visit_assign,
    "Call": CellScopes._visit_call,
    "ClassDef": CellScopes._visit_definition,
    "Constant": CellScopes._visit_nothing,
    "DictComp": CellScopes._visit_dict_comprehension,
    "ExceptHandler": CellScopes._visit_handler,
    "FunctionDef": CellScopes._visit_definition,
    "GeneratorExp": CellScopes._visit_comprehension,
    "Global": CellScopes._visit_global,
    "Import": CellScopes._visit_import,
    "ImportFrom": CellScopes._visit_import,
    "Lambda": CellScopes._visit_lambda,
    "ListComp": CellScopes._visit_comprehension,
    "MatchAs": CellScopes._visit_capture,
    "MatchMapping": CellScopes._visit_match_mapping,
    "MatchStar": CellScopes._visit_capture,
    "Name": CellScopes._visit_name,
    "NamedExpr": CellScopes._visit_walrus,
    "ParamSpec": CellScopes._visit_type_parameter,
    "SetComp": CellScopes._visit_comprehension,
    "TypeAlias": CellScopes._visit_type_alias,
    "TypeVar": CellScopes._visit_type_parameter,
    "TypeVarTuple": CellScopes._visit_type_parameter,
    "arg": CellScopes._visit_argument,
    "arguments": CellScopes._visit_arguments,
}
# Python 3.10 and 3.11 have no type parameters.
_VISITS: dict[type[ast.AST], _Visit] = {
    getattr(ast, name): visit for name, visit in _NAMED_VISITS.items() if hasattr(ast, name)
}
