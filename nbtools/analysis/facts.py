"""What each statement of a cell does to the shared namespace, from one pass over `ast`.

A notebook's cells run in one global namespace, so everything here is about names in that
namespace. `Facts` describes one top-level statement or, by `compose`, a run of them: the
same type from a single statement up to a whole cell.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from nbtools.analysis.strings import (
    NO_NAMES,
    StringNames,
    is_namespace,
    name_asked_for,
    name_in_namespace,
    names_in_call,
    names_in_percent,
    script_run,
)
from nbtools.syntax import NODE_FIELDS, child_nodes, parse_anew, parse_source, walk_nodes

StatementKind = Literal["expression", "assign", "import", "function", "class", "delete", "other"]
EMPTY: frozenset[str] = frozenset()
_NOTHING: Mapping[str, Any] = {}  # shared: most statements define no code
BUILTINS = frozenset(dir(builtins)) | {"__file__", "__builtins__", "__builtin__"}


class Import(Struct, frozen=True):
    """One name that an import statement binds."""

    bound: str  # the name in the namespace
    module: str  # dotted, with leading dots if relative
    name: str | None = None  # what is taken from the module; None: the module itself
    dotted: bool = False  # `import a.b`: binds `a`, loads `a.b`


class Code(Struct, frozen=True):
    """Code that runs later: the body of a function, a class's methods, a lambda."""

    reads: frozenset[str] = EMPTY  # global names it looks up when it runs
    writes: frozenset[str] = EMPTY  # global names it binds when it runs (`global x`)
    values: frozenset[str] = EMPTY  # of the names it reads, those it does not only call
    strings: frozenset[str] = EMPTY  # of the names it reads, those that strings name
    guarded: frozenset[str] = EMPTY  # of the names it reads, those it can do without
    asked: frozenset[str] = EMPTY  # `"x" in globals()`
    calls: tuple[str, ...] = ()  # dotted names it calls
    escapes: bool = False  # what it returns may look names up later still
    plain: bool = False  # an undecorated function with constant defaults: safe to define again


class Facts(Struct, frozen=True):
    """What a run of statements does to the namespace."""

    reads: frozenset[str] = EMPTY  # looked up before this run has surely bound them
    loads: frozenset[str] = EMPTY  # looked up at all while it runs
    late: frozenset[str] = EMPTY  # looked up when code made here is called
    writes_late: frozenset[str] = EMPTY  # bound when code made here is called
    binds: frozenset[str] = EMPTY  # bound on some path
    always: frozenset[str] = EMPTY  # bound on every path
    deletes: frozenset[str] = EMPTY
    guarded: frozenset[str] = EMPTY  # read where a NameError would be caught
    unsure: frozenset[str] = EMPTY  # of the reads, those that may come behind a binding
    values: frozenset[str] = EMPTY  # looked up, now or later, other than to be called
    code: Mapping[str, Code] = field(default_factory=dict)  # name bound here -> the code it holds
    holds: Mapping[str, frozenset[str]] = field(default_factory=dict)  # name -> names it may hold
    bound_before: Mapping[str, frozenset[str]] = field(default_factory=dict)  # see `Statement`
    imports: tuple[Import, ...] = ()
    stars: tuple[str, ...] = ()  # modules of `from m import *`
    runs: tuple[str, ...] = ()  # scripts of `%run`, as `globals().update(runpy.run_path(...))`
    futures: tuple[str, ...] = ()  # features of `from __future__ import ...`
    calls: tuple[str, ...] = ()  # dotted names called now
    strings: frozenset[str] = EMPTY  # names read by strings that are code
    mutates: frozenset[str] = EMPTY  # names whose object is changed in place by statements
    asked: frozenset[str] = EMPTY  # `"x" in globals()`
    annotated: frozenset[str] = EMPTY  # annotated without a value: bound for marimo alone
    open: bool = False  # reads or writes names nobody can list (`exec`, `globals()`, ...)
    calm: bool = True  # only binds code, modules and constants: may run earlier or later
    awaits: bool = False


class Statement(Struct, frozen=True):
    """One top-level statement of a cell.

    `facts.bound_before[f]` are the names this statement has surely bound whenever it
    looks `f` up: in `for n in ns: f()` a call of `f` sees the loop's `n`.
    """

    index: int  # 0-based, among the cell's top-level statements
    line: int  # 1-based, of its first line, decorators included
    end_line: int  # 1-based, inclusive
    kind: StatementKind
    facts: Facts
    column: int = 0  # 0-based, in UTF-8 bytes
    simple: bool = True  # not compound: its bindings come after its reads
    augmented: bool = False  # `x += 1`
    bare_name: bool = False  # an expression that is a name or an attribute of one


