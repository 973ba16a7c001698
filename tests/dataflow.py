"""marimo's dataflow, written again for the tests: what a cell defines and refers to, and the order.

It shares no code with nbtools and none with marimo; `test_executor.py` holds it against marimo.
"""

from __future__ import annotations

import ast
import heapq
import io
import textwrap
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

BlockKind = Literal["setup", "cell", "top-level"]
TieOrder = Literal["document", "reverse"]


class NotRunnableError(Exception):
    """marimo refuses the notebook before its first cell, or would drop a part of it."""


class MultipleDefinitionError(NotRunnableError):
    """Two cells define one public name."""


class CycleError(NotRunnableError):
    """No order lets every cell run after the cells it refers to."""


class UnparsableError(NotRunnableError):
    """A cell is not Python; in marimo it stops the whole notebook."""


@dataclass(frozen=True, slots=True)
class Block:
    """One cell as the file has it."""

    source: str  # dedented as marimo does
    kind: BlockKind = "cell"


@dataclass(frozen=True, slots=True)
class Names:
    """What one cell does to the shared names; cell-local names are left out."""

    defs: frozenset[str]
    refs: frozenset[str]
    deleted: frozenset[str]


def is_local(name: str) -> bool:
    """Tell whether marimo keeps a module-level name inside its cell."""
    return name == "__" or (name.startswith("_") and not name.startswith("__"))


# ---------------------------------------------------------------- the file, cut into cells


def split_blocks(text: str) -> list[Block]:
    """Cut a reactive notebook into cells. Raises NotRunnableError where marimo would lose text."""
    text = text.strip().replace("\u00a0", " ")  # marimo compiles no other blank
    lines = text.split("\n")
    blocks = []
    for node in _statements_after_app(ast.parse(text)):
        if not _is_run_guard(node) and not _is_disabled(node):
            blocks.append(_read_block(node, lines))
    return blocks


def _statements_after_app(tree: ast.Module) -> list[ast.stmt]:
    for position, node in enumerate(tree.body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "app":
            head = [type(each).__name__ for each in tree.body[:position]]
            if [name for name in head if name != "Expr"] != ["Import", "Assign"]:
                raise NotRunnableError(f"marimo drops the statements before the app: {head}")
            return tree.body[position + 1 :]
    raise NotRunnableError("no `app = marimo.App(...)`")


def _is_run_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _is_disabled(node: ast.stmt) -> bool:
    """A disabled cell does not run; a cell that depends on it must not be there."""
    decorators = getattr(node, "decorator_list", [])
    words = [word for each in decorators for word in getattr(each, "keywords", [])]
    return any(word.arg == "disabled" and ast.unparse(word.value) == "True" for word in words)


def _read_block(node: ast.stmt, lines: Sequence[str]) -> Block:
    if isinstance(node, ast.With) and _attribute(node.items[0].context_expr) == "setup":
        return Block(ast.unparse(ast.Module(node.body, [])), "setup")  # runs natively, not dedented
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        kinds = [_attribute(each) for each in node.decorator_list]
        if "cell" in kinds and not isinstance(node, ast.ClassDef):
            return Block(_cell_source(node, lines))
        if kinds and kinds[0] in ("function", "class_definition"):
            node.decorator_list = node.decorator_list[1:]
            return Block(ast.unparse(node), "top-level")
    if isinstance(node, ast.Expr) and _attribute(node.value) == "_unparsable_cell":
        raise UnparsableError(ast.unparse(node))
    raise NotRunnableError(f"marimo drops this statement: {ast.unparse(node)[:60]}")


def _attribute(node: ast.expr) -> str | None:
    """The `b` of `app.b` or `app.b(...)`."""
    inner = node.func if isinstance(node, ast.Call) else node
    if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == "app":
        return inner.attr
    return None


def _cell_source(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[str]) -> str:
    *body, last = node.body
    if not isinstance(last, ast.Return):
        body, end = node.body, node.end_lineno or 0
    else:
        end = last.lineno - 1
    if not body:
        return ""
    first = body[0]
    decorators = getattr(first, "decorator_list", [])
    start = min([first.lineno, *(each.lineno for each in decorators)]) - 1
    return dedent("\n".join(lines[start:end]))


def dedent(code: str) -> str:
    """Take the body's indentation away as marimo does.

    The inside of a string goes with the code, unless one of its lines is indented less than the
    code: then that whole string stays as it is.
    """
    lines = code.split("\n")
    inside = _lines_inside_strings(code)
    indents = [
        len(x) - len(x.lstrip()) for i, x in enumerate(lines) if x.strip() and i not in inside
    ]
    shift = min(indents, default=0)
    kept = _under_indented(lines, inside, shift)
    return "\n".join(line if i in kept else _strip(line, shift) for i, line in enumerate(lines))


def _strip(line: str, shift: int) -> str:
    return line[min(shift, len(line) - len(line.lstrip(" \t"))) :]


def _under_indented(lines: Sequence[str], inside: set[int], shift: int) -> set[int]:
    kept: set[int] = set()
    for start in sorted(inside):
        if start - 1 in inside:
            continue
        end = start
        while end in inside:
            end += 1
        run = range(start, end)
        if any(lines[i].strip() and len(lines[i]) - len(lines[i].lstrip()) < shift for i in run):
            kept.update(run)
    return kept


def _lines_inside_strings(code: str) -> set[int]:
    """Lines (0-based) that begin inside a string literal."""
    inside: set[int] = set()
    starts: list[int] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, SyntaxError):
        return inside
    for token in tokens:
        name = tokenize.tok_name[token.type]
        if name == "STRING":
            inside.update(range(token.start[0], token.end[0]))
        elif name in ("FSTRING_START", "TSTRING_START"):
            starts.append(token.start[0])
        elif name in ("FSTRING_END", "TSTRING_END"):
            inside.update(range(starts.pop(), token.end[0]))
    return inside


