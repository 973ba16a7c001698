"""What code that runs later does to global names: functions, classes, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from nbtools.analysis.facts import EMPTY, Code
from nbtools.analysis.held import may_be_code
from nbtools.analysis.strings import name_asked_for, name_in_namespace, names_in_call
from nbtools.syntax import (
    COMPREHENSIONS,
    NODE_FIELDS,
    ComprehensionNode,
    child_nodes,
    dotted_name,
    target_names,
    walk_nodes,
)

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
            stack += outside_of(node)
        elif isinstance(node, COMPREHENSIONS):
            stack.append(node.generators[0].iter)
        else:
            stack += child_nodes(node)[::-1]
    return own


_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))  # Python 3.11
_NAMING = (ast.Subscript, ast.Compare, *_TRIES)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)


def outside_of(node: FunctionNode | ast.ClassDef) -> list[ast.expr]:
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


def _looked_up_first(own: Iterable[ast.AST], bound: set[str]) -> set[str]:
    """The local names that a loop's next turn reads, where the text has the binding below.

    marimo goes through a function once and takes such a name for one of another cell.
    """
    pending = set(bound)
    found: set[str] = set()
    for node in own:
        if isinstance(node, ast.Name):
            if node.id in pending and isinstance(node.ctx, ast.Load):
                found.add(node.id)
            pending.discard(node.id)
        elif isinstance(node, COMPREHENSIONS):
            pending.difference_update(_walruses([node]))
        elif isinstance(node, _ASSIGNMENTS) and node.value is not None:
            found |= pending & _names_in_scope(node.value)  # it comes before the targets
        elif isinstance(node, _BINDING):
            pending.difference_update(bound_by(node))
    return found


def _names_in_scope(value: ast.expr) -> frozenset[str]:
    return frozenset(node.id for node in _own_nodes([value]) if isinstance(node, ast.Name))


def _bound_names(own: Iterable[ast.AST]) -> set[str]:
    """The names that the nodes of a scope bind in it; `del x` makes `x` its own as well."""
    bound: set[str] = set()
    for node in own:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        elif isinstance(node, _BINDING):
            bound.update(bound_by(node))
    return bound


def bound_by(node: ast.AST) -> Iterator[str]:
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
_ASSIGNMENTS = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)
_BINDING = (ast.pattern, ast.stmt, ast.excepthandler)


def _walruses(own: Iterable[ast.AST]) -> Iterator[str]:
    """Names that `:=` inside comprehensions binds in the scope around them."""
    for node in own:
        if isinstance(node, COMPREHENSIONS):
            for inner in walk_nodes(node):
                if isinstance(inner, ast.NamedExpr):
                    yield inner.target.id


class _Body(Struct):
    """What the body of a function or class looks up outside itself, while it is collected."""

    reads: set[str] = field(default_factory=set)
    now: set[str] = field(default_factory=set)  # of these, those that no inner function reads
    inside: bool = False  # an inner function is looked through
    writes: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    guarded: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    misread: set[str] = field(default_factory=set)
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
    if not kinds.isdisjoint(COMPREHENSIONS):
        bound.update(_walruses(own))
    given = _parameters(node.args) | type_parameters(node)
    local = (bound | given) - declared
    found.writes |= declared  # marimo counts the declaration alone
    found.misread |= _looked_up_first(own, local - given - outer)
    _scan_scope(own, (outer | local) - declared, found)


def type_parameters(node: ast.AST) -> set[str]:
    """`T` of `def f[T](): ...`, in Python 3.12."""
    return {p.name for p in getattr(node, "type_params", ())}


def _scan_class(node: ast.ClassDef, outer: frozenset[str], found: _Body) -> None:
    """As `_scan_function` for a class inside a function: only its body sees its own names."""
    own = _own_nodes(node.body)
    bound = _bound_names(own)
    outer |= type_parameters(node)
    _scan_scope([n for n in own if not isinstance(n, _SCOPES)], outer | bound, found)
    _scan_scope([n for n in own if isinstance(n, _SCOPES)], outer, found)


def _scan_comprehension(node: ComprehensionNode, outer: frozenset[str], found: _Body) -> None:
    targets = EMPTY.union(*map(target_names, node.generators))
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
                if not found.inside:
                    found.now.add(node.id)
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
    elif isinstance(node, _TRIES) and any(map(catches_name_error, node.handlers)):
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
    elif isinstance(node, COMPREHENSIONS):
        _scan_comprehension(node, local, found)
    else:
        around, found.inside = found.inside, True
        _scan_function(node, _body_nodes(node), local, found)
        found.inside = around


def _scan_call(node: ast.Call, local: frozenset[str], found: _Body) -> None:
    """Collect the name that is called, and those in strings that are code."""
    if name := dotted_name(node.func):
        found.calls.append(name)
    if names := names_in_call(node).reads:
        found.strings |= names - local


def function_code(node: FunctionNode, outer: frozenset[str], plain: bool = False) -> Code:
    """What a function does when it is called; `outer` are names of the scopes around it."""
    found, own = _Body(), _body_nodes(node)
    _scan_function(node, own, outer, found)
    strings = found.strings | found.asked
    reads = frozenset(found.reads | found.writes | strings)
    waits = _waits(node, own)
    escapes = waits or _returns_code(node, own)
    delayed = reads if waits else reads - found.now if escapes else EMPTY
    return Code(
        reads=reads,
        writes=frozenset(found.writes),
        values=frozenset(found.values),
        strings=frozenset(strings),
        guarded=frozenset(found.guarded | found.asked),
        asked=frozenset(found.asked),
        misread=frozenset(found.misread),
        calls=tuple(found.calls),
        delayed=delayed,
        escapes=escapes,
        plain=plain,
    )


def generator_code(node: ast.GeneratorExp, outer: frozenset[str]) -> Code:
    """What a generator does when somebody goes over it, but for its first iterable."""
    found = _Body()
    _scan_comprehension(node, outer, found)
    return Code(frozenset(found.reads), calls=tuple(found.calls))


def _waits(node: FunctionNode, own: Sequence[ast.AST]) -> bool:
    """Whether a call runs nothing of the body: it makes a generator or a coroutine."""
    return isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(child, (ast.Yield, ast.YieldFrom)) for child in own
    )


def _returns_code(node: FunctionNode, own: Sequence[ast.AST]) -> bool:
    """Whether what a function returns may look up names after it has returned."""
    if isinstance(node, ast.Lambda):
        return may_be_code(node.body, EMPTY)
    returned = [child.value for child in own if isinstance(child, ast.Return) and child.value]
    made = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inner = frozenset(n.name for n in own if isinstance(n, made)) if returned else EMPTY
    return any(may_be_code(value, inner) for value in returned)


def catches_name_error(handler: ast.ExceptHandler) -> bool:
    """Whether a NameError would come to this handler."""
    if handler.type is None:
        return True
    names = {n.id for n in walk_nodes(handler.type) if isinstance(n, ast.Name)}
    return not names.isdisjoint({"NameError", "Exception", "BaseException"})