class SourceError(Exception):
    """The source is not Python: `ast` and, for newer grammar, libcst refuse it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


@lru_cache(maxsize=2048)  # cells like `import numpy as np` stand in many notebooks
def read_statements(source: str) -> tuple[Statement, ...]:
    """The top-level statements of a cell in plain Python, in order.

    Raises:
        SourceError: the source does not parse.
    """
    try:
        module = parse_source(source)
    except SyntaxError as error:
        raise SourceError(error.lineno or 1, error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(1, str(error) or "too deeply nested") from None
    return tuple(_statement(index, node) for index, node in enumerate(module.body))


ANNOTATIONS: Mapping[type[ast.AST], str] = {
    ast.arg: "annotation",
    ast.AnnAssign: "annotation",
    ast.FunctionDef: "returns",
    ast.AsyncFunctionDef: "returns",
}
"""The kinds of nodes that hold an annotation, and the field that has it."""


def read_unannotated(source: str) -> tuple[Statement, ...]:
    """The statements of a cell whose annotations are not evaluated, as `__future__` has it.

    source: Must parse.
    """
    plain = parse_anew(source)
    for node in walk_nodes(plain):
        if type(node) in ANNOTATIONS:
            # that of `x: int = 1` must be there
            nothing = ast.Constant(None) if isinstance(node, ast.AnnAssign) else None
            setattr(node, ANNOTATIONS[type(node)], nothing)
    return tuple(_statement(index, node) for index, node in enumerate(plain.body))


def compose(runs: Iterable[Facts]) -> Facts:
    """The facts of several runs of statements, one after the other."""
    parts = list(runs)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _NO_FACTS
    reads: set[str] = set()
    always: set[str] = set()
    code: dict[str, Code] = {}
    holds: dict[str, frozenset[str]] = {}
    before: dict[str, frozenset[str]] = {}
    opened = awaits = False
    calm = True
    for part in parts:
        reads |= part.reads - always
        surely = frozenset(always) if part.bound_before else EMPTY
        for name, names in part.bound_before.items():
            here = names | surely if names else surely
            before[name] = here & before[name] if name in before else here
        always -= part.deletes
        always |= part.always
        code.update(part.code)
        for name, held in part.holds.items():
            holds[name] = holds.get(name, EMPTY) | held
        opened, awaits, calm = opened or part.open, awaits or part.awaits, calm and part.calm
    sets, tuples = (
        zip(*map(_SETS_OF, parts), strict=True),
        zip(*map(_TUPLES_OF, parts), strict=True),
    )
    joined: dict[str, Any] = dict(zip(_UNIONS, map(_join_sets, sets), strict=True))
    joined.update(zip(_SEQUENCES, map(_join_tuples, tuples), strict=True))
    if joined["unsure"]:
        joined["unsure"] = _still_unsure(parts)
    return Facts(
        reads=_frozen(reads),
        always=_frozen(always),
        code=code,
        holds=holds,
        bound_before=before,
        open=opened,
        calm=calm,
        awaits=awaits,
        **joined,
    )


def _still_unsure(parts: Iterable[Facts]) -> frozenset[str]:
    """The reads that no part surely does before it binds the name itself."""
    sure: set[str] = set()
    unsure: set[str] = set()
    always: set[str] = set()
    for part in parts:
        first = part.reads - always
        sure |= first - part.unsure
        unsure |= first & part.unsure
        always = (always - part.deletes) | part.always
    return _frozen(unsure - sure)


def _frozen(names: Collection[str]) -> frozenset[str]:
    """Most sets are empty, and an empty one of its own takes 216 bytes."""
    return frozenset(names) if names else EMPTY


def _join_sets(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return EMPTY.union(*sets) if any(sets) else EMPTY


def _join_tuples(tuples: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable(tuples))


_NO_FACTS = Facts()


_UNIONS = (
    "loads",
    "late",
    "writes_late",
    "binds",
    "deletes",
    "guarded",
    "unsure",
    "values",
    "strings",
    "mutates",
    "annotated",
    "asked",
)
_SEQUENCES = ("imports", "stars", "runs", "futures", "calls")
_SETS_OF: Callable[[Facts], tuple[frozenset[str], ...]] = attrgetter(*_UNIONS)
_TUPLES_OF: Callable[[Facts], tuple[tuple[Any, ...], ...]] = attrgetter(*_SEQUENCES)

_KINDS: dict[type[ast.stmt], StatementKind] = {
    ast.Expr: "expression",
    ast.Assign: "assign",
    ast.AnnAssign: "assign",
    ast.AugAssign: "assign",
    ast.Import: "import",
    ast.ImportFrom: "import",
    ast.FunctionDef: "function",
    ast.AsyncFunctionDef: "function",
    ast.ClassDef: "class",
    ast.Delete: "delete",
}
_COMPOUND = frozenset(
    "For AsyncFor While If With AsyncWith Try TryStar Match".split()  # no Python has all of them
)


def _statement(index: int, node: ast.stmt) -> Statement:
    flow = _Flow()
    flow.run([node])
    if "deletes" in flow.sets and not isinstance(node, ast.Delete):
        flow.weigh_deletes()
    line = node.lineno
    if decorators := getattr(node, "decorator_list", None):
        line = min(line, decorators[0].lineno)
    kind = type(node)
    return Statement(
        index=index,
        line=line,
        end_line=node.end_lineno or node.lineno,
        kind=_KINDS.get(kind, "other"),
        facts=flow.facts(calm=_is_calm(node)),
        column=node.col_offset,
        simple=kind.__name__ not in _COMPOUND,
        augmented=kind is ast.AugAssign,
        bare_name=isinstance(node, ast.Expr) and dotted_name(node.value) is not None,
    )


def dotted_name(node: ast.expr) -> str | None:
    """`a.b.c` for a chain of attributes of a name, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return None
    if isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def root_name(node: ast.expr) -> str | None:
    """The name whose object `x[k].a[j]` is part of, else None."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


# --- what may run earlier or later ---------------------------------------------------------


def _is_calm(node: ast.stmt) -> bool:
    """Whether the statement only binds code, modules or constants."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = node.args
        defaults = [*arguments.defaults, *(d for d in arguments.kw_defaults if d)]
        return all(map(_is_still, [*node.decorator_list, *defaults]))
    if isinstance(node, ast.ClassDef):
        values = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        return all(map(_is_still, values)) and all(map(_is_calm_in_class, node.body))
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) for t in node.targets) and _is_constant(node.value)
    return False  # even a constant, if it is an expression, may be a value that is shown