# ---------------------------------------------------------------- names of one cell


@dataclass(eq=False, slots=True)
class _Scope:
    kind: Literal["module", "function", "class", "comprehension"]
    defs: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)


class _Scoper(ast.NodeVisitor):
    """Collect names in marimo's visiting order, and mangle the cell-local ones on the way."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix  # `_x` becomes `<prefix>_x`
        self.module = _Scope("module")
        self.scopes = [self.module]
        self.refs: dict[str, list[tuple[_Scope, ...]]] = {}  # the scopes around each reference
        self.deleted: set[str] = set()
        self.hidden: list[str | None] = []  # names of `except ... as name`

    def _mangle(self, name: str) -> str:
        return self.prefix + name if is_local(name) else name

    def _mangle_here(self, name: str) -> str:
        return self._mangle(name) if len(self.scopes) == 1 else name

    def _define(self, name: str, scope: _Scope | None = None, *, method: bool = False) -> None:
        here = self.scopes[-1]
        scope = scope or (self.module if name in here.globals else here)
        scope.defs.add(name)
        if scope.kind == "class" and method:
            return
        left = [around for around in self.refs.get(name, []) if scope not in around[:-1]]
        if left:
            self.refs[name] = left
        else:
            self.refs.pop(name, None)

    def _refer(self, name: str) -> None:
        self.refs.setdefault(name, []).append(tuple(self.scopes))

    def _visit_in(self, scope: _Scope, nodes: Iterable[ast.AST | None]) -> None:
        self.scopes.append(scope)
        for node in nodes:
            if node is not None:
                self.visit(node)
        self.scopes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        node.name = self._mangle_here(node.name)
        if self.scopes[-1].kind != "class":
            self.scopes[-1].defs.add(node.name)
        around = [*getattr(node, "type_params", []), node.args, *node.decorator_list, node.returns]
        self._visit_in(_Scope("function"), [*around, *node.body])
        self._define(node.name, method=True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        node.name = self._mangle_here(node.name)
        before = [*getattr(node, "type_params", []), *node.bases, *node.keywords]
        self._visit_in(_Scope("class"), [*before, *node.body, *node.decorator_list])
        self._define(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_in(_Scope("function"), [node.args, node.body])

    def visit_arguments(self, node: ast.arguments) -> None:
        every = [*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg]
        for each in [*node.kw_defaults, *node.defaults, *every]:
            if each is not None:
                self.visit(each)

    def visit_arg(self, node: ast.arg) -> None:
        self._define(node.arg)
        if node.annotation is not None:
            self.visit(node.annotation)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._visit_in(_Scope("comprehension"), [*node.generators, node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_in(_Scope("comprehension"), [*node.generators, node.value, node.key])

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for each in [node.iter, node.target, *node.ifs]:
            self.visit(each)

    def _visit_try(self, node: Any) -> None:
        for statement in node.body:
            self.visit(statement)
        for handler in node.handlers:
            self.hidden.append(handler.name)
            self.visit(handler)
            self.hidden.pop()
        for statement in [*node.orelse, *node.finalbody]:
            self.visit(statement)

    visit_Try = visit_TryStar = _visit_try

    def visit_Assign(self, node: ast.Assign) -> None:
        for each in [node.value, *node.targets]:
            self.visit(each)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.visit(node.target)  # a definition and, in marimo, not a reference

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        for each in [node.value, node.annotation, node.target]:
            if each is not None:
                self.visit(each)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        if self.scopes[-1].kind != "comprehension":
            self.visit(node.target)
            return
        outer = next(each for each in reversed(self.scopes) if each.kind != "comprehension")
        if outer is self.module:
            node.target.id = self._mangle(node.target.id)
        self._define(node.target.id, outer)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.hidden:
            return
        if isinstance(node.ctx, ast.Store):
            node.id = self._mangle_here(node.id)
            self._define(node.id)
        elif is_local(node.id):
            self._resolve_local(node)
        elif not any(node.id in scope.defs for scope in self.scopes):
            self._refer(node.id)
            if isinstance(node.ctx, ast.Del):
                self.deleted.add(node.id)

    def _resolve_local(self, node: ast.Name) -> None:
        if any(node.id in scope.defs for scope in self.scopes[1:]):
            return
        raw_import = node.id in self.module.defs  # `from m import _c` keeps its name
        if not raw_import or self._mangle(node.id) in self.module.defs:
            node.id = self._mangle(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        node.names = [self._mangle(name) for name in node.names]
        for name in node.names:
            self.scopes[-1].globals.add(name)
            if name not in self.module.defs:
                self._refer(name)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._define_alias(alias)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                raise UnparsableError(f"`{ast.unparse(node)}` is not allowed in a cell")
            self._define_alias(alias)

    def _define_alias(self, alias: ast.alias) -> None:
        if alias.asname is not None:
            alias.asname = self._mangle_here(alias.asname)
        self._define(alias.asname or alias.name.split(".")[0])

    def _visit_capture(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name is not None:
            node.name = self._mangle_here(node.name)
            self._define(node.name)
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = _visit_capture

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest is not None:
            node.rest = self._mangle_here(node.rest)
            self._define(node.rest)
        self.generic_visit(node)

    def visit_TypeVar(self, node: ast.AST) -> None:
        self._define(str(getattr(node, "name", "")))
        self.generic_visit(node)

    visit_ParamSpec = visit_TypeVarTuple = visit_TypeVar


def mangle_cell(tree: ast.Module, prefix: str) -> Names:
    """Find the cell's names; in `tree` every cell-local name gets `prefix` in front."""
    scoper = _Scoper(prefix)
    scoper.visit(tree)
    return Names(
        frozenset(name for name in scoper.module.defs if not is_local(name)),
        frozenset(scoper.refs),
        frozenset(scoper.deleted) & frozenset(scoper.refs),
    )


