"""What `from m import *` binds, read from the module's text: nothing is imported or executed.

A module is read as an interpreter would run it, but only as far as names go: statements in order,
both sides of a branch, `__all__` as far as it is made of strings that can be seen. Where that does
not reach (compiled modules, `__all__` taken from a registry), a table shipped in `data/` answers;
`tests/tools/make_module_tables.py` writes it. Where neither does, the answer is None: unknown.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

from msgspec import Struct, field, json

from nbtools.syntax import dotted_name

_DATA = Path(__file__).parent / "data"
_MAX_BYTES = 2_000_000  # of one module's text; sympy's longest is a quarter of that
_MAX_MODULES = 400  # read for one question; matplotlib.pylab, a large one, takes about 60
_MAX_HOPS = 12  # from one name to the name it was imported from
_SCRIPT = "__main__"

# Modules of the standard library of some Python from 3.8 to 3.14 but not of all, so that the same
# notebook gives the same requirements under each.
_STDLIB_OF_SOME_VERSION = frozenset(
    "aifc annotationlib asynchat asyncore audioop binhex cgi cgitb chunk compression crypt"
    " distutils dummy_threading formatter imghdr imp lib2to3 macpath mailcap msilib nis nntplib"
    " ossaudiodev parser pipes smtpd sndhdr spwd sunau symbol telnetlib tomllib uu xdrlib".split()
)


def star_names(module: str, folder: Path | None) -> frozenset[str] | None:
    """The names that `from module import *` binds; None if that cannot be known.

    Args:
        module: Dotted and absolute; a relative import has no meaning in a notebook: None.
        folder: Where the notebook is; None: it has no place, only the environment is searched.
    """
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    return _star_names(module, folder if local_module(module, folder) else None)


def script_names(path: Path) -> frozenset[str] | None:
    """The names that `%run path` leaves in the notebook; None if that cannot be known.

    `__all__` plays no part there, and `_private` names come along.
    """
    namespace = _World(path.parent).run_file(_SCRIPT, path)
    if namespace is None or not namespace.complete:
        return None
    return frozenset(name for name in namespace.names if not name.startswith("__"))


def find_module_file(module: str, folder: Path | None) -> Path | None:
    """The file that `import module` would run, source or compiled; None: not found, or no file.

    Searched in Python's order: the notebook's folder, the standard library, the site-packages of
    the active environment, those of this interpreter.
    """
    roots: Iterable[Path] = _environment_roots()
    if folder is not None and module.partition(".")[0] not in sys.builtin_module_names:
        roots = (folder, *roots)
    if module == "os.path":
        module = os.path.__name__  # the one dotted module of the library that is no file of its own
    return _find_under(module, tuple(roots))


def is_stdlib(module: str) -> bool:
    """Tell whether a dotted name belongs to the standard library of any Python since 3.8."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _STDLIB_OF_SOME_VERSION


def local_module(module: str, folder: Path | None) -> bool:
    """Tell whether a dotted name is found beside the notebook: m.py, m/__init__.py, a folder m.

    A folder without `__init__.py` counts if it holds Python files and is not named as a library
    is (Python, too, prefers an installed package to such a folder).
    """
    top = module.partition(".")[0]
    if folder is None or top in sys.builtin_module_names:
        return False
    if _find_under(top, (folder,)) is not None:
        return True
    return not is_stdlib(top) and top not in known_modules() and _holds_python(folder / top)


def stems_in(folder: Path) -> frozenset[str]:
    """The names in a folder up to their first dot: no other module is found there."""
    try:
        return _list_stems(str(folder), os.stat(folder).st_mtime_ns)
    except OSError:
        return frozenset()


@lru_cache(maxsize=1024)
def _list_stems(folder: str, changed: int) -> frozenset[str]:  # noqa: ARG001
    """As `stems_in`; `changed` is when an entry came or went last."""
    return frozenset(name.partition(".")[0] for name in os.listdir(folder))


def known_modules() -> Collection[str]:
    """Top-level modules that nbtools knows as libraries."""
    return _library_table("names").keys() | load_table("distributions").keys()


def forget_modules() -> None:
    """Drop what this process remembers of modules and of the environment."""
    for remembered in (_star_names, _environment_roots, _numpy_version):
        remembered.cache_clear()


