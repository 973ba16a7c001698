"""Files that a notebook reads in a run from the top, and nothing above has written.

Every doubt is settled for silence: code in a branch, under `try` or in a function that nobody
calls reads nothing; a call that may write anything ends the search.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nbtools.analysis.file_calls import (
    PATH_KEYWORDS,
    READ_CALLS,
    READ_METHODS,
    READ_NAMES,
    READ_WORDS,
    TELLING_NAMES,
    WRITE_SUFFIXES,
    effect_of,
    effect_of_shell,
    imported_names,
    is_archive,
    last_name,
    opens_for,
    qualify,
    read_path,
)
from nbtools.rules.constant_paths import Value, evaluate
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.syntax import child_nodes, walk_nodes

_SHELLS = frozenset({"shell", "shell_lines", "run_script", "os.system", "os.popen"})
_MOVES = frozenset({"os.chdir", "change_directory", "contextlib.chdir", "os.fchdir"})
_SAYS_NOTHING = frozenset({"print", "display", "str", "len", "os.path.join", "pathlib.Path"})
_OF_TEXT = re.compile(r"(?!os\.|shutil\.).*\.(?:format|join|split|replace|strip|lower|upper)")
_CATCHES = re.compile(r".*\b(?:raises|suppress|assertRaises\w*)")
_DEEPEST = 5  # calls of the notebook's functions in one another
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that is read for sure, and that the notebook has not written before."""

    path: str  # relative, as the notebook puts it together
    position: int  # of the cell, in `Program.cells`
    node: ast.Call


@dataclass(slots=True)
class _Frame:
    """Code that runs: where it stands, and what is known of its names."""

    position: int
    values: dict[str, Value]
    caller: tuple[int, ast.Call] | None = None  # of a function's body: who called it
    hidden: frozenset[str] = frozenset()  # the function's parameters