def _is_calm_in_class(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is None or _is_constant(node.value)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return _is_calm(node)


def _is_still(node: ast.expr) -> bool:
    """Reading it changes nothing and gives the same at any time: a name or a constant."""
    return dotted_name(node) is not None or _is_constant(node)


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(map(_is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    if isinstance(node, ast.Dict):
        return all(k is not None and _is_constant(k) for k in node.keys) and all(
            map(_is_constant, node.values)
        )
    return isinstance(node, (ast.Constant, ast.Lambda))


# --- code that runs later ------------------------------------------------------------------

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _parameters(arguments: ast.arguments) -> set[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a]
    return {a.arg for a in every}


def _own_nodes(body: Sequence[ast.AST]) -> list[ast.AST]:
    """The nodes of a scope without those of the scopes inside it.

    What an inner scope evaluates outside itself (decorators, defaults, bases, the first
    iterable of a comprehension) is there, and the inner scope's own node too.
    """
    own: list[ast.AST] = []
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        own.append(node)
        if not NODE_FIELDS[type(node)]:  # more than half of all nodes are names and constants
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack += _outside(node)
        elif isinstance(node, _COMPREHENSIONS):
            stack.append(node.generators[0].iter)
        else:
            stack += child_nodes(node)[::-1]
    return own


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))  # Python 3.11
_NAMING = (ast.Subscript, ast.Compare, *_TRIES)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)
ComprehensionNode = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def _outside(node: FunctionNode | ast.ClassDef) -> list[ast.expr]:
    """The expressions that a definition evaluates in the scope around it."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
    arguments = node.args
    values = [*arguments.defaults, *(d for d in arguments.kw_defaults if d)]
    if isinstance(node, ast.Lambda):
        return values
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a]
    annotations = [a.annotation for a in every if a.annotation]
    if node.returns:
        annotations.append(node.returns)
    return [*node.decorator_list, *values, *annotations]


def _bound_names(own: Iterable[ast.AST]) -> set[str]:
    """The names that the nodes of a scope bind in it; `del x` makes `x` its own as well."""
    bound: set[str] = set()
    for node in own:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        elif isinstance(node, _BINDING):
            bound.update(_bound_by(node))
    return bound


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that one node itself binds in its scope."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (a.asname or a.name.split(".")[0] for a in node.names if a.name != "*")
    elif isinstance(node, _NAMED):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping):
        if node.rest:
            yield node.rest
    elif type(node).__name__ == "TypeAlias":  # Python 3.12
        yield node.name.id  # type: ignore[attr-defined]


_NAMED = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
)
_BINDING = (ast.pattern, ast.stmt, ast.excepthandler)


def _walruses(own: Iterable[ast.AST]) -> Iterator[str]:
    """Names that `:=` inside comprehensions binds in the scope around them."""
    for node in own:
        if isinstance(node, _COMPREHENSIONS):
            for inner in walk_nodes(node):
                if isinstance(inner, ast.NamedExpr):
                    yield inner.target.id


class _Body(Struct):
    """What the body of a function or class looks up outside itself, while it is collected."""

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    guarded: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)


def _body_nodes(node: FunctionNode) -> list[ast.AST]:
    return _own_nodes([node.body] if isinstance(node, ast.Lambda) else node.body)


def _scan_function(
    node: FunctionNode, own: Sequence[ast.AST], outer: frozenset[str], found: _Body
) -> None:
    """Collect what a function's body does to global names; `outer` are enclosing locals."""
    kinds = set(map(type, own))
    declared: set[str] = set()
    if ast.Global in kinds:
        declared.update(n for g in own if isinstance(g, ast.Global) for n in g.names)
    bound = _bound_names(own)
    if not kinds.isdisjoint(_COMPREHENSIONS):
        bound.update(_walruses(own))
    local = (bound | _parameters(node.args) | _type_parameters(node)) - declared
    found.writes |= declared  # marimo counts the declaration alone
    _scan_scope(own, (outer | local) - declared, found)


def _type_parameters(node: ast.AST) -> set[str]:
    return {p.name for p in getattr(node, "type_params", ())}


def _scan_class(node: ast.ClassDef, outer: frozenset[str], found: _Body) -> None:
    """As `_scan_function` for a class inside a function: only its body sees its own names."""
    own = _own_nodes(node.body)
    bound = _bound_names(own)
    outer |= _type_parameters(node)
    _scan_scope([n for n in own if not isinstance(n, _SCOPES)], outer | bound, found)
    _scan_scope([n for n in own if isinstance(n, _SCOPES)], outer, found)


def _target_names(generator: ast.comprehension) -> frozenset[str]:
    """The names that one `for` of a comprehension binds inside it."""
    names = (n for n in walk_nodes(generator.target) if isinstance(n, ast.Name))
    return frozenset(n.id for n in names if isinstance(n.ctx, ast.Store))


def _scan_comprehension(node: ComprehensionNode, outer: frozenset[str], found: _Body) -> None:
    targets = EMPTY.union(*map(_target_names, node.generators))
    parts: list[ast.AST] = [g.target for g in node.generators]
    parts += [g.iter for g in node.generators[1:]]
    parts += [test for g in node.generators for test in g.ifs]
    parts += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    _scan_scope(_own_nodes(parts), outer | targets, found)