# --- Finding a module's file -------------------------------------------------------------------


@cache
def _environment_roots() -> tuple[Path, ...]:
    """Folders that hold modules, in Python's order, each once.

    `sys.path` is not used as it stands: its first entry is nbtools' own, or wherever the user was.
    """
    stdlib = Path(os.__file__).parent
    roots = [stdlib, stdlib / "lib-dynload"]
    sites = [site for variable in ("VIRTUAL_ENV", "CONDA_PREFIX") for site in _sites(variable)]
    sites += [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "-packages"))]
    for site in sites:
        roots += [site, *_linked_folders(site)]
    return tuple(dict.fromkeys(roots))


def _sites(variable: str) -> list[Path]:
    """The site-packages of the environment that a variable names."""
    prefix = os.environ.get(variable)
    if not prefix:
        return []
    windows = Path(prefix, "Lib", "site-packages")
    return [*sorted(Path(prefix).glob("lib/python3*/site-packages"), reverse=True), windows]


def _linked_folders(site: Path) -> Iterator[Path]:
    """Folders that .pth files add: editable installs."""
    for link in sorted(site.glob("*.pth")):
        try:
            lines = link.read_text("utf-8").splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            if line.strip() and not line.startswith(("import ", "import\t", "#")):
                yield site / line.strip()


def _find_under(module: str, roots: tuple[Path, ...]) -> Path | None:
    """Walk down a dotted name as the import system does, parents not imported."""
    found: Path | None = None
    for part in module.split("."):
        found, roots = _find_part(part, roots)
        if not roots and found is None:
            return None
    return found


def _find_part(name: str, roots: tuple[Path, ...]) -> tuple[Path | None, tuple[Path, ...]]:
    """The file of one module, and the folders where its submodules are.

    A folder without `__init__.py` (a namespace package) yields to a module in any later root.
    """
    portions = []
    for root in roots:
        package = root / name
        if (package / "__init__.py").is_file():
            return package / "__init__.py", (package,)
        for suffix in _module_suffixes():
            if (file := root / f"{name}{suffix}").is_file():
                return file, ()
        if package.is_dir():
            portions.append(package)
    return None, tuple(portions)


@cache
def _module_suffixes() -> tuple[str, ...]:
    from importlib.machinery import EXTENSION_SUFFIXES  # here: few notebooks ask

    return (*EXTENSION_SUFFIXES, ".py")


def _holds_python(folder: Path) -> bool:
    """Tell whether a folder, or a folder in it, has a Python file."""
    return any(any(folder.glob(pattern)) for pattern in ("*.py", "*/*.py"))


# --- Tables ------------------------------------------------------------------------------------


@cache
def load_table(name: str) -> Mapping[str, object]:
    """A table shipped in `data/`: "stdlib", "libraries", "distributions"."""
    table: Mapping[str, object] = json.decode((_DATA / f"{name}.json").read_bytes())
    return table


def _library_table(part: str) -> Mapping[str, object]:
    table = load_table("libraries")[part]
    assert isinstance(table, dict)  # the file is ours
    return table


def table_names(module: str) -> frozenset[str] | None:
    """What the shipped tables say that `from module import *` binds; None: not in them."""
    by_version = load_table("stdlib").get(module)
    if isinstance(by_version, dict):
        return _names_at(by_version, sys.version_info[:2])
    by_version = _library_table("names").get(module)
    if isinstance(by_version, dict):
        return _names_at(by_version, _numpy_version() if len(by_version) > 1 else None)
    return None


@cache
def _numpy_version() -> tuple[int, ...] | None:
    """The installed numpy's version, read from the name of a folder; None: not installed."""
    for root in _environment_roots():
        for info in sorted(root.glob("numpy-*.dist-info")):
            version = info.name.removesuffix(".dist-info").split("-")[1].split(".")
            return tuple(int(number) for number in version if number.isdecimal())
    return None


