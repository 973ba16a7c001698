from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.analysis import modules
from nbtools.analysis.modules import (
    find_module_file,
    forget_modules,
    is_stdlib,
    local_module,
    script_names,
    star_names,
    table_names,
)


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    forget_modules()
    yield
    forget_modules()


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


# What the module m says, and what `from m import *` binds.
SOURCES = {
    "assignments": ("a = b = 1\nc, (d, *e) = f\ng: int\nh: int = 1\n_i = 1", "a b c d e h"),
    "definitions": ("def f(x): y = 1\nasync def g(): ...\nclass C:\n    z = 1", "f g C"),
    "imports": ("import os, a.b, a.c as d\nfrom e import f, g as h, _i", "os a d f h"),
    "blocks": (
        "if x:\n    a = 1\nelse:\n    b = 1\nfor c in d:\n    e = 1\nelse:\n    e2 = 1\n"
        "while f:\n    g = 1\nwith h as i, j as (k, l):\n    m = 1",
        "a b c e e2 g i k l m",
    ),
    "try": (
        "try:\n    import a\nexcept E as error:\n    a = b = None\nelse:\n    c = 1\n"
        "finally:\n    d = 1",
        "a b c d",
    ),
    "match": (
        "match x:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass\n"
        "    case C(y=e) as f: g = 1",
        "a b c d e f g",
    ),
    "walrus": ("[(a := i) for i in j]\nif (b := 1): pass\nlambda: (c := 1)", "a b"),
    "augmented": ("a = 1\na += 1\na.b = 1\na[c] = 1", "a"),
    "del": ("a = b = c = 1\ndel a, (b)\ndel c.d, c[0]", "c"),
    "deleted loop variable": ("for _ in (1,): a = 1\nfor b in (): pass\ndel b", "a"),
    "type checking": ("import a\nif a.TYPE_CHECKING:\n    b = 1\nelse:\n    c = 1", "a c"),
    "main": ("a = 1\nif __name__ == '__main__':\n    b = 1", "a"),
    "never": ("if False:\n    a = 1\nif not 0:\n    b = 1\nelse:\n    c = 1", "b"),
    "byte order mark": ("\ufeffa = 1", "a"),
    "empty": ("", ""),
    "all": ("__all__ = ['a', '_b']\na = _b = c = 1", "a _b"),
    "all: tuple": ("__all__ = 'a', 'b'", "a b"),
    "all: annotated": ("__all__: list[str] = ['a']\nb = 1", "a"),
    "all: grown": (
        "__all__ = ['a']\n__all__ += ['b']\n__all__.extend(('c', 'd'))\n__all__.append('e')\n"
        "__all__.insert(0, 'f')\n__all__.remove('a')\n__all__.sort()",
        "b c d e f",
    ),
    "all: concatenated": ("x = ['a']\ny = 'b c'.split()\n__all__ = x + list(y) + ['d']", "a b c d"),
    "all: starred": ("x = ('a',)\n__all__ = [*x, 'b']", "a b"),
    "all: sets": ("__all__ = list({'a', 'b'} | {'c'} - {'c'})", "a b"),
    "all: by name": ("def f(): ...\nclass C: ...\n__all__ = [f.__name__, C.__name__]", "f C"),
    "all: branches": ("__all__ = ['a']\nif x:\n    __all__ += ['b']\n"
        "try:\n    __all__.append('c')\nexcept E:\n    pass", "a b c"),
    "all: either": ("if x:\n    __all__ = ['a']\nelse:\n    __all__ = ['b']", "a b"),
    "all: dir": ("import os\na = _b = 1\n"
        "__all__ = [s for s in dir() if not s.startswith('_')]\nc = 1", "os a"),
    "all: globals": ("a = _b = c = 1\n"
        "__all__ = [n for n in globals() if n[:1] != '_' and n not in ['c']]", "a"),
    "all: filtered": ("x = ['a', 'b1', '_c']\n__all__ = sorted(n for n in x if n[0] != '_' and "
        "(n == 'a' or not n.endswith('1')))", "a"),
    "all: unused function": ("__all__ = ['a']\ndef f():\n    __all__.append('b')", "a"),
    "all: shown by __dir__": ("__all__ = ['a']\ndef __dir__():\n    return __all__", "a"),
    "all: nothing": ("__all__ = []\na = 1", ""),
    "all: hides what is dynamic": ("__all__ = ['a']\nglobals().update(b=1)", "a"),
    "function that binds a global": ("def f():\n    global a\n    a = 1\nf()", "a f"),
    "setattr of another": ("class C: ...\nsetattr(C, 'a', 1)", "C"),
    "all: doubled": ("__all__ = ['a']" + "\n__all__ += __all__" * 60, "a"),
    "all: doubled in a list": ("x = ['a']" + "\nx = [*x, *x]" * 60 + "\n__all__ = x", "a"),
    "globals only read": ("a = 1\nb = globals().keys()", "a b"),
    "star of the standard library": ("from heapq import *",
        "heappush heappop heapify heapreplace merge nlargest nsmallest heappushpop"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOURCES)
def test_star_names_of_a_module_beside_the_notebook(case: str, tmp_path: Path) -> None:
    source, expected = SOURCES[case]
    write_files(tmp_path, {"m.py": source})
    assert star_names("m", tmp_path) == frozenset(expected.split())


UNKNOWN = {
    "syntax error": "a = (",
    "Python 2": "print 'a'",
    "null byte": "a = 1\0",
    "unknown encoding": "# coding: nowhere\na = 1",
    "too deep": "a = " + "(" * 10_000 + ")" * 10_000,
    "long chain": "a = " + "-" * 100_000 + "1",
    "computed": "__all__ = find_names()",
    "computed by a loop": "__all__ = []\nfor x in y:\n    __all__ += x.__all__",
    "computed by a decorator": (
        "__all__ = []\ndef export(f):\n    __all__.append(f.__name__)\n    return f\n"
        "@export\ndef g(): ..."
    ),
    "unpacked": "__getattr__, __dir__, __all__ = lazy.attach(__name__)",
    "filter out of reach": "a = 1\n__all__ = [n for n in dir() if not inspect.ismodule(n)]",
    "exec": "exec('a = 1')",
    "globals": "globals()['a'] = 1",
    "globals in a function": "def f(): globals()['a'] = 1\nf()",
    "globals updated": "globals().update(a=1)",
    "module replaced": "import sys\nsys.modules[__name__] = object()",
    "setattr": "import sys\nsetattr(sys.modules[__name__], 'a', 1)",
    "setattr of a name": "import sys\nx = sys.modules[__name__]\nfor y in z: setattr(x, y, 1)",
    "star of a missing module": "from nowhere import *",
    "star out of the package": "from ..nowhere import *",
    "all of a missing module": "import nowhere\n__all__ = nowhere.__all__ + ['a']",
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_known_is_none(case: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(UNKNOWN[case])
    assert star_names("m", tmp_path) is None


PACKAGES: dict[str, tuple[dict[str, str], str, str]] = {
    "relative star": (
        {"m/__init__.py": "from .a import *\nfrom ._b import c", "m/a.py": "x = 1", "m/_b.py": ""},
        "m", "a c x",
    ),
    "parent's star": (
        {"m/__init__.py": "a = 1", "m/s/__init__.py": "from .. import *\nb = 1"}, "m.s", "a b",
    ),
    "all of submodules": (
        {
            "m/__init__.py": "from . import a, b\nfrom .c import __all__ as more\n"
            "__all__ = ['x'] + a.__all__ + b.__all__ + more",
            "m/a.py": "__all__ = ['y']", "m/b.py": "z = _w = 1", "m/c.py": "__all__ = ['v']",
        },
        "m", "x y z v",
    ),
    "all through two modules": (
        {
            "m/__init__.py": "from m import core\n__all__ = core.part.__all__.copy()",
            "m/core.py": "from . import part", "m/part.py": "__all__ = ['y']",
        },
        "m", "y",
    ),
    "names kept in another module": (
        {"m.py": "from n import NAMES\n__all__ = NAMES", "n.py": "NAMES = ('a', 'b')"}, "m", "a b",
    ),
    "a submodule imported becomes a name": (
        {"m/__init__.py": "import m.a.b\nfrom m.c import _x", "m/a/__init__.py": "", "m/c.py": ""},
        "m", "m a c",
    ),
    "cycle of two": (
        {"m.py": "a = 1\nfrom n import *", "n.py": "b = 1\nfrom m import *"}, "m", "a b",
    ),
    "cycle of one": ({"m.py": "a = 1\nfrom m import *\nb = 1"}, "m", "a b"),
    "cycle of three, one of them alone": (
        {
            "m.py": "from n import *\na = 1", "n.py": "from o import *\nb = 1",
            "o.py": "from m import *\nfrom o import *\nc = 1",
        },
        "m", "a b c",
    ),
    "cyclic all": (
        {"m.py": "import n\n__all__ = n.__all__", "n.py": "from m import __all__"}, "m", "?",
    ),
    "relative import outside of a package": (
        {"m.py": "from .n import *", "n.py": "a = 1"}, "m", "?",
    ),
    "folder without __init__": ({"m/a.py": "x = 1"}, "m.a", "x"),
    "package before module": ({"m/__init__.py": "a = 1", "m.py": "b = 1"}, "m", "a"),
    "no submodule of a module": ({"m.py": "a = 1"}, "m.n", "?"),
    "beside the notebook first": ({"random.py": "mine = 1"}, "random", "mine"),
    "no table for a local module": ({"numpy.py": "exec('a = 1')"}, "numpy", "?"),
}  # fmt: skip


@pytest.mark.parametrize("case", PACKAGES)
def test_star_names_of_packages_and_modules_that_import_each_other(
    case: str, tmp_path: Path
) -> None:
    files, module, expected = PACKAGES[case]
    write_files(tmp_path, files)
    answer = star_names(module, tmp_path)
    assert answer == (None if expected == "?" else frozenset(expected.split()))


@pytest.mark.parametrize("name", ["", ".", ".m", "m.", "m..n", "m n", "../m", "1"])
def test_what_is_no_module_name_is_unknown(name: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("a = 1")
    assert star_names(name, tmp_path) is None


def test_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("import pathlib\npathlib.Path(__file__ + '.ran').touch()")
    star_names("m", tmp_path)
    script_names(tmp_path / "m.py")
    assert [path.name for path in tmp_path.iterdir()] == ["m.py"]
    assert "m" not in sys.modules


def test_a_long_line_of_star_imports_ends(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"m{number}.py").write_text(f"from m{number + 1} import *")
    assert star_names("m0", tmp_path) is None


def test_a_module_that_needs_very_many_others_is_unknown(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"m{number}.py").write_text(f"a{number} = 1")
    (tmp_path / "m.py").write_text("\n".join(f"from m{i} import *" for i in range(600)))
    assert star_names("m", tmp_path) is None


def test_a_very_large_module_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("a = 1\n" + "#" * 2_000_000)
    assert star_names("m", tmp_path) is None


def test_warnings_of_a_module_stay_its_own(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    (tmp_path / "m.py").write_text("a = '\\d'\nb = 1 is 1")
    assert star_names("m", tmp_path) == frozenset("ab")
    assert not recwarn.list


# --- Properties ---

NAMES = st.sampled_from(["a", "b", "c", "_d", "e1"])
LISTS = st.lists(NAMES, max_size=3).map(repr)
STATEMENTS = st.one_of(
    st.builds("{} = 1".format, NAMES),
    st.builds("{} = {} = 1".format, NAMES, NAMES),
    st.builds("def {}(): z = 1".format, NAMES),
    st.builds("class {}: z = 1".format, NAMES),
    st.builds("import os.path as {}".format, NAMES),
    st.builds("from os import path as {}".format, NAMES),
    st.builds("for {} in (1,): {} = 1".format, NAMES, NAMES),
    st.builds("[({} := i) for i in (1,)]".format, NAMES),
    st.builds("try: 1 / 0\nexcept ZeroDivisionError as {}: pass".format, NAMES),
    st.builds("{} = 1\ndel {}".format, NAMES, NAMES).filter(lambda text: text[0] == text[-1]),
    st.builds("__all__ = {}".format, LISTS),
    st.builds("__all__ = [n for n in dir() if not n.startswith('_')]".format),
    st.builds("names = {}".format, LISTS),
    st.builds("__all__ = []\nif 1: __all__ += {}".format, LISTS),
    st.builds("from bisect import *".format),
)


@given(st.lists(STATEMENTS, max_size=8))
def test_straight_modules_bind_what_python_binds(statements: list[str]) -> None:
    source = "\n".join(statements)
    namespace: dict[str, object] = {"__name__": "m"}
    exec(source, namespace)
    public = {name for name in namespace if not name.startswith("_")}
    listed = namespace.get("__all__")
    expected = frozenset(listed if isinstance(listed, list) else public)

    assert read_source(source) == expected


def read_source(source: str) -> frozenset[str] | None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.py").write_text(source)
        return star_names("m", Path(folder))


STDLIB = """
abc argparse array ast base64 bisect bz2 calendar cmath codecs collections configparser contextlib
copy csv dataclasses datetime decimal difflib enum errno fractions functools gc glob gzip hashlib
heapq io itertools json keyword locale logging math numbers operator os os.path pathlib pickle
pprint queue random re resource select shutil signal socket sqlite3 ssl stat statistics string
struct sys tempfile textwrap threading time timeit token tokenize traceback turtle types typing
unicodedata urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree zlib
""".split()
IMPORT_ALL = """
import json, sys
answers = {}
for module in sys.argv[1:]:
    bound = {}
    try:
        exec(f"from {module} import *", bound)
    except ImportError:  # left out of this Python: tkinter, or on Windows
        continue
    answers[module] = sorted(bound.keys() - {"__builtins__", "__warningregistry__"})
print(json.dumps(answers))
"""


def import_all(names: list[str]) -> dict[str, list[str]]:
    """What star imports bind in a process of their own."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", IMPORT_ALL, *names]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answers: dict[str, list[str]] = json.loads(text.splitlines()[-1])
    return answers


@pytest.mark.skipif(sys.platform != "linux", reason="the tables were made on Linux")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the tables end with 3.13")
def test_the_standard_library_binds_what_it_does_when_imported() -> None:
    real = import_all(STDLIB)
    assert {name: sorted(star_names(name, None) or ()) for name in real} == real


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the tables end with 3.13")
def test_every_library_here_binds_at_least_what_it_does_when_imported() -> None:
    libraries = [*modules._library_table("names"), "click", "libcst", "nbformat", "hypothesis"]
    real = import_all([name for name in libraries if find_module_file(name, None)])
    known = {name: (star_names(name, None) or set()) | _submodules(name) for name in real}
    assert {name: set(real[name]) - known[name] for name in real} == {name: set() for name in real}


def _submodules(module: str) -> set[str]:
    """Submodules are names, too, once any module has imported them: that is not followed far."""
    path = find_module_file(module, None)
    if path is None or path.name != "__init__.py":
        return set()
    return {entry.name.split(".")[0] for entry in path.parent.iterdir()}


# --- Tables ---


@pytest.mark.parametrize(
    ("module", "some", "none_of"),
    [
        ("math", "sin cos pi sqrt", "abs _sin"),
        ("time", "sleep time perf_counter", ""),
        ("os", "path getcwd environ", "sys"),
        ("tkinter", "Tk Label END mainloop", "sys"),
        ("numpy", "array sin linspace ndarray linalg", "_core"),
        ("numpy.random", "rand randn seed default_rng", ""),
        ("numpy.linalg", "norm inv solve", ""),
        ("numpy.fft", "fft ifft fftfreq", ""),
        ("scipy", "linalg stats optimize", "array"),
        ("sympy", "symbols Symbol solve sin E I S N", "math"),
        ("sympy.abc", "x y z alpha", ""),
        ("pylab", "plot array sin rand norm fft np plt", ""),
        ("matplotlib.pylab", "plot array sin", ""),
        ("matplotlib.pyplot", "plot figure show np", "array"),
        ("pandas", "DataFrame Series read_csv", "np"),
        ("networkx", "Graph draw shortest_path", ""),
        ("seaborn", "lineplot heatmap set_theme", ""),
        ("ipywidgets", "interact IntSlider HBox", ""),
        ("IPython.display", "display HTML Image", ""),
        ("turtle", "forward Turtle done", ""),
    ],
)
def test_names_people_use_after_a_star_import(module: str, some: str, none_of: str) -> None:
    names = star_names(module, None)
    assert names is not None
    assert set(some.split()) <= names
    assert not names & set(none_of.split())


def test_names_of_a_python_version() -> None:
    by_version = {"3.10": "a b", "3.11": "c -a", "3.13": "-"}

    def at(version: tuple[int, int] | None) -> frozenset[str] | None:
        return modules._names_at(by_version, version)

    assert at((3, 9)) == at((3, 10)) == frozenset("ab")
    assert at((3, 12)) == frozenset("bc")
    assert at((3, 13)) is None
    assert at(None) is None


@pytest.mark.parametrize(
    ("installed", "expected", "gone"),
    [("1.26.4", "float_", "concat"), ("2.4.6", "concat", "float_")],
)
def test_the_installed_numpy_decides(
    installed: str, expected: str, gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib/python3.11/site-packages" / f"numpy-{installed}.dist-info").mkdir(parents=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    for module in ("numpy", "pylab"):
        names = star_names(module, None)
        assert names is not None
        assert expected in names
        assert gone not in names


def test_every_table_is_sorted_and_holds_only_names() -> None:
    tables = [modules.load_table("stdlib"), modules._library_table("names")]
    for table in tables:
        assert list(table) == sorted(table)
        for by_version in table.values():
            assert isinstance(by_version, dict)
            for line in by_version.values():
                names = [name for name in line.split() if not name.startswith("-")]
                assert names == sorted(set(names))
                assert all(name.isidentifier() for name in names)
    assert set(modules._library_table("unreadable")) <= set(tables[1])


def test_a_module_in_no_table_and_nowhere_is_unknown() -> None:
    assert table_names("nowhere") is None
    assert star_names("nowhere", None) is None


# --- Scripts ---


def test_a_script_leaves_what_it_ran(tmp_path: Path) -> None:
    source = (
        "from n import *\nimport os\n__all__ = ['a']\na = _b = 1\n"
        "def main():\n    global c\n    c = 1\n"
        "if __name__ == '__main__':\n    d = 1\n    main()\nelse:\n    e = 1"
    )
    write_files(tmp_path, {"s.py": source, "n.py": "x = _y = 1"})
    assert script_names(tmp_path / "s.py") == frozenset("os x a _b main c d".split())


@pytest.mark.parametrize("source", [None, "a = (", "exec('a = 1')", "from nowhere import *"])
def test_what_a_script_leaves_may_be_unknown(source: str | None, tmp_path: Path) -> None:
    if source is not None:
        (tmp_path / "s.py").write_text(source)
    assert script_names(tmp_path / "s.py") is None


# --- Files ---


def test_find_module_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, env = tmp_path / "here", tmp_path / "env"
    site = env / "lib" / "python3.12" / "site-packages"
    write_files(here, {"a.py": "", "p/q.py": "", "plain/readme.txt": "", "plain/sub.py": ""})
    write_files(site, {"a.py": "", "b/__init__.py": "", "b/c.py": "", "plain/__init__.py": ""})
    write_files(site, {"json.py": "", "links.pth": f"# no\nimport os\n{tmp_path / 'src'}\n\n"})
    write_files(tmp_path / "src", {"editable.py": ""})
    monkeypatch.setenv("VIRTUAL_ENV", str(env))

    assert find_module_file("a", here) == here / "a.py"
    assert find_module_file("a", None) == site / "a.py"
    assert find_module_file("b.c", here) == site / "b" / "c.py"
    assert find_module_file("p.q", here) == here / "p" / "q.py"
    assert find_module_file("p", here) is None
    assert find_module_file("plain", here) == site / "plain" / "__init__.py"
    assert find_module_file("plain.sub", here) is None
    assert find_module_file("editable", None) == tmp_path / "src" / "editable.py"
    assert find_module_file("json", None) == Path(os.__file__).parent / "json" / "__init__.py"
    assert find_module_file("nowhere.at.all", here) is None


def test_finding_does_not_depend_on_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stray.py").write_text("a = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_modules()
    assert find_module_file("stray", None) is None
    assert find_module_file("stray", Path()) == Path("stray.py")


@pytest.mark.parametrize(
    ("module", "expected"),
    [("os", True), ("os.path", True), ("xml.etree", True), ("imp", True), ("tomllib", True),
     ("distutils.core", True), ("numpy", False), ("osx", False), ("", False)],
)  # fmt: skip
def test_is_stdlib(module: str, expected: bool) -> None:
    assert is_stdlib(module) is expected


@pytest.mark.parametrize(
    ("file", "module", "expected"),
    [
        ("m.py", "m", True),
        ("m.py", "m.n", True),
        ("m/__init__.py", "m", True),
        ("m/n.py", "m", True),
        ("src/n/o.py", "src.n.o", True),
        ("m/data.csv", "m", False),
        ("n.py", "m", False),
        ("random.py", "random", True),
        ("pandas/mine.py", "pandas", False),
        ("json/mine.py", "json", False),
        ("sys.py", "sys", False),
    ],
)
def test_local_module(file: str, module: str, expected: bool, tmp_path: Path) -> None:
    write_files(tmp_path, {file: ""})
    assert local_module(module, tmp_path) is expected
    assert local_module(module, None) is False