def _scan_scope(own: Iterable[ast.AST], local: frozenset[str], found: _Body) -> None:
    called: set[int] = set()  # a call comes before the name it calls
    for node in own:
        if isinstance(node, ast.Name):
            if node.id not in local and not isinstance(node.ctx, ast.Store):
                found.reads.add(node.id)
                if id(node) not in called:
                    found.values.add(node.id)
        elif isinstance(node, ast.Call):
            called.add(id(node.func))
            _scan_call(node, local, found)
        elif isinstance(node, _SCOPES):
            _scan_inner(node, local, found)
        elif isinstance(node, _NAMING):
            _scan_naming(node, local, found)


def _scan_naming(node: ast.AST, local: frozenset[str], found: _Body) -> None:
    """Collect what is named by a string, or may be missing."""
    if isinstance(node, ast.Subscript):
        if name := name_in_namespace(node):
            found.strings |= {name} - local
    elif isinstance(node, ast.Compare):
        if name := name_asked_for(node):
            found.asked |= {name} - local
    elif isinstance(node, _TRIES) and any(map(_catches_name_error, node.handlers)):
        found.guarded |= _names_in(node.body) - local


def _names_in(body: Iterable[ast.AST]) -> frozenset[str]:
    nodes = (node for part in body for node in walk_nodes(part))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def _scan_inner(
    node: FunctionNode | ast.ClassDef | ComprehensionNode, local: frozenset[str], found: _Body
) -> None:
    """Collect what a scope inside another one looks up."""
    if isinstance(node, ast.ClassDef):
        _scan_class(node, local, found)
    elif isinstance(node, _COMPREHENSIONS):
        _scan_comprehension(node, local, found)
    else:
        _scan_function(node, _body_nodes(node), local, found)


def _scan_call(node: ast.Call, local: frozenset[str], found: _Body) -> None:
    """Collect the name that is called, and those in strings that are code."""
    if name := dotted_name(node.func):
        found.calls.append(name)
    if names := names_in_call(node).reads:
        found.strings |= names - local


def _function_code(node: FunctionNode, outer: frozenset[str], plain: bool = False) -> Code:
    """What a function does when it is called; `outer` are names of the scopes around it."""
    found, own = _Body(), _body_nodes(node)
    _scan_function(node, own, outer, found)
    strings = found.strings | found.asked
    return Code(
        reads=frozenset(found.reads | found.writes | strings),
        writes=frozenset(found.writes),
        values=frozenset(found.values),
        strings=frozenset(strings),
        guarded=frozenset(found.guarded | found.asked),
        asked=frozenset(found.asked),
        calls=tuple(found.calls),
        escapes=_escapes(node, own),
        plain=plain,
    )