def _names_at(
    by_version: Mapping[str, str], version: tuple[int, ...] | None
) -> frozenset[str] | None:
    """Add up what each version added and (with a "-") removed, up to one of them.

    No version means the newest. None if the module came later, or was gone by then ("-" alone).
    A version older than all that are recorded gets the oldest.
    """
    names: set[str] = set()
    for since, changes in by_version.items():
        if names and version is not None and tuple(map(int, since.split("."))) > version:
            break
        words = changes.split()
        if words == ["-"]:
            names.clear()
        names -= {word[1:] for word in words if word.startswith("-")}
        names |= {word for word in words if not word.startswith("-")}
    return frozenset(names) or None


# --- Reading a module --------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _star_names(module: str, folder: Path | None) -> frozenset[str] | None:
    return _World(folder).star(module)


class _Reference(Struct, frozen=True):
    """A value that stands elsewhere: a module, or a name in one."""

    target: str  # dotted, absolute


_Strings = tuple[str, ...]
_Value = _Strings | _Reference | None  # None: something that says nothing about names


class _Namespace(Struct):
    """The names of one module while it is read."""

    module: str
    package: str  # what a relative import starts from
    names: dict[str, _Value] = field(default_factory=dict)
    complete: bool = True  # False: it may bind names that cannot be seen

    def public_names(self) -> frozenset[str]:
        return frozenset(name for name in self.names if not name.startswith("_"))


class _World:
    """The modules read to answer one question, as `sys.modules` holds those of a process.

    A module that is met again while it is being read shows the names it has so far, as Python's
    half-initialised modules do: that is what ends cycles.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.loaded: dict[str, _Namespace | None] = {}

    def star(self, module: str) -> frozenset[str] | None:
        """The names a star import of `module` binds, from its text or else from the tables."""
        if self._is_local(module):
            return self._exported(self.load(module))
        if module in load_table("stdlib") or module in _library_table("unreadable"):
            return table_names(module)
        exported = self._exported(self.load(module))
        return table_names(module) if exported is None else exported

    def load(self, module: str) -> _Namespace | None:
        """Read a module, once; None if there is no text that can be read."""
        if module not in self.loaded:
            path = find_module_file(module, self.folder)
            if path is None or len(self.loaded) >= _MAX_MODULES:
                self.loaded[module] = None
            else:
                self.run_file(module, path)
        return self.loaded[module]

    def run_file(self, module: str, path: Path) -> _Namespace | None:
        tree = _parse_file(path)
        if tree is None:
            self.loaded[module] = None
            return None
        is_package = path.name == "__init__.py"
        namespace = _Namespace(module, module if is_package else module.rpartition(".")[0])
        self.loaded[module] = namespace
        try:
            _Execution(self, namespace).run(tree)
        except RecursionError:
            namespace.complete = False
            namespace.names["__all__"] = None
        return namespace

    def strings(self, value: _Value, hops: int = 0) -> _Strings | None:
        """The strings a value is made of, wherever it was imported from."""
        if not isinstance(value, _Reference):
            return value
        if hops > _MAX_HOPS:
            return None  # two modules that take their names from each other
        module, _, name = value.target.rpartition(".")
        owner = self.namespace(module, hops)
        if name == "__all__":
            names = self._exported(owner, hops + 1) if owner else table_names(module)
            return None if names is None else tuple(sorted(names))
        if owner is None:
            return None
        return self.strings(owner.names.get(name), hops + 1)

    def namespace(self, dotted: str, hops: int = 0) -> _Namespace | None:
        """The module that a dotted expression means: by its own name, or by one it is bound to."""
        if (found := self.load(dotted)) is not None or hops > _MAX_HOPS:
            return found
        parent, _, name = dotted.rpartition(".")
        owner = self.namespace(parent, hops + 1) if parent else None
        value = owner.names.get(name) if owner else None
        if isinstance(value, _Reference) and value.target != dotted:
            return self.namespace(value.target, hops + 1)
        return None

    def bind_submodules(self, module: str) -> None:
        """Importing a.b.c leaves `b` in a and `c` in a.b."""
        package, _, rest = module.partition(".")
        while rest:
            name, _, rest = rest.partition(".")
            if (namespace := self.loaded.get(package)) is not None:
                namespace.names.setdefault(name, _Reference(f"{package}.{name}"))
            package = f"{package}.{name}"

    def _exported(self, namespace: _Namespace | None, hops: int = 0) -> frozenset[str] | None:
        if namespace is None:
            return None
        if "__all__" in namespace.names:
            listed = self.strings(namespace.names["__all__"], hops)
            return None if listed is None else frozenset(listed)
        return namespace.public_names() if namespace.complete else None

    def _is_local(self, module: str) -> bool:
        return self.folder is not None and _find_under(module, (self.folder,)) is not None


def _parse_file(path: Path) -> ast.Module | None:
    """The syntax tree of a source file; None if it is too large or not this Python's."""
    try:
        if path.suffix in (".so", ".pyd") or path.stat().st_size > _MAX_BYTES:
            return None
        with warnings.catch_warnings():  # "\d" in somebody's module is not our user's concern
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_NAMESPACE_CALLS = ("dir", "globals", "locals", "vars")
_ORDERING = ("sort", "reverse", "copy", "index", "count")  # list methods that keep what is in it