@dataclass(slots=True)
class _Run:
    imports: Mapping[str, str]
    found: list[FileRead] = field(default_factory=list)
    functions: dict[str, tuple[int, _Function]] = field(default_factory=dict)
    mentions: list[str] = field(default_factory=list)  # texts given to calls that may write
    suffixes: set[str] = field(default_factory=set)  # of files that were perhaps written
    lost: bool = False  # anything may have been written, or the folder is another
    calling: list[str] = field(default_factory=list)
    touching: dict[int, bool] = field(default_factory=dict)  # see `touches_files`

    # --- statements --------------------------------------------------------------------------

    def run_all(self, body: list[ast.stmt], frame: _Frame, sure: bool) -> bool:
        """Follow statements; whether what stands behind them surely runs too."""
        for node in body:
            if self.lost:
                return False
            sure = self.run(node, frame, sure) and sure
        return sure

    def run(self, node: ast.stmt, frame: _Frame, sure: bool) -> bool:
        if isinstance(node, _LATER):
            self.define(node, frame)
        elif isinstance(node, ast.If):
            self.look(node.test, frame, sure)
            self.branch([node.body, node.orelse], frame)
            return not _leaves(node)
        elif isinstance(node, ast.While):
            self.look(node.test, frame, sure)
            _forget(node, frame)
            self.branch([node.body, node.orelse], frame)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.look(node.iter, frame, sure)
            _forget(node, frame)
            self.run_all(node.body, frame, sure)
            self.run_all(node.orelse, frame, False)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self.look(item.context_expr, frame, sure)
                sure = sure and not self.catches(item.context_expr)
            _forget_targets(node, frame)
            return self.run_all(node.body, frame, sure)
        elif hasattr(node, "handlers"):
            self.run_try(node, frame, sure)
        elif isinstance(node, ast.Match):
            self.look(node.subject, frame, sure)
            self.branch([case.body for case in node.cases], frame)
            return not _leaves(node)
        else:
            self.run_simple(node, frame, sure)
        return True

    def run_try(self, node: ast.stmt, frame: _Frame, sure: bool) -> None:
        assert isinstance(node, ast.Try) or type(node).__name__ == "TryStar"
        handlers = getattr(node, "handlers", [])
        inside = sure and not handlers
        self.run_all(getattr(node, "body", []), frame, inside)
        self.branch([handler.body for handler in handlers], frame)
        self.run_all(getattr(node, "orelse", []), frame, inside)
        self.run_all(getattr(node, "finalbody", []), frame, sure)
        _forget(node, frame)

    def branch(self, bodies: list[list[ast.stmt]], frame: _Frame) -> None:
        """Code that may run or not: what it binds is unknown afterwards."""
        for body in bodies:
            self.run_all(body, frame, False)
        for body in bodies:
            for node in body:
                _forget(node, frame)

    def run_simple(self, node: ast.stmt, frame: _Frame, sure: bool) -> None:
        for child in child_nodes(node):
            if isinstance(child, ast.expr):
                self.look(child, frame, sure)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                self.assign(target.id, node.value, frame)
                return
        _forget(node, frame)

    def assign(self, name: str, value: ast.expr, frame: _Frame) -> None:
        known = evaluate(value, frame.values, self.imports)
        if known is None:
            frame.values.pop(name, None)
        else:
            frame.values[name] = known
        if isinstance(value, ast.Lambda):
            self.functions[name] = (frame.position, value)

    def define(self, node: ast.stmt, frame: _Frame) -> None:
        if isinstance(node, ast.ClassDef):
            for part in node.body:  # nobody can tell when its methods run
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.run_all(part.body, _inner(frame, part), False)
                else:
                    self.run(part, _Frame(frame.position, dict(frame.values)), False)
            frame.values.pop(node.name, None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions[node.name] = (frame.position, node)
            frame.values.pop(node.name, None)

    def catches(self, node: ast.expr) -> bool:
        name = qualify(node.func, self.imports) if isinstance(node, ast.Call) else None
        return name is None or bool(_CATCHES.fullmatch(name))

    # --- expressions -------------------------------------------------------------------------

    def look(self, node: ast.expr, frame: _Frame, sure: bool) -> None:
        """Follow the calls of an expression, inner ones first."""
        if isinstance(node, ast.Constant | ast.Name):
            return
        if isinstance(node, ast.Lambda):
            self.look(node.body, _inner(frame, node), False)
            return
        if isinstance(node, ast.IfExp):
            self.look(node.test, frame, sure)
            self.look(node.body, frame, False)
            self.look(node.orelse, frame, False)
            return
        if isinstance(node, ast.BoolOp):
            self.look(node.values[0], frame, sure)
            for value in node.values[1:]:
                self.look(value, frame, False)
            return
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            frame = _Frame(frame.position, dict(frame.values), frame.caller, frame.hidden)
            _forget(node, frame)
            sure = sure and not any(each.ifs for each in node.generators)
        for child in child_nodes(node):
            if isinstance(child, ast.expr):
                self.look(child, frame, sure)
            elif isinstance(child, ast.keyword | ast.comprehension):
                for inner in child_nodes(child):
                    if isinstance(inner, ast.expr):
                        self.look(inner, frame, sure)
        if isinstance(node, ast.Call):
            self.call(node, frame, sure)

    def call(self, node: ast.Call, frame: _Frame, sure: bool) -> None:
        name = qualify(node.func, self.imports)
        if name is None:
            name = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
        if name in self.functions:
            self.call_own(name, node, frame, sure)
            return
        self.hand_over(node, frame)
        path = self.path_read(name, node, frame)
        if path is not None:
            self.read(path, node, frame, sure)
        elif name in _SHELLS:
            self.run_shell(name, node, frame)
        elif name in _MOVES:
            self.lost = True
        elif name not in _SAYS_NOTHING and not _OF_TEXT.fullmatch(name):
            self.write(name, node, frame)
        if name == "runpy.run_path":
            self.lost = True  # the script may write

    def hand_over(self, node: ast.Call, frame: _Frame) -> None:
        """Functions of the notebook that are given to others run when nobody can tell."""
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(argument, ast.Name) and argument.id in self.functions:
                self.call_own(argument.id, node, frame, False, unknown=True)

    def call_own(
        self, name: str, node: ast.Call, frame: _Frame, sure: bool, *, unknown: bool = False
    ) -> None:
        position, function = self.functions[name]
        stop = name in self.calling or len(self.calling) >= _DEEPEST
        stop = stop or not self.touches_files(function)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if stop or unknown or evaluate(argument, frame.values, self.imports) is None:
                self.mention(argument, frame)
        if stop:
            return
        inner = _Frame(position, dict(frame.values), (frame.position, node))
        _bind_arguments(function, None if unknown else node, inner, self.imports)
        self.calling.append(name)
        if isinstance(function, ast.Lambda):
            self.look(function.body, inner, sure)
        else:
            self.run_all(function.body, inner, sure)
        self.calling.pop()
        for each in walk_nodes(function):
            if isinstance(each, ast.Global):
                for changed in each.names:
                    frame.values.pop(changed, None)

    def touches_files(self, function: _Function) -> bool:
        """Whether its body, or a function of the notebook that it names, may use files."""
        known = self.touching.get(id(function))
        if known is None:
            self.touching[id(function)] = False  # for those that call themselves
            known = any(self.is_telling(node) for node in walk_nodes(function))
            self.touching[id(function)] = known
        return known

    def is_telling(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            own = self.functions.get(node.id)
            return own is not None and self.touches_files(own[1])
        if not isinstance(node, ast.Call):
            return False
        return (called := last_name(node.func)) in TELLING_NAMES or effect_of(
            f"os.{called}"
        ) != "none"

    # --- reads and writes --------------------------------------------------------------------

    def path_read(self, name: str, node: ast.Call, frame: _Frame) -> ast.expr | None:
        """The expression for the path that a call reads; None if it reads none."""
        if name in READ_CALLS:
            return read_path(name, node) if opens_for(name, node) == "read" else None
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in READ_METHODS:
            return None
        value = evaluate(function.value, frame.values, self.imports)
        if not isinstance(value, PurePosixPath):
            return None
        if function.attr == "open" and opens_for("", _shifted(node)) == "write":
            return None
        return function.value

    def read(self, path: ast.expr, node: ast.Call, frame: _Frame, sure: bool) -> None:
        value = evaluate(path, frame.values, self.imports)
        if not sure or value is None or isinstance(value, int) or self.may_be_written(str(value)):
            return
        position, place = frame.position, node
        if frame.caller is not None and _names(path) & frame.hidden:
            position, place = frame.caller
        self.found.append(FileRead(str(value), position, place))

    def may_be_written(self, path: str) -> bool:
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

    def write(self, name: str, node: ast.Call, frame: _Frame) -> None:
        """Keep what any other call is told: it may be the name of a file that it makes."""
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        told = [text for each in arguments for text in self.mention(each, frame)]
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if receiver is not None:
            told += self.mention(receiver, frame)
        last = name.rpartition(".")[2]
        effect = effect_of(name) if name not in READ_CALLS else "writes"
        if effect == "anything":
            self.lost = self.lost or not self.is_harmless_program(node, frame)
        elif effect == "writes" and not any(map(_is_file_name, told)):
            known = WRITE_SUFFIXES.get(last) or self.constant_suffix(node)
            self.suffixes |= known or frozenset()
            self.lost = self.lost or not known
        if effect == "writes" and any(map(is_archive, told)):
            self.lost = True

    def is_harmless_program(self, node: ast.Call, frame: _Frame) -> bool:
        words = [text for each in node.args for text in _texts(each)]
        return bool(words) and effect_of_shell(" ".join(words)) == "none"

    def constant_suffix(self, node: ast.Call) -> frozenset[str]:
        """`.csv` of `open(f"{name}.csv", "w")`."""
        for argument in node.args[:2]:
            texts = _texts(argument)
            found = re.search(r"\.\w{1,8}$", texts[-1]) if texts else None
            if found:
                return frozenset({found[0].lower()})
        return frozenset()

    def mention(self, node: ast.expr, frame: _Frame) -> list[str]:
        value = evaluate(node, frame.values, self.imports)
        if isinstance(value, str | PurePosixPath):
            texts = [str(value)]
        else:
            texts = _texts(node)
            texts += [str(frame.values[name]) for name in _names(node) & frame.values.keys()]
        self.mentions += texts
        return texts

    def run_shell(self, name: str, node: ast.Call, frame: _Frame) -> None:
        texts = [text for each in node.args for text in self.mention(each, frame)]
        command = " ".join(texts)
        if name == "run_script":  # `%%bash`: its text comes second
            shells = ("bash", "sh", "zsh")
            command = " ".join(texts[1:]) if texts[:1] and texts[0] in shells else "python x"
        if not texts or effect_of_shell(command) == "anything":
            self.lost = True


def find_reads(program: Program) -> tuple[FileRead, ...]:
    """The reads of relative paths that are not there, in the order of a run, each path once."""
    imports = imported_names(each for cell in program.cells for each in cell.facts.imports)
    if program.folder is None or not _may_miss(program, program.folder, imports):
        return ()
    run = _Run(imports)
    values: dict[str, Value] = {}
    for position, cell in enumerate(program.cells):
        if not skips(cell.cell):
            sure = "raises-exception" not in cell.cell.tags
            run.run_all(cell.tree.body, _Frame(position, values), sure)
            _see_unread(cell, run)
    return tuple(_first_of_each(run.found, program.folder))


def _may_miss(program: Program, folder: Path, imports: Mapping[str, str]) -> bool:
    """Whether some call reads what may be a relative path that is not there: a quick look."""
    constant: set[str] = set(imports)
    calls: list[ast.expr] = []
    for cell in program.cells:
        if not any(word in cell.cell.source for word in READ_WORDS):
            constant.update(_assigned(cell) if "=" in cell.cell.source else ())
            continue
        constant.update(_assigned(cell))
        constant.update(each.arg for each in cell.nodes(ast.arg))
        for node in cell.nodes(ast.Call):
            last = last_name(node.func)
            if last in READ_NAMES:
                calls += node.args[:1]
                calls += (k.value for k in node.keywords if k.arg in PATH_KEYWORDS)
            if last in READ_METHODS and isinstance(node.func, ast.Attribute):
                calls.append(node.func.value)
    return any(_may_be_missing(path, folder, constant) for path in calls)


def _assigned(cell: CodeCell) -> Iterator[str]:
    """Names that the cell gives values which may be constant."""
    kinds = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)
    for node in cell.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, kinds):
            yield from _names(node.targets[0])


