"""The flow of names through one statement: what is surely bound where each name is looked up."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from nbtools.analysis.calm import is_calm, is_constant
from nbtools.analysis.facts import EMPTY, Code, Facts, Import, frozen, join_code
from nbtools.analysis.held import KEEPING_METHODS, held_names, keeps_arguments, may_keep_code
from nbtools.analysis.scopes import (
    bound_by,
    catches_name_error,
    function_code,
    generator_code,
    outside_of,
    type_parameters,
)
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
from nbtools.syntax import (
    ComprehensionNode,
    child_nodes,
    dotted_name,
    module_of,
    root_name,
    target_names,
    walk_nodes,
)

_NOTHING: Mapping[str, Any] = {}  # shared: most statements define no code
_RUN_BY_CALL = frozenset({"__new__", "__init__", "__post_init__"})
"""The methods that a call of their class runs."""


def facts_of(node: ast.stmt) -> Facts:
    """What one top-level statement does to the namespace."""
    flow = _Flow()
    flow.run([node])
    if "deletes" in flow.sets and not isinstance(node, ast.Delete):
        flow.weigh_deletes()
    return flow.facts(calm=is_calm(node))


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
            always=frozen(self.bound),
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
            **{name: frozen(names) for name, names in self.sets.items()},  # few have any
            unsure=frozen(self.unsure()),
        )

    def weigh_deletes(self) -> None:
        """`if c: del x` may leave `x`, or not: it makes of `x` what another value would be."""
        self.sets["binds"] |= self.sets.pop("deletes", set())

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
        if node.value is not None:
            self.evaluate(node.value)
            self.store(node.target, node.value)
        elif not isinstance(node.target, ast.Name):
            self.evaluate(node.target)
        elif not self.in_class:
            self.sets["annotated"].add(node.target.id)
        self.evaluate(node.annotation)  # last: `x: x = 1` is right

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
        if any(map(catches_name_error, node.handlers)):
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
                for name in bound_by(part):
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
        module = module_of(node)
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
        for value in outside_of(node):
            self.evaluate(value)
        plain = all(map(is_constant, _defaults(node))) and not node.decorator_list
        code = function_code(node, self.local, plain)
        self.keep(code)
        self.bind(node.name)
        if not self.in_class:
            self.name_code(node.name, code)
            for decorator in node.decorator_list:
                self.hold(node.name, decorator)

    run_AsyncFunctionDef = run_FunctionDef

    def run_ClassDef(self, node: ast.ClassDef) -> None:
        for value in outside_of(node):
            self.evaluate(value)
        outer = self.class_local, self.class_reads, self.in_class
        self.class_local, self.class_reads = frozenset(type_parameters(node)), set()
        self.in_class = True
        first = len(self.made)
        made = list(self.made)
        started: list[Code] = []
        for statement in node.body:
            self.run([statement])
            made += self.made
            if getattr(statement, "name", None) in _RUN_BY_CALL:
                started += self.made
        # `class C: x = x` reads the global: the two cannot be told apart by a rename.
        self.sets["strings"] |= self.class_reads & self.class_local
        self.class_local, self.class_reads, self.in_class = outer
        self.made = made
        self.bind(node.name)
        if not self.in_class:
            methods = join_code(made[first:])
            now = EMPTY.union(*(code.reads - code.delayed for code in started))
            methods = replace(methods, delayed=methods.reads - now, escapes=True)
            self.name_code(node.name, methods)
            for base in node.bases:
                self.hold(node.name, base)

    def run_Global(self, node: ast.Global) -> None:
        """At module level the statement says nothing."""

    def run_TypeAlias(self, node: ast.stmt) -> None:
        self.bind(node.name.id)  # type: ignore[attr-defined]
        code = ast.Lambda(args=_NO_ARGUMENTS, body=node.value)  # type: ignore[attr-defined]
        self.keep(function_code(code, self.local))

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
        for value in outside_of(node):
            self.evaluate(value)
        self.keep(function_code(node, self.local))

    def evaluate_comprehension_expression(self, node: ComprehensionNode) -> None:
        outer = self.local, self.class_local, self.class_reads
        for generator in node.generators:
            self.evaluate(generator.iter)
            # Only the first iterable belongs to the class body around.
            self.class_local, self.class_reads = EMPTY, set()
            self.local |= target_names(generator)
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
        self.made.append(generator_code(node, self.local))

    def keep_generator(self, node: ast.GeneratorExp) -> None:
        """A generator expression under a name: only its first iterable is read at once."""
        self.evaluate(node.generators[0].iter)
        self.keep(generator_code(node, self.local))

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
        if len(self.made) > made and not keeps_arguments(node):
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
        self.sets["misread"] |= code.misread
        self.sets["writes_late"] |= code.writes

    def name_code(self, name: str, code: Code) -> None:
        """A name holds code from here on; of two branches that define it, either may be it."""
        known = self.code.get(name)
        self.code[name] = code if known is None else join_code([known, code])

    def store(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id)
            if self.in_class:
                return
            if self.made:
                self.name_code(target.id, join_code(self.made))
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
                self.code[root] = join_code([*self.made, self.code.get(root, Code())])

    def hold(self, name: str, value: ast.expr) -> None:
        held = held_names(value) - self.local - self.class_local
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
        if root is None or root in self.local or node.func.attr not in KEEPING_METHODS:
            return
        self.sets["mutates"].add(root)
        for argument in (*node.args, *(k.value for k in node.keywords)):
            self.hold(root, argument)
            if self.made:
                self.code[root] = join_code([*self.made, self.code.get(root, Code())])

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


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    return [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