# ---------------------------------------------------------------- the order of all cells


def find_parents(cells: Sequence[Names]) -> list[set[int]]:
    """The cells each cell must run after. Raises MultipleDefinitionError."""
    definers: dict[str, int] = {}
    for position, names in enumerate(cells):
        for name in sorted(names.defs):
            if name in definers:
                raise MultipleDefinitionError(f"{name}: cells {definers[name]} and {position}")
            definers[name] = position
    parents = [{definers[n] for n in each.refs if n in definers} for each in cells]
    for position, names in enumerate(cells):
        for name in names.deleted:  # who deletes a name runs after everyone who refers to it
            parents[position].update(i for i, each in enumerate(cells) if name in each.refs)
    for position, found in enumerate(parents):
        found.discard(position)
    return parents


def sort_cells(parents: Sequence[set[int]], ties: TieOrder = "document") -> list[int]:
    """Kahn's algorithm; ties fall to the earlier cell, or to the later. Raises CycleError."""
    sign = 1 if ties == "document" else -1
    waiting = {position: set(found) for position, found in enumerate(parents)}
    heap = [sign * position for position, found in waiting.items() if not found]
    heapq.heapify(heap)
    order: list[int] = []
    while heap:
        position = sign * heapq.heappop(heap)
        order.append(position)
        del waiting[position]
        for other, found in waiting.items():
            if position in found:
                found.discard(position)
                if not found:
                    heapq.heappush(heap, sign * other)
    if waiting:
        raise CycleError(f"cells {sorted(waiting)}")
    return order


def find_descendants(parents: Mapping[int, set[int]] | Sequence[set[int]], root: int) -> set[int]:
    """Every cell that depends on `root`, at any distance."""
    pairs = list(parents.items() if isinstance(parents, Mapping) else enumerate(parents))
    found, frontier = set[int](), {root}
    while frontier:
        frontier = {child for child, above in pairs if above & frontier} - found
        found |= frontier
    return found


def indent_cell(source: str) -> str:
    """The text a cell has inside `def _(...):`."""
    return textwrap.indent(source, "    ")