def _may_be_missing(path: ast.expr, folder: Path, constant: set[str]) -> bool:
    if isinstance(path, ast.Constant):
        text = path.value
        return isinstance(text, str) and _is_relative(text) and not is_there(folder / text)
    if isinstance(path, ast.Attribute | ast.Subscript):
        return False
    return _names(path) <= constant


def _see_unread(cell: CodeCell, run: _Run) -> None:
    """Magics and broken cells that nobody follows may write what they name."""
    run.mentions += (magic.text for magic in cell.plain.magics)
    if cell.refusal is not None or any(not magic.replaced for magic in cell.plain.magics):
        run.mentions.append(cell.cell.source)


def _first_of_each(found: list[FileRead], folder: Path) -> Iterator[FileRead]:
    seen: set[str] = set()
    for each in found:
        if each.path not in seen and _is_relative(each.path):
            seen.add(each.path)
            if not is_there(folder / each.path):
                yield each


def is_there(path: Path) -> bool:
    """Whether a file or folder exists, links followed; True if nobody can tell."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name the file system refuses, a folder nobody may read
        return True


def _is_relative(path: str) -> bool:
    if not path.strip() or len(path) > 250 or path[0] in "/~\\<{[" or "://" in path:
        return False
    return not re.search(r"[\n*?\0]|^[A-Za-z]:|^https?:|^s3:", path)


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


def _names(node: ast.AST) -> frozenset[str]:
    if isinstance(node, ast.Name):
        return frozenset((node.id,))
    return frozenset(each.id for each in walk_nodes(node) if isinstance(each, ast.Name))


def _forget(node: ast.AST, frame: _Frame) -> None:
    if not frame.values or isinstance(node, ast.Expr):
        return  # `(x := 1)` alone is too rare to look for
    for each in walk_nodes(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            frame.values.pop(each.id, None)


def _forget_targets(node: ast.With | ast.AsyncWith, frame: _Frame) -> None:
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


def _inner(frame: _Frame, function: _Function) -> _Frame:
    inner = _Frame(frame.position, dict(frame.values), frame.caller)
    _bind_arguments(function, None, inner, {})
    return inner


def _bind_arguments(
    function: _Function, call: ast.Call | None, frame: _Frame, imports: Mapping[str, str]
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
    known: dict[str, ast.expr] = {name: each for name, each in defaults}
    known |= dict(zip(names, call.args, strict=False))
    known |= {
        each.arg: each.value for each in call.keywords if each.arg in frame.hidden and each.arg
    }
    for name, value in known.items():
        constant = evaluate(value, given, imports)
        if constant is not None:
            frame.values[name] = constant