class _Execution(ast.NodeVisitor):
    """Runs a module's statements in order, for the names they leave."""

    def __init__(self, world: _World, namespace: _Namespace) -> None:
        self.world = world
        self.here = namespace
        self.branches = 0  # how many statements that may not run enclose this one
        self.functions: dict[str, ast.AST] = {}  # looked into only when the module calls them

    def run(self, tree: ast.Module) -> None:
        for statement in tree.body:
            self.visit(statement)

    # Names

    def bind(self, name: str, value: _Value = None) -> None:
        old = self.here.names.get(name)
        if self.branches and isinstance(old, tuple) and isinstance(value, tuple):
            value = _unite(old, value)  # whichever branch runs
        self.here.names[name] = value

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bind(node.id)
        elif isinstance(node.ctx, ast.Del):
            self.here.names.pop(node.id, None)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.assign(node.target, self.evaluate(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            name = ast.Name(node.target.id, ast.Load())
            self.here.names[name.id] = self.strings(ast.BinOp(name, node.op, node.value))
        else:
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.assign(node.target, self.evaluate(node.value))

    def assign(self, target: ast.expr, value: _Value) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        else:
            self.visit(target)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.generic_visit(node)
        if node.name:
            self.bind(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.bind(node.rest)

    # Imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.world.bind_submodules(alias.name)
            top = alias.name.partition(".")[0]
            self.bind(alias.asname or top, _Reference(alias.name if alias.asname else top))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.absolute(node)
        if module:
            self.world.bind_submodules(module)
        for alias in node.names:
            if alias.name == "*":
                self.import_star(module)
            else:
                target = f"{module}.{alias.name}" if module else None
                self.bind(alias.asname or alias.name, _Reference(target) if target else None)

    def import_star(self, module: str) -> None:
        names = self.world.star(module) if module else None
        if names is None:
            self.here.complete = False
            return
        for name in names:
            self.bind(name, _Reference(f"{module}.{name}"))

    def absolute(self, node: ast.ImportFrom) -> str:
        """The absolute name of what is imported from; "" if it leads out of the package."""
        if not node.level:
            return node.module or ""
        parts = self.here.package.split(".") if self.here.package else []
        if node.level > len(parts):
            return ""
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, node.module] if node.module else parts)

    # Blocks

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        verdict = _decide(node.test, script=self.here.module == _SCRIPT)
        self.branches += verdict is None
        for statement in (node.body if verdict is not False else []) + (
            node.orelse if not verdict else []
        ):
            self.visit(statement)
        self.branches -= verdict is None

    def visit_branches(self, node: ast.AST) -> None:
        self.branches += 1
        self.generic_visit(node)
        self.branches -= 1

    visit_For = visit_While = visit_Try = visit_TryStar = visit_Match = visit_branches

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bind(node.name)
        self.generic_visit(node)
        if node.name:
            self.here.names.pop(node.name, None)  # Python deletes it, too

    # Functions and classes: only their names, unless they are called at once

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.visit_decorators(node)
        self.functions[node.name] = node
        self.bind(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.visit_decorators(node)
        self.bind(node.name)

    def visit_decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
            if isinstance(decorator, ast.Name):
                self.call(decorator.id)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Its body runs later, in a scope of its own."""

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)  # the target is the comprehension's own
        for condition in node.ifs:
            self.visit(condition)

    # Calls that change the module

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Name):
            self.call(function.id)
            if function.id == "setattr" and node.args:
                own = _Reference(self.here.module)
                self.here.complete &= self.evaluate(node.args[0]) != own
        elif isinstance(function, ast.Attribute):
            if function.attr == "_convert_" or _is_namespace(function.value):
                self.here.complete &= function.attr in ("keys", "items", "values", "get", "copy")
            elif isinstance(function.value, ast.Name):
                self.call_method(function.value.id, function.attr, node.args)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store) and (_is_namespace(node.value) or _is_own_module(node)):
            self.here.complete = False

    def call(self, name: str) -> None:
        """Call a function by its bare name: what may it do to the module?"""
        if name == "exec":
            self.here.complete = False
        if name not in self.functions:
            return
        for node in ast.walk(self.functions.pop(name)):
            if isinstance(node, ast.Global):
                for changed in node.names:
                    self.here.names[changed] = None
            elif isinstance(node, ast.Call) and _is_namespace(node):
                self.here.complete = False
            elif isinstance(node, ast.Name) and node.id == "__all__":
                self.here.names["__all__"] = None

    def call_method(self, name: str, method: str, arguments: list[ast.expr]) -> None:
        """Follow what the methods of a list do to one that is known."""
        old = self.here.names.get(name)
        if not isinstance(old, tuple) or method in _ORDERING:
            return
        given = self.strings(arguments[-1]) if method == "extend" and arguments else None
        if method in ("append", "insert", "remove", "add", "discard") and arguments:
            given = self.strings(ast.List([arguments[-1]], ast.Load()))
        if given is None:
            self.here.names[name] = None
        elif method in ("remove", "discard"):
            self.here.names[name] = tuple(text for text in old if text not in given)
        else:
            self.here.names[name] = _unite(old, given)

    # Values

    def strings(self, node: ast.expr) -> _Strings | None:
        return self.world.strings(self.evaluate(node))

    def evaluate(self, node: ast.expr) -> _Value:
        """What is known of an expression's value."""
        if isinstance(node, ast.Name):
            return self.here.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.evaluate(node.value)
            if isinstance(owner, _Reference):
                return _Reference(f"{owner.target}.{node.attr}")
            return None
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return self.evaluate_items(node.elts)
        if isinstance(node, ast.Subscript):
            return _Reference(self.here.module) if _is_own_module(node) else None
        if isinstance(node, ast.BinOp):
            return self.evaluate_operation(node)
        if isinstance(node, ast.Call):
            return self.evaluate_call(node)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return self.evaluate_comprehension(node)
        return None

    def evaluate_items(self, items: list[ast.expr]) -> _Strings | None:
        texts: list[str] = []
        for item in items:
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                texts.append(item.value)
            elif isinstance(item, ast.Starred) and (inner := self.strings(item.value)) is not None:
                texts += inner
            elif (name := self.name_attribute(item)) is not None:
                texts.append(name)
            else:
                return None
        return _unite(texts, ())

    def name_attribute(self, node: ast.expr) -> str | None:
        """`f.__name__`, as some modules write their lists."""
        if isinstance(node, ast.Attribute) and node.attr == "__name__":
            return node.value.id if isinstance(node.value, ast.Name) else None
        return None

    def evaluate_operation(self, node: ast.BinOp) -> _Strings | None:
        left, right = self.strings(node.left), self.strings(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Add | ast.BitOr):
            return _unite(left, right)
        if isinstance(node.op, ast.Sub):
            gone = frozenset(right)
            return tuple(text for text in left if text not in gone)
        return None

    def evaluate_call(self, node: ast.Call) -> _Strings | None:
        if _is_namespace(node):
            return tuple(self.here.names) if self.here.complete else None
        function = node.func
        if isinstance(function, ast.Name) and len(node.args) == 1:
            same = function.id in ("list", "tuple", "sorted", "set", "frozenset")
            return self.strings(node.args[0]) if same else None
        if not isinstance(function, ast.Attribute) or node.args:
            return None
        if function.attr == "split" and isinstance(function.value, ast.Constant):
            return tuple(str(function.value.value).split())
        return self.strings(function.value) if function.attr in ("copy", "keys") else None

    def evaluate_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
    ) -> _Strings | None:
        """`[name for name in <strings> if <a test on name>]`, nothing wider."""
        loop = node.generators[0]
        if len(node.generators) > 1 or not isinstance(node.elt, ast.Name):
            return None
        if not isinstance(loop.target, ast.Name) or loop.target.id != node.elt.id:
            return None
        texts = self.strings(loop.iter)
        try:
            kept = [t for t in texts or () if all(self.test(i, node.elt.id, t) for i in loop.ifs)]
        except (_CannotTellError, IndexError, TypeError):
            return None
        return None if texts is None else tuple(kept)

    def test(self, node: ast.expr, variable: str, text: str) -> object:
        """The value of a condition on a name. Raises _CannotTellError."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self.test(node.operand, variable, text)
        if isinstance(node, ast.BoolOp):
            combine = all if isinstance(node.op, ast.And) else any
            return combine(self.test(value, variable, text) for value in node.values)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left = self.operand(node.left, variable, text)
            return _compare(left, node.ops[0], self.operand(node.comparators[0], variable, text))
        return self.operand(node, variable, text)

    def operand(self, node: ast.expr, variable: str, text: str) -> object:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id == variable:
            return text
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return _pick(self.operand(node.value, variable, text), node.slice)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method, owner = node.func.attr, self.operand(node.func.value, variable, text)
            prefixes = [self.operand(argument, variable, text) for argument in node.args]
            if isinstance(owner, str) and method in ("startswith", "endswith"):
                return getattr(owner, method)(*prefixes)
        elif (texts := self.strings(node)) is not None:
            return texts
        raise _CannotTellError


def _unite(left: Iterable[str], right: Iterable[str]) -> _Strings:
    """Both, each text once: a module that doubles a list forty times must not cost memory."""
    return tuple(dict.fromkeys((*left, *right)))


class _CannotTellError(Exception):
    """A condition is of a kind that is not evaluated."""


def _compare(left: object, operator: ast.cmpop, right: object) -> bool:
    if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, str | tuple):
        return (left in right) == isinstance(operator, ast.In)
    if isinstance(operator, ast.Eq | ast.NotEq):
        return (left == right) == isinstance(operator, ast.Eq)
    raise _CannotTellError


def _pick(text: object, index: ast.expr) -> str:
    """`text[0]`, `text[:1]`."""
    if not isinstance(text, str):
        raise _CannotTellError
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return text[index.value]
    if isinstance(index, ast.Slice) and index.lower is None and index.step is None:
        upper = index.upper
        if isinstance(upper, ast.Constant) and isinstance(upper.value, int):
            return text[: upper.value]
    raise _CannotTellError


def _is_namespace(node: ast.expr) -> bool:
    """`globals()` and what else gives the names of the module at its top level."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _NAMESPACE_CALLS
        and not node.args
    )


