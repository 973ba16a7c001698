"""A run of statements, followed for the files that it reads and writes. Nothing is executed.

Every doubt is settled for silence: code in a branch, under `try` or in a function that nobody
calls reads nothing; a call that may write anything ends the search.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

from nbtools.analysis.file_calls import (
    READ_CALLS,
    READ_METHODS,
    TELLING_NAMES,
    WRITE_SUFFIXES,
    effect_of,
    effect_of_shell,
    is_archive,
    last_name,
    opens_for,
    qualify,
    read_path,
)
from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.constant_paths import Value, evaluate
from nbtools.syntax import child_nodes, walk_nodes

_SHELLS = frozenset({"shell", "shell_lines", "run_script", "os.system", "os.popen"})
_MOVES = frozenset({"os.chdir", "change_directory", "contextlib.chdir", "os.fchdir"})
_SAYS_NOTHING = frozenset({"print", "display", "str", "len", "os.path.join", "pathlib.Path"})
_OF_TEXT = lazy_pattern(r"(?!os\.|shutil\.).*\.(?:format|join|split|replace|strip|lower|upper)")
_CATCHES = lazy_pattern(r".*\b(?:raises|suppress|assertRaises\w*)")
_DEEPEST = 5  # calls of the notebook's functions in one another
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class FileRead(Struct, frozen=True):
    """A file that is read for sure, and that the notebook has not written before."""

    path: str  # relative, as the notebook puts it together
    position: int  # of the cell, in `Program.cells`
    node: ast.Call


class Frame(Struct):
    """Code that runs: where it stands, and what is known of its names."""

    position: int
    values: dict[str, Value]
    caller: tuple[int, ast.Call] | None = None  # of a function's body: who called it
    hidden: frozenset[str] = frozenset()  # the function's parameters


class FileRun(Struct):
    """What is known of the files while statements are followed in their order."""

    imports: Mapping[str, str]
    found: list[FileRead] = field(default_factory=list)
    functions: dict[str, tuple[int, Function]] = field(default_factory=dict)
    mentions: list[str] = field(default_factory=list)  # texts given to calls that may write
    suffixes: set[str] = field(default_factory=set)  # of files that were perhaps written
    lost: bool = False  # anything may have been written, or the folder is another
    calling: list[str] = field(default_factory=list)
    calls_left: int = 1000  # of the notebook's functions: calls in calls can be very many
    touching: dict[int, bool] = field(default_factory=dict)  # see `_touches_files`

    # --- statements --------------------------------------------------------------------------

    def run_all(self, body: list[ast.stmt], frame: Frame, sure: bool) -> bool:
        """Follow statements; whether what stands behind them surely runs too."""
        for node in body:
            if self.lost:
                return False
            sure = self._run(node, frame, sure) and sure
        return sure

    def _run(self, node: ast.stmt, frame: Frame, sure: bool) -> bool:
        if isinstance(node, _LATER):
            self._define(node, frame)
        elif isinstance(node, ast.If):
            self._look(node.test, frame, sure)
            self._branch([node.body, node.orelse], frame)
            return not _leaves(node)
        elif isinstance(node, ast.While):
            self._look(node.test, frame, sure)
            _forget(node, frame)
            self._branch([node.body, node.orelse], frame)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._look(node.iter, frame, sure)
            _forget(node, frame)
            self.run_all(node.body, frame, sure)
            self.run_all(node.orelse, frame, False)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._look(item.context_expr, frame, sure)
                sure = sure and not self._catches(item.context_expr)
            _forget_targets(node, frame)
            return self.run_all(node.body, frame, sure)
        elif hasattr(node, "handlers"):
            self._run_try(node, frame, sure)
        elif isinstance(node, ast.Match):
            self._look(node.subject, frame, sure)
            self._branch([case.body for case in node.cases], frame)
            return not _leaves(node)
        else:
            self._run_simple(node, frame, sure)
        return True

    def _run_try(self, node: ast.stmt, frame: Frame, sure: bool) -> None:
        assert isinstance(node, ast.Try) or type(node).__name__ == "TryStar"
        handlers = getattr(node, "handlers", [])
        inside = sure and not handlers
        self.run_all(getattr(node, "body", []), frame, inside)
        self._branch([handler.body for handler in handlers], frame)
        self.run_all(getattr(node, "orelse", []), frame, inside)
        self.run_all(getattr(node, "finalbody", []), frame, sure)
        _forget(node, frame)

    def _branch(self, bodies: list[list[ast.stmt]], frame: Frame) -> None:
        """Code that may run or not: what it binds is unknown afterwards."""
        for body in bodies:
            self.run_all(body, frame, False)
        for body in bodies:
            for node in body:
                _forget(node, frame)

    def _run_simple(self, node: ast.stmt, frame: Frame, sure: bool) -> None:
        for child in child_nodes(node):
            if isinstance(child, ast.expr):
                self._look(child, frame, sure)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                self._assign(target.id, node.value, frame)
                return
        _forget(node, frame)

    def _assign(self, name: str, value: ast.expr, frame: Frame) -> None:
        known = evaluate(value, frame.values, self.imports)
        if known is None:
            frame.values.pop(name, None)
        else:
            frame.values[name] = known
        if isinstance(value, ast.Lambda):
            self.functions[name] = (frame.position, value)

    def _define(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, ast.ClassDef):
            for part in node.body:  # nobody can tell when its methods run
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.run_all(part.body, _inner(frame, part), False)
                else:
                    self._run(part, Frame(frame.position, dict(frame.values)), False)
            frame.values.pop(node.name, None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions[node.name] = (frame.position, node)
            frame.values.pop(node.name, None)

    def _catches(self, node: ast.expr) -> bool:
        name = qualify(node.func, self.imports) if isinstance(node, ast.Call) else None
        return name is None or bool(_CATCHES.fullmatch(name))

    # --- expressions -------------------------------------------------------------------------

    def _look(self, node: ast.expr, frame: Frame, sure: bool) -> None:
        """Follow the calls of an expression, inner ones first."""
        if isinstance(node, ast.Constant | ast.Name):
            return
        if isinstance(node, ast.Lambda):
            self._look(node.body, _inner(frame, node), False)
        elif isinstance(node, ast.IfExp):
            self._look(node.test, frame, sure)
            self._look_at_all([node.body, node.orelse], frame, False)
        elif isinstance(node, ast.BoolOp):
            self._look(node.values[0], frame, sure)
            self._look_at_all(node.values[1:], frame, False)
        elif isinstance(node, _COMPREHENSIONS):
            frame = Frame(frame.position, dict(frame.values), frame.caller, frame.hidden)
            _forget(node, frame)
            filtered = any(each.ifs for each in node.generators)
            self._look_at_all(child_nodes(node), frame, sure and not filtered)
        else:
            self._look_at_all(child_nodes(node), frame, sure)
        if isinstance(node, ast.Call):
            self._call(node, frame, sure)

    def _look_at_all(self, nodes: Sequence[ast.AST], frame: Frame, sure: bool) -> None:
        for node in nodes:
            if isinstance(node, ast.expr):
                self._look(node, frame, sure)
            elif isinstance(node, ast.keyword | ast.comprehension):
                self._look_at_all(child_nodes(node), frame, sure)

    def _call(self, node: ast.Call, frame: Frame, sure: bool) -> None:
        name = qualify(node.func, self.imports)
        if name is None:
            name = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
        if name in self.functions:
            self._call_own(name, node, frame, sure)
            return
        self._hand_over(node, frame)
        path = self._path_read(name, node, frame)
        if path is not None:
            self._read(path, node, frame, sure)
        elif name in _SHELLS:
            self._run_shell(name, node, frame)
        elif name in _MOVES:
            self.lost = True
        elif name not in _SAYS_NOTHING and not _OF_TEXT.fullmatch(name):
            self._write(name, node, frame)
        if name == "runpy.run_path":
            self.lost = True  # the script may write

    def _hand_over(self, node: ast.Call, frame: Frame) -> None:
        """Functions of the notebook that are given to others run when nobody can tell."""
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(argument, ast.Name) and argument.id in self.functions:
                self._call_own(argument.id, node, frame, False, unknown=True)

    def _call_own(
        self, name: str, node: ast.Call, frame: Frame, sure: bool, *, unknown: bool = False
    ) -> None:
        position, function = self.functions[name]
        followed = name not in self.calling and self._touches_files(function)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            known = evaluate(argument, frame.values, self.imports) is not None
            if not followed or unknown or not known:
                self._mention(argument, frame)
        if not followed:
            return
        self.calls_left -= 1
        if self.calls_left < 0 or len(self.calling) >= _DEEPEST:
            self.lost = True
            return
        inner = Frame(position, dict(frame.values), (frame.position, node))
        _bind_arguments(function, None if unknown else node, inner, self.imports)
        self.calling.append(name)
        if isinstance(function, ast.Lambda):
            self._look(function.body, inner, sure)
        else:
            self.run_all(function.body, inner, sure)
        self.calling.pop()
        for each in walk_nodes(function):
            if isinstance(each, ast.Global):
                for changed in each.names:
                    frame.values.pop(changed, None)

    def _touches_files(self, function: Function) -> bool:
        """Whether its body, or a function of the notebook that it names, may use files."""
        known = self.touching.get(id(function))
        if known is None:
            self.touching[id(function)] = False  # for those that call themselves
            known = any(self._is_telling(node) for node in walk_nodes(function))
            self.touching[id(function)] = known
        return known

    def _is_telling(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            own = self.functions.get(node.id)
            return own is not None and self._touches_files(own[1])
        if not isinstance(node, ast.Call):
            return False
        return (called := last_name(node.func)) in TELLING_NAMES or effect_of(
            f"os.{called}"
        ) != "none"

    # --- reads and writes --------------------------------------------------------------------

    def _path_read(self, name: str, node: ast.Call, frame: Frame) -> ast.expr | None:
        """The expression for the path that a call reads; None if it reads none."""
        if name in READ_CALLS:
            return read_path(node) if opens_for(name, node) == "read" else None
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in READ_METHODS:
            return None
        value = evaluate(function.value, frame.values, self.imports)
        if not isinstance(value, PurePosixPath):
            return None
        if function.attr == "open" and opens_for("", _shifted(node)) == "write":
            return None
        return function.value

    def _read(self, path: ast.expr, node: ast.Call, frame: Frame, sure: bool) -> None:
        value = evaluate(path, frame.values, self.imports)
        if not sure or value is None or isinstance(value, int) or self._may_be_written(str(value)):
            return
        position, place = frame.position, node
        if frame.caller is not None and names_in(path) & frame.hidden:
            position, place = frame.caller
        self.found.append(FileRead(str(value), position, place))

    def _may_be_written(self, path: str) -> bool:
        name = path.rstrip("/").rpartition("/")[2]
        stem, dot, suffix = name.rpartition(".")
        if dot and f".{suffix.lower()}" in self.suffixes:
            return True
        folders = {str(each) for each in PurePosixPath(path).parents} - {".", "..", "/"}
        return any(
            name in each
            or each.rpartition("/")[2] == (stem or name)
            or str(PurePosixPath(each)) in folders
            for each in self.mentions
        )

    def _write(self, name: str, node: ast.Call, frame: Frame) -> None:
        """Keep what any other call is told: it may be the name of a file that it makes."""
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        told = [text for each in arguments for text in self._mention(each, frame)]
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if receiver is not None:
            told += self._mention(receiver, frame)
        last = name.rpartition(".")[2]
        effect = effect_of(name) if name not in READ_CALLS else "writes"
        if effect == "anything":
            self.lost = self.lost or not self._is_harmless_program(node)
        elif effect == "writes" and not any(map(_is_file_name, told)):
            known = self._constant_suffix(node) or WRITE_SUFFIXES.get(last)
            self.suffixes |= known or frozenset()
            self.lost = self.lost or not known
        if effect == "writes" and any(map(is_archive, told)):
            self.lost = True

    def _is_harmless_program(self, node: ast.Call) -> bool:
        words = [text for each in node.args for text in _texts(each)]
        return bool(words) and effect_of_shell(" ".join(words)) == "none"

    def _constant_suffix(self, node: ast.Call) -> frozenset[str]:
        """`.csv` of `open(f"{name}.csv", "w")`."""
        for argument in node.args[:2]:
            texts = _texts(argument)
            found = re.search(r"\.\w{1,8}$", texts[-1]) if texts else None
            if found:
                return frozenset({found[0].lower()})
        return frozenset()

    def _mention(self, node: ast.expr, frame: Frame) -> list[str]:
        value = evaluate(node, frame.values, self.imports)
        if isinstance(value, str | PurePosixPath):
            texts = [str(value)]
        else:
            texts = _texts(node)
            texts += [str(frame.values[name]) for name in names_in(node) & frame.values.keys()]
        self.mentions += texts
        return texts

    def _run_shell(self, name: str, node: ast.Call, frame: Frame) -> None:
        texts = [text for each in node.args for text in self._mention(each, frame)]
        command = " ".join(texts)
        if name == "run_script":  # `%%bash`: its text comes second
            shells = ("bash", "sh", "zsh")
            command = " ".join(texts[1:]) if texts[:1] and texts[0] in shells else "python x"
        if not texts or effect_of_shell(command) == "anything":
            self.lost = True


def _is_file_name(text: str) -> bool:
    """Whether a text ends as the name of a file does."""
    return bool(re.search(r"[^/.]\.[A-Za-z]\w{0,9}(?:\.gz)?$", text.strip())) and " " not in text


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        return []
    found = (n.value for n in walk_nodes(node) if isinstance(n, ast.Constant))
    return [value for value in found if isinstance(value, str)]


def names_in(node: ast.AST) -> frozenset[str]:
    """The names that a node or one below it reads or binds."""
    if isinstance(node, ast.Name):
        return frozenset((node.id,))
    return frozenset(each.id for each in walk_nodes(node) if isinstance(each, ast.Name))


def _forget(node: ast.AST, frame: Frame) -> None:
    if not frame.values or isinstance(node, ast.Expr):
        return  # `(x := 1)` alone is too rare to look for
    for each in walk_nodes(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            frame.values.pop(each.id, None)


def _forget_targets(node: ast.With | ast.AsyncWith, frame: Frame) -> None:
    for item in node.items:
        if item.optional_vars is not None:
            _forget(item.optional_vars, frame)


def _leaves(node: ast.AST) -> bool:
    """Whether a branch may end the function, the loop or the run."""
    leaving = (ast.Return, ast.Raise, ast.Continue, ast.Break)
    return any(isinstance(each, leaving) for each in walk_nodes(node))


def _shifted(node: ast.Call) -> ast.Call:
    """`path.open("w")` as `open(path, "w")`, for its mode."""
    keyword = [ast.keyword("mode", node.args[0])] if node.args else []
    return ast.Call(node.func, [], [*keyword, *node.keywords])


def _inner(frame: Frame, function: Function) -> Frame:
    inner = Frame(frame.position, dict(frame.values), frame.caller)
    _bind_arguments(function, None, inner, {})
    return inner


def _bind_arguments(
    function: Function, call: ast.Call | None, frame: Frame, imports: Mapping[str, str]
) -> None:
    """Bind the parameters that are given constants; all other local names are unknown."""
    given = dict(frame.values)
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for part in body:
        _forget(part, frame)
    rest = [*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    frame.hidden = frozenset([*names, *(each.arg for each in rest)])
    for name in frame.hidden:
        frame.values.pop(name, None)
    if call is None or any(isinstance(each, ast.Starred) for each in call.args):
        return
    defaults = zip(reversed(names), reversed(arguments.defaults), strict=False)
    known: dict[str, ast.expr] = dict(defaults)
    known |= dict(zip(names, call.args, strict=False))
    known |= {
        each.arg: each.value for each in call.keywords if each.arg in frame.hidden and each.arg
    }
    for name, value in known.items():
        constant = evaluate(value, given, imports)
        if constant is not None:
            frame.values[name] = constant