def _escapes(node: FunctionNode, own: Sequence[ast.AST]) -> bool:
    """Whether what a function returns may look up names after it has returned."""
    if isinstance(node, ast.Lambda):
        return _may_be_code(node.body, EMPTY)
    if isinstance(node, ast.AsyncFunctionDef):
        return True
    returned: list[ast.expr] = []
    for child in own:
        if isinstance(child, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(child, ast.Return) and child.value:
            returned.append(child.value)
    made = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inner = frozenset(n.name for n in own if isinstance(n, made)) if returned else EMPTY
    return any(_may_be_code(value, inner) for value in returned)


def _may_be_code(value: ast.expr, inner: frozenset[str]) -> bool:
    """Whether a value may be code or an instance; `inner` are functions defined around it."""
    if isinstance(value, (ast.Lambda, ast.GeneratorExp)):
        return True
    if isinstance(value, ast.Name):
        return value.id in inner
    if isinstance(value, ast.Call):
        name = dotted_name(value.func)
        last = name.rsplit(".", 1)[-1] if name else ""
        keeps = last in inner or last[:1].isupper() or _keeps_arguments(value)
        return keeps or (name is None and _may_be_code(value.func, inner))
    if isinstance(value, (ast.Tuple, ast.List, ast.Dict, ast.IfExp)):
        children = child_nodes(value)
        return any(isinstance(c, ast.expr) and _may_be_code(c, inner) for c in children)
    return isinstance(value, ast.Attribute) and _may_be_code(value.value, inner)


# --- the flow of names through one statement -----------------------------------------------

_HOLDING_WORDS = (
    "partial partialmethod map filter vectorize defaultdict lru_cache cache cached wraps iter "
    "property staticmethod classmethod starmap takewhile dropwhile accumulate groupby memo "
    "memoize interactive interact jit njit frompyfunc lambdify reversed zip enumerate"
)
HOLDING_CALLS = frozenset(_HOLDING_WORDS.split())


class _Flow:
    """Walks statements in the order in which they are evaluated, and only collects."""

    def __init__(self) -> None:
        self.bound: set[str] = set()  # surely bound so far
        self.sets: defaultdict[str, set[str]] = defaultdict(set)  # by the fields of `Facts`
        self.code: dict[str, Code] = {}
        self.holds: dict[str, set[str]] = {}
        self.before: dict[str, frozenset[str]] = {}
        self.imports: list[Import] = []
        self.stars: list[str] = []
        self.runs: list[str] = []
        self.futures: list[str] = []
        self.calls: list[str] = []
        self.made: list[Code] = []  # code made by the statement at hand: lambdas and the like
        self.local: frozenset[str] = EMPTY  # targets of the comprehensions and handlers around
        self.class_local: frozenset[str] = EMPTY  # what the class body around has bound so far
        self.class_reads: set[str] = set()  # what it has looked up outside itself
        self.in_class = False
        self.continues: list[set[str]] = []  # bound at each `continue` of the loop around
        self.breaks: list[set[str]] = []  # and at each `break`
        self.sure: set[str] = set()  # names whose first reads surely come before a binding
        self.in_turns: set[str] = set()  # names read in what not each turn of a loop does
        self.in_loop = self.in_branch = self.left_turn = False
        self.waits = False  # code in a call that may keep it
        self.open = self.awaits = False

    def facts(self, calm: bool) -> Facts:
        return Facts(
            always=_frozen(self.bound),
            code=self.code or _NOTHING,
            holds={name: frozenset(held) for name, held in self.holds.items()} or _NOTHING,
            bound_before=self.before or _NOTHING,
            imports=tuple(self.imports),
            stars=tuple(self.stars),
            runs=tuple(self.runs),
            futures=tuple(self.futures),
            calls=tuple(self.calls),
            open=self.open,
            calm=calm,
            awaits=self.awaits,
            **{name: _frozen(names) for name, names in self.sets.items()},  # few have any
            unsure=_frozen(self.unsure()),
        )

    def weigh_deletes(self) -> None:
        """`if c: del x` may leave `x`, or not: it makes of `x` what another value would be."""
        for name in self.sets.pop("deletes", ()):
            self.sets["binds"].add(name)

    # names

    def is_local(self, name: str) -> bool:
        return name in self.local or name in self.class_local

    def load(self, name: str) -> None:
        if self.is_local(name):
            return
        self.class_reads.add(name)
        self.sets["loads"].add(name)
        if name not in self.bound:
            self.sets["reads"].add(name)
            self.doubt(name)
        if not self.bound:
            self.before[name] = EMPTY
        elif (known := self.before.get(name)) is None:
            self.before[name] = frozenset(self.bound)
        elif known:
            self.before[name] = known & self.bound

    def doubt(self, name: str) -> None:
        """Note whether a read surely comes before each binding of this statement."""
        if self.waits or name in self.sets["binds"]:
            return
        if self.in_loop and (self.in_branch or self.left_turn):
            self.in_turns.add(name)
        else:
            self.sure.add(name)

    def unsure(self) -> set[str]:
        """The reads that may come behind a binding, this statement's or a later one's."""
        return self.sets["reads"] - self.sure - (self.in_turns - self.sets["binds"])

    def bind(self, name: str) -> None:
        if self.in_class:
            self.class_local |= {name}
            return
        self.bound.add(name)
        self.sets["binds"].add(name)

    def delete(self, name: str) -> None:
        self.load(name)
        if not self.in_class:
            self.bound.discard(name)
            self.sets["deletes"].add(name)

    # statements

    def run(self, body: Sequence[ast.stmt]) -> bool:
        """Walk a block; False if its end is surely not reached.

        What stands behind a `raise` or `break` is walked as well: marimo counts its names.
        """
        reached = True
        for node in body:
            self.made = []
            method = _RUNS.get(type(node))
            if method is not None:
                method(self, node)
            else:
                for child in child_nodes(node):
                    self.evaluate(child)
            if isinstance(node, (ast.Continue, ast.Break)):
                ways = self.breaks if isinstance(node, ast.Break) else self.continues
                ways.append(set(self.bound))
                self.left_turn = True
            if isinstance(node, (ast.Raise, ast.Return, ast.Continue, ast.Break)):
                reached = False
        return reached

    def branches(self, bodies: Sequence[Sequence[ast.stmt]]) -> None:
        """Walk alternatives; what all of them bind is bound afterwards."""
        start, outer = set(self.bound), self.in_branch
        ends: list[set[str]] = []
        self.in_branch = True
        for body in bodies:
            self.bound = set(start)
            if self.run(body):
                ends.append(self.bound)
        self.in_branch = outer
        self.bound = set.intersection(*ends) if ends else start

    def run_Expr(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def run_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.GeneratorExp):
            self.keep_generator(node.value)
        else:
            self.evaluate(node.value)
        for target in node.targets:
            self.store(target, node.value)

    def run_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.evaluate(node.annotation)
        if node.value is not None:
            self.evaluate(node.value)
            self.store(node.target, node.value)
        elif not isinstance(node.target, ast.Name):
            self.evaluate(node.target)
        elif not self.in_class:
            self.sets["annotated"].add(node.target.id)

    def run_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.load(node.target.id)
        self.evaluate(node.value)
        self.store(node.target, node.value)

    def run_Delete(self, node: ast.Delete) -> None:
        targets = list(node.targets)
        while targets:
            target = targets.pop(0)
            if isinstance(target, ast.Name):
                self.delete(target.id)
            elif isinstance(target, (ast.Tuple, ast.List)):
                targets[:0] = target.elts
            else:
                self.mutate(target)
                self.evaluate(target)

    def run_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.awaits |= isinstance(node, ast.AsyncFor)
        self.evaluate(node.iter)
        start = set(self.bound)
        self.store(node.target, node.iter)
        after = start  # what it goes over may be empty
        turns, breaks = self.run_turn(node.body)
        if _is_never_empty(node.iter) and turns + breaks:
            after = set.intersection(*turns, *breaks)
        self.bound = after
        self.run(node.orelse)
        self.bound = set.intersection(self.bound, *breaks)

    run_AsyncFor = run_For

    def run_While(self, node: ast.While) -> None:
        self.evaluate(node.test)
        start = set(self.bound)
        _, breaks = self.run_turn(node.body)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        if endless:
            self.bound = set.intersection(*breaks) if breaks else self.bound
            return
        self.bound = start
        self.run(node.orelse)
        self.bound = set.intersection(self.bound, *breaks)

    def run_turn(self, body: Sequence[ast.stmt]) -> tuple[list[set[str]], list[set[str]]]:
        """Walk a loop's body: what is bound where a turn ends, and where `break` leaves it."""
        outer = self.continues, self.breaks, self.in_loop, self.left_turn
        self.continues, self.breaks, self.in_loop = [], [], True
        if self.run(body):
            self.continues.append(set(self.bound))
        inner = self.continues, self.breaks
        self.continues, self.breaks, self.in_loop, self.left_turn = outer
        return inner

    def run_If(self, node: ast.If) -> None:
        self.evaluate(node.test)
        known = set(self.sets["reads"])
        self.branches([node.body, node.orelse])
        if _asks_version(node.test):  # then the name is one that only some Pythons have
            self.sets["guarded"] |= self.sets["reads"] - known

    def run_With(self, node: ast.With | ast.AsyncWith) -> None:
        self.awaits |= isinstance(node, ast.AsyncWith)
        for item in node.items:
            self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.store(item.optional_vars, item.context_expr)
        start = set(self.bound)
        self.run(node.body)
        if any(_swallows_errors(item.context_expr) for item in node.items):
            self.bound = start

    run_AsyncWith = run_With

    def run_Try(self, node: ast.Try) -> None:
        start = set(self.bound)
        known = set(self.sets["reads"])
        reached = self.run(node.body)
        if any(map(_catches_name_error, node.handlers)):
            self.sets["guarded"] |= self.sets["reads"] - known
        reached = self.run(node.orelse) and reached
        ends = [set(self.bound)] if reached else []
        branch, self.in_branch = self.in_branch, True
        for handler in node.handlers:
            self.bound = set(start)
            if handler.type is not None:
                self.evaluate(handler.type)
            outer = self.local  # the name is unbound again when its handler ends
            self.local |= {handler.name} if handler.name else EMPTY
            reached = self.run(handler.body)
            self.local = outer
            if reached:
                ends.append(set(self.bound))
        self.in_branch = branch
        self.bound = set.intersection(*ends) if ends else start
        self.run(node.finalbody)

    run_TryStar = run_Try

    def run_Match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)
        start, outer = set(self.bound), self.in_branch
        ends: list[set[str]] = []
        self.in_branch = True
        for case in node.cases:
            self.bound = set(start)
            for part in walk_nodes(case.pattern):
                if isinstance(part, ast.expr):
                    self.evaluate(part)
                for name in _bound_by(part):
                    self.bind(name)
            if case.guard is not None:
                self.evaluate(case.guard)
            if self.run(case.body):
                ends.append(set(self.bound))
        self.in_branch = outer
        last = node.cases[-1]
        always = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        if not always or last.guard is not None:
            ends.append(start)
        self.bound = set.intersection(*ends) if ends else start

    def run_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            dotted = alias.asname is None and "." in alias.name
            self.bind_import(Import(bound, alias.name, dotted=dotted))

    def run_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
                continue
            bound = alias.asname or alias.name
            if module == "__future__":
                self.futures.append(alias.name)
                continue
            self.bind_import(Import(bound, module, alias.name))

    def bind_import(self, found: Import) -> None:
        if not self.in_class:  # what a class body imports is an attribute of the class
            self.imports.append(found)
        self.bind(found.bound)

    def run_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for value in _outside(node):
            self.evaluate(value)
        plain = all(map(_is_constant, _defaults(node))) and not node.decorator_list
        code = _function_code(node, self.local, plain)
        self.keep(code)
        self.bind(node.name)
        if not self.in_class:
            self.name_code(node.name, code)
            for decorator in node.decorator_list:
                self.hold(node.name, decorator)

    run_AsyncFunctionDef = run_FunctionDef

    def run_ClassDef(self, node: ast.ClassDef) -> None:
        for value in _outside(node):
            self.evaluate(value)
        outer = self.class_local, self.class_reads, self.in_class
        self.class_local, self.class_reads = frozenset(_type_parameters(node)), set()
        self.in_class = True
        first = len(self.made)
        made = list(self.made)
        for statement in node.body:
            self.run([statement])
            made += self.made
        # `class C: x = x` reads the global: the two cannot be told apart by a rename.
        self.sets["strings"] |= self.class_reads & self.class_local
        self.class_local, self.class_reads, self.in_class = outer
        self.made = made
        self.bind(node.name)
        if not self.in_class:
            self.name_code(node.name, replace(_join(made[first:]), escapes=True))
            for base in node.bases:
                self.hold(node.name, base)

    def run_Global(self, node: ast.Global) -> None:
        """At module level the statement says nothing."""

    def run_TypeAlias(self, node: ast.stmt) -> None:
        self.bind(node.name.id)  # type: ignore[attr-defined]
        code = ast.Lambda(args=_NO_ARGUMENTS, body=node.value)  # type: ignore[attr-defined]
        self.keep(_function_code(code, self.local))

    # expressions

    def evaluate(self, node: ast.AST) -> None:
        method = _EVALUATIONS.get(type(node))
        if method is not None:
            method(self, node)
            return
        for child in child_nodes(node):
            self.evaluate(child)

    def evaluate_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not self.is_local(node.id):
            self.load(node.id)
            self.sets["values"].add(node.id)

    def evaluate_Constant(self, node: ast.Constant) -> None:
        """A value of its own."""

    def evaluate_Attribute(self, node: ast.Attribute) -> None:
        self.evaluate(node.value)

    def evaluate_Lambda(self, node: ast.Lambda) -> None:
        for value in _outside(node):
            self.evaluate(value)
        self.keep(_function_code(node, self.local))

    def evaluate_comprehension_expression(self, node: ComprehensionNode) -> None:
        outer = self.local, self.class_local, self.class_reads
        for generator in node.generators:
            self.evaluate(generator.iter)
            # Only the first iterable belongs to the class body around.
            self.class_local, self.class_reads = EMPTY, set()
            self.local |= _target_names(generator)
            self.evaluate(generator.target)
            for test in generator.ifs:
                self.evaluate(test)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.evaluate(part)
        self.local, self.class_local, self.class_reads = outer

    evaluate_ListComp = evaluate_comprehension_expression
    evaluate_SetComp = evaluate_comprehension_expression
    evaluate_DictComp = evaluate_comprehension_expression

    def evaluate_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.evaluate_comprehension_expression(node)
        found = _Body()
        _scan_comprehension(node, self.local, found)
        code = Code(frozenset(found.reads), calls=tuple(found.calls))
        self.made.append(code)

    def keep_generator(self, node: ast.GeneratorExp) -> None:
        """A generator expression under a name: only its first iterable is read at once."""
        self.evaluate(node.generators[0].iter)
        found = _Body()
        _scan_comprehension(node, self.local, found)
        self.keep(Code(frozenset(found.reads), calls=tuple(found.calls)))

    def evaluate_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.evaluate(node.value)
        surely = set(self.bound)
        self.bind(node.target.id)
        if self.local:  # in a comprehension: bound only if that ran
            self.bound = surely

    def evaluate_BoolOp(self, node: ast.BoolOp) -> None:
        self.evaluate(node.values[0])
        self.maybe(node.values[1:])

    def evaluate_IfExp(self, node: ast.IfExp) -> None:
        self.evaluate(node.test)
        self.maybe([node.body])
        self.maybe([node.orelse])

    def maybe(self, parts: Sequence[ast.expr]) -> None:
        """Evaluate what may be skipped: its bindings count on some path only."""
        start, outer = set(self.bound), self.in_branch
        self.in_branch = True
        for part in parts:
            self.evaluate(part)
        self.bound, self.in_branch = start, outer

    def evaluate_Subscript(self, node: ast.Subscript) -> None:
        name = name_in_namespace(node)
        if name is None:
            self.open |= dotted_name(node.value) == "sys.modules"
            self.evaluate(node.value)
            self.evaluate(node.slice)
            return
        self.sets["strings"].add(name)
        if isinstance(node.ctx, ast.Store):
            self.bind(name)
        else:
            self.load(name)

    def evaluate_Compare(self, node: ast.Compare) -> None:
        """`"x" in globals()` asks for one name only."""
        name = name_asked_for(node)
        if name is not None:
            self.sets["asked"].add(name)
            return
        for part in (node.left, *node.comparators):
            self.evaluate(part)

    def evaluate_Call(self, node: ast.Call) -> None:
        script = script_run(node)
        if script is not None:
            self.runs.append(script)
            self.load("run_notebook" if script.endswith(".ipynb") else "runpy")
            return
        called = dotted_name(node.func)
        if called is not None and not self.is_local(called.split(".")[0]):
            self.calls.append(called)
        found = names_in_call(node)
        exact = bool(found.reads or found.binds)  # then `globals()` in it gives no other name
        if isinstance(node.func, ast.Name):
            self.load(node.func.id)
        elif not (exact and isinstance(node.func, ast.Attribute) and is_namespace(node.func.value)):
            self.evaluate(node.func)
        made = len(self.made)
        for argument in (*node.args, *(k.value for k in node.keywords)):
            if not (exact and is_namespace(argument)):
                self.evaluate(argument)
        # Code passed to a call may run during the call.
        for code in self.made[made:]:
            self.load_by_code(code, may_keep_code(node))
        self.mutate_by_call(node)
        if len(self.made) > made and not _keeps_arguments(node):
            del self.made[made:]
        self.touch(found)

    def load_by_code(self, code: Code, waits: bool) -> None:
        """Code that is given to a call may run now, or later if the call may keep it."""
        self.waits = waits
        for name in sorted(code.reads):
            self.load(name)
        self.waits = False

    def evaluate_BinOp(self, node: ast.BinOp) -> None:
        names = names_in_percent(node) if isinstance(node.op, ast.Mod) else EMPTY
        self.evaluate(node.left)
        if not names:
            self.evaluate(node.right)
            return
        self.touch(StringNames(names))

    def evaluate_Await(self, node: ast.Await) -> None:
        self.awaits = True
        self.evaluate(node.value)

    # what a statement keeps

    def keep(self, code: Code) -> None:
        self.made.append(code)
        self.sets["late"] |= code.reads
        self.sets["values"] |= code.values
        self.sets["strings"] |= code.strings
        self.sets["asked"] |= code.asked
        self.sets["writes_late"] |= code.writes

    def name_code(self, name: str, code: Code) -> None:
        """A name holds code from here on; of two branches that define it, either may be it."""
        known = self.code.get(name)
        self.code[name] = code if known is None else _join([known, code])

    def store(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id)
            if self.in_class:
                return
            if self.made:
                self.name_code(target.id, _join(self.made))
            if value is not None:
                self.hold(target.id, value)
            return
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.store(element, value)
            return
        if isinstance(target, ast.Starred):
            self.store(target.value, value)
            return
        self.evaluate(target)
        self.mutate(target)
        root = root_name(target)
        if root is not None and value is not None and not self.is_local(root):
            self.hold(root, value)
            if self.made:
                self.code[root] = _join([*self.made, self.code.get(root, Code())])

    def hold(self, name: str, value: ast.expr) -> None:
        held = _held_names(value) - self.local - self.class_local
        if held:
            self.holds.setdefault(name, set()).update(held)

    def mutate(self, target: ast.expr) -> None:
        root = root_name(target)
        if root is not None and not self.is_local(root):
            self.sets["mutates"].add(root)

    def mutate_by_call(self, node: ast.Call) -> None:
        """A method that is given code keeps it: `registry.append(f)`."""
        if not isinstance(node.func, ast.Attribute) or self.in_class:
            return
        root = root_name(node.func)
        if root is None or root in self.local or node.func.attr not in _KEEPING_METHODS:
            return
        self.sets["mutates"].add(root)
        for argument in (*node.args, *(k.value for k in node.keywords)):
            self.hold(root, argument)
            if self.made:
                self.code[root] = _join([*self.made, self.code.get(root, Code())])

    def touch(self, found: StringNames) -> None:
        if found is NO_NAMES:
            return
        for name in sorted(found.reads):
            self.load(name)
        for name in sorted(found.binds):
            self.bind(name)
        self.sets["strings"] |= found.reads | found.binds
        self.open |= found.open