def _is_own_module(node: ast.expr) -> bool:
    """`sys.modules[__name__]`."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "modules"
        and isinstance(node.slice, ast.Name)
        and node.slice.id == "__name__"
    )


def _decide(test: ast.expr, *, script: bool) -> bool | None:
    """The value of a condition that is the same in every run; None if it is not."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        verdict = _decide(test.operand, script=script)
        return None if verdict is None else not verdict
    if isinstance(test, ast.Name | ast.Attribute):
        name = test.id if isinstance(test, ast.Name) else test.attr
        return False if name == "TYPE_CHECKING" else None
    if isinstance(test, ast.Compare) and dotted_name(test.left) == "sys.platform":
        return _is_platform(test)
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        other = test.comparators[0]
        if test.left.id == "__name__" and isinstance(test.ops[0], ast.Eq):
            return script if isinstance(other, ast.Constant) and other.value == _SCRIPT else None
    return None


def _is_platform(test: ast.Compare) -> bool | None:
    """The value of `sys.platform == "linux"` or `in {"linux", "darwin"}`, here; None: another."""
    other = test.comparators[0]
    try:
        named = ast.literal_eval(other)
        texts = tuple(named) if isinstance(named, (set, list)) else named
        return _compare(sys.platform, test.ops[0], texts)
    except (ValueError, _CannotTellError):
        return None