def _is_never_empty(node: ast.expr) -> bool:
    """Whether a loop over it surely runs: a literal with elements, `range(3)`."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return any(not isinstance(element, ast.Starred) for element in node.elts)
    if isinstance(node, ast.Call) and dotted_name(node.func) == "range" and len(node.args) == 1:
        stop = node.args[0]
        return isinstance(stop, ast.Constant) and isinstance(stop.value, int) and stop.value > 0
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != ""


def _methods(prefix: str) -> dict[type[ast.AST], Callable[[_Flow, Any], None]]:
    """The methods of `_Flow` that are named after a kind of node, by that kind."""
    found = {n.removeprefix(prefix): m for n, m in vars(_Flow).items() if n.startswith(prefix)}
    return {getattr(ast, name): m for name, m in found.items() if hasattr(ast, name)}


_RUNS = _methods("run_")
_EVALUATIONS = _methods("evaluate_")

_KEEPING_WORDS = (
    "append add insert extend update setdefault register connect subscribe on_click observe "
    "appendleft push put compile fit"
)
_KEEPING_METHODS = frozenset(_KEEPING_WORDS.split())
_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def _swallows_errors(manager: ast.expr) -> bool:
    """Whether a `with` goes on behind its body after an error in it."""
    called = dotted_name(manager.func) if isinstance(manager, ast.Call) else None
    return called is not None and called.rsplit(".", 1)[-1] in ("suppress", "raises")


def _asks_version(test: ast.expr) -> bool:
    """Whether a branch depends on the version of Python or of a library."""
    names = ("version", "version_info", "hexversion", "__version__", "PY2", "PY3")
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Name) and node.id in names)
        for node in walk_nodes(test)
    )


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {n.id for n in walk_nodes(handler.type) if isinstance(n, ast.Name)}
    return not names.isdisjoint({"NameError", "Exception", "BaseException"})


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    return [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]


def _join(codes: Sequence[Code]) -> Code:
    if len(codes) == 1:
        return codes[0]
    return Code(
        reads=EMPTY.union(*(c.reads for c in codes)),
        writes=EMPTY.union(*(c.writes for c in codes)),
        values=EMPTY.union(*(c.values for c in codes)),
        strings=EMPTY.union(*(c.strings for c in codes)),
        guarded=EMPTY.union(*(c.guarded for c in codes)),
        asked=EMPTY.union(*(c.asked for c in codes)),
        calls=tuple(call for c in codes for call in c.calls),
        escapes=any(c.escapes for c in codes),
    )


def _held_names(value: ast.expr) -> set[str]:
    """Names whose code the value may hold: aliases, containers, and some calls' arguments."""
    if isinstance(value, ast.Name):
        return {value.id}
    if isinstance(value, ast.Attribute):
        return _held_names(value.value)
    if isinstance(value, ast.Call):
        return _held_by_call(value)
    if isinstance(value, (ast.Compare, ast.BinOp, ast.JoinedStr)):
        return set()
    held: set[str] = set()
    for child in child_nodes(value):
        if isinstance(child, ast.expr):
            held |= _held_names(child)
    if isinstance(value, _COMPREHENSIONS):
        for generator in value.generators:
            held = (held - _target_names(generator)) | _held_names(generator.iter)
    return held


def _held_by_call(node: ast.Call) -> set[str]:
    """What a call's result may hold: what a function returns, an instance's class."""
    called = dotted_name(node.func)
    if called is None:
        held = _held_names(node.func)
    elif "." not in called or called.rsplit(".", 1)[-1] in _RETURNING_SELF:
        held = {called.split(".")[0]}
    else:
        held = set()
    if _keeps_arguments(node):
        for argument in (*node.args, *(k.value for k in node.keywords)):
            held |= _held_names(argument)
    return held


_RETURNING_SELF = frozenset({"fit", "copy", "compile", "bind", "set_params", "partial_fit"})


def may_keep_code(node: ast.Call) -> bool:
    """Whether code given to the call may wait for a later one: it is kept, or put somewhere."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return method in _KEEPING_METHODS or _keeps_arguments(node)


def _keeps_arguments(node: ast.Call) -> bool:
    """Whether code given to the call may run after it: a class, `partial`, `map`, a decorator."""
    if isinstance(node.func, ast.Call):
        return True
    called = dotted_name(node.func)
    last = called.rsplit(".", 1)[-1] if called else ""
    return last in HOLDING_CALLS or last[:1].isupper()
