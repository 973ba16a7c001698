"""IPython syntax as plain Python: a table, what it does when run, and what holds for any text."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from IPython import version_info
from IPython.utils.text import DollarFormatter

from nbtools.analysis.installs import read_install
from nbtools.analysis.interpolation import Scope, interpolate
from nbtools.analysis.literals import quote_text
from nbtools.analysis.magics import PlainCell, to_plain_python
from nbtools.convert.helpers import HELPERS

BOUND = frozenset({"name", "n"})

SAME_LINES = [
    # cells whose lines stay one to one
    ("%time f(x)", "f(x)  # %time"),
    ("%time f(x);", "f(x);  # %time"),
    ("%time x = f()\nx", "x = f()  # %time\nx"),
    ("%time a = 1; b = 2", "a = 1; b = 2  # %time"),
    ("y = %time f()", "y = f()"),
    ("%time", "# %time"),
    ("%time !ls", 'shell("ls")  # %time'),
    ("%prun -s cumulative f()", "f()  # %prun -s cumulative"),
    ("%lprun -f f f(x)", "f(x)  # %lprun -f f"),
    ("%memit f(x)", "f(x)  # %memit"),
    ("%%time\nx = 1\nx", "# %%time\nx = 1\nx"),
    ("%%time\n%pwd", "# %%time\nos.getcwd()"),
    ("%%time\n\nls -l", '# %%time\n\nshell("ls -F -l")'),
    ("%%time f()", "f()  # %%time"),
    ("%%prun -s time\nf()", "# %%prun -s time\nf()"),
    ("%timeit f(x)", "time_it(lambda: f(x))"),
    ("%timeit -n 10 -r3 f(x)  # why", "time_it(lambda: f(x), number=10, repeat=3)"),
    ("%timeit -qo f(x)", "time_it(lambda: f(x), quiet=True, output=True)"),
    ("t = %timeit -o f(x);", "t = time_it(lambda: f(x), output=True)"),
    ("%timeit 1, 2", "time_it(lambda: (1, 2))"),
    ("%timeit", "# %timeit"),
    ("if x:\n    %timeit f(x)", "if x:\n    time_it(lambda: f(x))"),
    ("x = %pwd", "x = os.getcwd()"),
    ("pwd", "os.getcwd()"),
    ("ls", 'shell("ls -F")'),
    ("cd ..", 'change_directory("..")'),
    ("%cd", "change_directory()"),
    ("%cd -q ~/a b", 'change_directory("~/a b", quiet=True)'),
    ("%cd '/a b'", 'change_directory("/a b")'),
    ("%cd -", 'change_directory("-")'),
    ("%cd {name}/x", 'change_directory(f"{name}/x")'),
    ("%mkdir -p a", 'shell("mkdir -p a")'),
    ("%lf x", 'shell("ls -F -o x | grep ^-")'),
    ("%env HOME", 'os.environ["HOME"]'),
    ("h = %env HOME", 'h = os.environ["HOME"]'),
    ("%env A=b c", 'set_variable("A", "b c")'),
    ("%env A b", 'set_variable("A", "b")'),
    ("%set_env A=$name", 'set_variable("A", f"{name}")'),
    ("!ls -l | head > 'a b'", "shell(\"ls -l | head > 'a b'\")"),
    ("!echo {name} $name $$name $HOME", 'shell("echo {name} $name $$name $HOME")'),
    ("!echo {name} $name $$name", 'shell(f"echo {name} {name} $name")'),
    ("!echo {name} {{x}}", 'shell(f"echo {name} {{x}}")'),
    ("!awk '{print $1}' x", "shell(\"awk '{print $1}' x\")"),
    ("!echo ${name} {n + 1}", 'shell(f"echo ${name} {n + 1}")'),
    ("!grep '\\d' x", "shell(r\"grep '\\d' x\")"),
    ("k = 2\n!echo $k", 'k = 2\nshell(f"echo {k}")'),
    ("for f in fs:\n    !cat $f", 'for f in fs:\n    shell(f"cat {f}")'),
    ("files = !ls *.txt", 'files = shell_lines("ls *.txt")'),
    ("!!ls", 'shell_lines("ls")'),
    ("%sx ls", 'shell_lines("ls")'),
    ("%sc -l x = ls", 'x = shell_lines("ls")'),
    ("%%!\nls", 'shell_lines("ls")'),
    ("x = %matplotlib inline", "x = None  # %matplotlib inline"),
    ("%matplotlib inline\nx", "# %matplotlib inline\nx"),
    ("% matplotlib inline", "# % matplotlib inline"),
    ("x\n%matplotlib inline", "x\npass  # %matplotlib inline"),
    ("x\nobj?\n", "x\npass  # obj?\n"),
    ("x;\n%matplotlib inline", "x;\npass  # %matplotlib inline"),
    ("x = 1\n%matplotlib inline", "x = 1\n# %matplotlib inline"),
    ("if x:\n    %matplotlib inline\ny", "if x:\n    pass  # %matplotlib inline\ny"),
    ("if x:\n    %who \\\n      a\ny", "if x:\n    pass  # %who \\\n    #   a\ny"),
    ("if x:\n    %time %who\ny", "if x:\n    pass  # %who\ny"),
    ("obj?\n?obj\n%time?", "# obj?\n# ?obj\n# %time?"),
    (",f a b", 'f("a", "b")'),
    (";f a b", 'f("a b")'),
    ("/f a b", "f(a, b)"),
    ("%run f.py", 'globals().update(runpy.run_path("f.py", run_name="__main__"))'),
    ("%run ../lib/f", 'globals().update(runpy.run_path("../lib/f.py", run_name="__main__"))'),
    ("%run -n f.py", 'globals().update(runpy.run_path("f.py", run_name="f"))'),
    ("%run -m pkg.m", 'globals().update(runpy.run_module("pkg.m", run_name="__main__"))'),
    ("%run {name}", 'globals().update(runpy.run_path(f"{name}", run_name="__main__"))'),
    (
        "%run -i f.py",
        'globals().update(runpy.run_path("f.py", init_globals=globals(), run_name="__main__"))',
    ),
    ("%run f.ipynb", 'globals().update(run_notebook("f.ipynb"))'),
    ("%pip list", 'shell(f"{sys.executable} -m pip list")'),
    ("%sql sqlite:///x.db", "# %sql sqlite:///x.db"),
    ("r = %sql select 1", 'r = mo.sql("select 1", output=False)'),
    ("%sql r << select :n", 'r = mo.sql(f"select {n!r}", output=False)'),
    ("%precision 3", "# %precision 3"),
    ("import numpy as np\n%precision 3", "import numpy as np\nnp.set_printoptions(precision=3)"),
    ("%%debug_it\nx\n\ny", 'run_magic("debug_it", "", """\\\nx\n\ny\n""")'),
    (
        "%%cython -a\ncdef int x\ncpdef double f(y):\n    def g(): 1\nclass C: 1",
        'f, C = run_magic("cython", "-a", """\\\ncdef int x\ncpdef double f(y):\n    def g(): 1\n'
        'class C: 1\n""", makes="f C")',
    ),
    ("%%R -o a,b\nx", 'a, b = run_magic("R", "-o a,b", """\\\nx\n""", makes="a b")'),
    ("%%javascript\nalert(1)\n", "# %%javascript\n# alert(1)\n"),
    ("# c\n%%time\nx", "# c\n# %%time\nx"),
    ("%nosuch a", 'run_magic("nosuch", "a")'),
    ("a = 1\n%nosuch a.b len {c} b", 'a = 1\nrun_magic("nosuch", "a.b len {c} b", a=a)'),
    ("a = b = 1\n%%nosuch", "a = b = 1\n# %%nosuch"),
    ("x = 1\n%R -i x -o x f(x)", 'x = 1\nx = run_magic("R", "-i x -o x f(x)", makes="x", x=x)'),
    ("x = %lsmagic", 'x = run_magic("lsmagic", "")'),
    ("%load_ext rpy2.ipython", 'run_magic("load_ext", "rpy2.ipython")'),
    ("%run a.ipy", 'run_magic("run", "a.ipy")'),
    ("    x = 1\n    %time x", "x = 1\nx  # %time"),
    (">>> x = 1\n>>> x", "x = 1\nx"),
    ("\n\n%%time\nx", "\n\n# %%time\nx"),
    ("'''\n%time x\n!ls\n'''\n%pwd", "'''\n%time x\n!ls\n'''\nos.getcwd()"),
    ("get_ipython().run_line_magic('gui', '')", "# get_ipython().run_line_magic('gui', '')"),
    ("get_ipython().magic('time f()')", "f()  # %time"),
    ("get_ipython().magic(u'%pylab inline --no-import-all'); x",) * 2,
    ("x = get_ipython().getoutput('ls')", 'x = shell_lines("ls")'),
    ("é = 1; get_ipython().system('ls'); y", 'é = 1; shell("ls"); y'),
    ("if x:\n    get_ipython().magic('cd ..')  # up", 'if x:\n    change_directory("..")'),
    ("get_ipython().run_cell_magic('time', '', 'x')", "# %%time\nx"),
    ("get_ipython().magic(name)", "get_ipython().magic(name)"),
    ("get_ipython().ast_node_interactivity = 'all'",) * 1
    + ("# get_ipython().ast_node_interactivity = 'all'",),
]

OTHER_LINES = [
    ("%timeit x = 1", "def _timed():\n    x = 1\ntime_it(_timed)", (1, 1, 1)),
    (
        "%%timeit -n 5\nx = '''\na'''\nf(x)\n",
        "def _timed():  # %%timeit -n 5\n    x = '''\na'''\n    f(x)\ntime_it(_timed, number=5)\n",
        (1, 2, 3, 4, 4, 5),
    ),
    (
        "%%timeit a = 1\nb = a",
        "def _timed(_loops):  # %%timeit a = 1\n    a = 1\n    for _ in _loops:\n        b = a\n"
        "time_it(_timed, loops=True)",
        (1, 1, 1, 2, 2),
    ),
    ("%%timeit f()", "def _timed():  # %%timeit f()\n    f()\ntime_it(_timed)", (1, 1, 1)),
    ("%%capture\nx", "with capture_output():\n    x", (1, 2)),
    (
        "%%capture out --no-stderr\nif x:\n\n    y = '''\n  z\n'''",
        "with capture_output(stderr=False) as out:\n    if x:\n\n        y = '''\n  z\n'''",
        (1, 2, 3, 4, 5, 6),
    ),
    ("%%capture\n# nothing\n", "with capture_output():\n    # nothing\n    pass\n", (1, 2, 2, 3)),
    ("%%capture", "with capture_output():\n    pass", (1, 1)),
    (
        "%%writefile a.py\nimport b\n",
        'write_file("a.py", """\\\nimport b\n""")',
        (1, 2, 3),
    ),
    (
        "%%file -a '{name}.txt'\n\\d",
        'write_file(f"{name}.txt", r"""\\d\n""", append=True)',
        (1, 2),
    ),
    ("%%bash\nls $name", 'run_script("bash", """\\\nls $name\n""")', (1, 2, 2)),
    (
        "%%bash --out o --err=e -s $n\nls",
        'o, e = run_script(f"bash -s {n}", """\\\nls\n""", capture="out err")',
        (1, 2, 2),
    ),
    (
        "%%script --no-raise-error sh -e\nls",
        'run_script("sh -e", """\\\nls\n""", check=False)',
        (1, 2, 2),
    ),
    ("%%html\n<b>\n", 'mo.Html("""\\\n<b>\n""")', (1, 2, 3)),
    ("%%markdown\n# T", 'mo.md("""\\\n# T\n""")', (1, 2, 2)),
    (
        "%run f.py a {n}",
        '_argv, sys.argv = sys.argv, ["f.py", "a", f"{n}"]\n'
        'globals().update(runpy.run_path("f.py", run_name="__main__"))\nsys.argv = _argv',
        (1, 1, 1),
    ),
    (
        "%pylab inline\nplot()",
        'print("%pylab is deprecated, use %matplotlib inline and import the required libraries.")\n'
        'print("Populating the interactive namespace from numpy and matplotlib")\n'
        "from pylab import *\nfrom numpy import *\n"
        "import matplotlib, matplotlib.pyplot as plt, numpy, numpy as np\n"
        "from matplotlib import mlab, pylab, pyplot\nplot()",
        (*[1] * 6, 2),
    ),
    ("z = %time x = 1", "x = 1\nz = None", (1, 1)),
    ("!ls \\\n  -l\nx", 'shell("ls    -l")\nx', (1, 3)),
    (
        "%%sql r <<\nselect {n}",
        'r = mo.sql(\n    f"""\n    select {n}\n    """\n)',
        (1, 2, 2, 2, 2),
    ),
    (
        "%%sql\nselect 1\n",
        '_df = mo.sql(\n    f"""\n    select 1\n    """\n)',
        (1, 2, 3, 3, 3),
    ),
]


@pytest.mark.parametrize(("source", "expected"), SAME_LINES)
def test_line_for_line(source: str, expected: str) -> None:
    plain = to_plain_python(source, BOUND)
    assert plain.source == expected
    ast.parse(plain.source)


@pytest.mark.parametrize(("source", "expected", "lines"), OTHER_LINES)
def test_lines_that_become_others(source: str, expected: str, lines: tuple[int, ...]) -> None:
    plain = to_plain_python(source, BOUND)
    assert (plain.source, plain.lines) == (expected, lines)
    ast.parse(plain.source)


@pytest.mark.parametrize(
    "source",
    ["", "x", "ls = 1\nls", "x = 3 % 4\n", '"""\n%time x\n!ls\n?\n"""\n', "# %time\n",
     "  # comment", "x =  1 ;\n\n\n", "print 'x'", "if x:\n", "x = '''\n>>> f()\n'''",
     "\n\n x=1\ny", "f(\n%pwd\n)",
    ],
)  # fmt: skip
def test_a_cell_without_ipython_syntax_is_untouched(source: str) -> None:
    plain = to_plain_python(source)
    assert plain == PlainCell(source, tuple(range(1, source.count("\n") + 2)))


def test_bound_words_are_no_automagic() -> None:
    assert to_plain_python("ls", frozenset({"ls"})).source == "ls"
    assert to_plain_python("ls").unbound == {"ls"}
    assert to_plain_python("pwd", frozenset({"x"})).source == "os.getcwd()"


def test_unbound_names_that_would_matter_are_told() -> None:
    assert to_plain_python("!echo {a} $b").unbound == {"a", "b"}


@pytest.mark.parametrize("magic", ["%%time\n", "%%capture\n", "%time "])
def test_magics_nested_without_end_are_no_crash(magic: str) -> None:
    assert "x" in to_plain_python(magic * 2000 + "x").source


def told(source: str) -> list[tuple[str, int, bool]]:
    return [(magic.name, magic.line, magic.replaced) for magic in to_plain_python(source).magics]


def test_constructs_are_told_with_their_lines() -> None:
    assert told("x\n%matplotlib inline\n!ls\nobj?\ny = !ls\n%nosuch") == [
        ("%matplotlib", 2, False), ("!", 3, True), ("?", 4, False), ("!", 5, True),
        ("%nosuch", 6, True),
    ]  # fmt: skip
    assert told("\n%%bash\nls") == [("%%bash", 2, True)]
    assert told("%time?\n!ls foo?") == [("?", 1, False), ("?", 2, False)]
    assert told("ls") == [("automagic ls", 1, True)]
    assert told("%%time\n\n!ls") == [("%%time", 1, False), ("!", 3, True)]
    assert to_plain_python("  %time x  \n").magics[0].text == "%time x  "


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x\n%store", 2, "%store"),
        ("x\n%nosuch", 2, "%nosuch"),
        ("%%R\nx", 1, "IPython, which has to be installed"),
        ("x\n%%time\n", 2, "first line"),
        ("%pip install -r r.txt", 1, "-r r.txt"),
        ("%sql sqlite://", 1, "engine"),
        ("%reset -f", 1, "%reset"),
        ("%who", 1, "%who"),
    ],
)
def test_what_is_lost_is_noted(source: str, line: int, words: str) -> None:
    (note,) = to_plain_python(source).notes
    assert note.line == line
    assert words in note.message


def test_needs_are_told() -> None:
    plain = to_plain_python("%pwd\n!ls\nx = !ls\n%run f.py a\n%pip install b>=1 'c[d]'\n%env A=1")
    assert plain.helpers == {"shell", "shell_lines", "set_variable"}
    assert plain.imports == ("import os", "import runpy", "import sys")
    assert plain.requirements == ("b>=1", "c[d]")
    assert to_plain_python("%%html\nx").imports == ("import marimo as mo",)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("%config InteractiveShell.ast_node_interactivity = 'all'", "all"),
        ('%config ZMQInteractiveShell.ast_node_interactivity="last_expr_or_assign"',) * 1
        + ("last_expr_or_assign",),
        ("from a import B\nB.ast_node_interactivity = 'none'", "none"),
        ("get_ipython().ast_node_interactivity = 'all'", "all"),
        ("%config InlineBackend.figure_format = 'retina'", None),
        ("x.y = 'all'", None),
    ],
)
def test_interactivity_is_told(source: str, value: str | None) -> None:
    assert to_plain_python(source).interactivity == value


@pytest.mark.parametrize(
    ("command", "requirements"),
    [
        ("pip install a b==1.2 'c>=1,<2' d[e]", ("a", "b==1.2", "c>=1,<2", "d[e]")),
        ("pip3 install -U -q --user a", ("a",)),
        ("python -m pip install -i https://x/simple a", ("a",)),
        ("{sys.executable} -m pip install a 2>&1 | tail -1", ("a",)),
        ("sudo pip install a > /dev/null", ("a",)),
        ("pip install git+https://h/o/r.git", ("r @ git+https://h/o/r.git",)),
        ("pip install git+https://h/o/r@v1#egg=s", ("s @ git+https://h/o/r@v1#egg=s",)),
        ("pip install 'a @ https://h/a.zip'", ("a @ https://h/a.zip",)),
        ("pip install https://h/a-1.0-py3-none-any.whl", ("a @ https://h/a-1.0-py3-none-any.whl",)),
        ("pip install . -e ./x -r r.txt ./y.whl", ()),
        ("pip install a; pip install b && pip install c", ("a", "b", "c")),
        (
            "conda install -y -c conda-forge a=1.2 b conda-forge::c python=3.8",
            ("a==1.2.*", "b", "c"),
        ),
        ("mamba install 'a>=2'", ("a>=2",)),
        ("uv pip install a", ("a",)),
        ("pip install --upgrade pip", ()),
        ("pip install a  # why", ("a",)),
    ],
)
def test_installs_become_requirements(command: str, requirements: tuple[str, ...]) -> None:
    install = read_install(command)
    assert install is not None
    assert install.requirements == requirements
    assert to_plain_python(f"!{command}").source.startswith("# !")


@pytest.mark.parametrize(
    "command", ["pip list", "pip uninstall a", "apt install a", "ls", "install"]
)
def test_other_commands_install_nothing(command: str) -> None:
    assert read_install(command) is None


def test_a_line_that_does_more_than_install_is_kept() -> None:
    plain = to_plain_python("!pip install a && make")
    assert plain.source == 'shell("pip install a && make")'
    assert plain.requirements == ("a",)


NASTY = st.text(st.sampled_from("\"'\\\n{}$x \t#\x00\x0c\x85\xa0\u2028\ud800é😀abr"), max_size=12)


@given(NASTY)
@example('"""').via("delimiter")
@example("\\").via("backslash at the end")
@example('a\n"').via("quote at the end")
def test_quoted_text_is_exact(text: str) -> None:
    written = quote_text(text)
    assert ast.literal_eval(written) == text
    assert " + " not in written
    assert not set(written) & set("\x00\x0c\x85\xa0\u2028\ud800")


@given(st.text(st.sampled_from("{}$x'\" y1:!\\[].+"), max_size=14))
@example("$x.y {x!r}").via("attribute")
@settings(max_examples=300)
def test_interpolation_is_ipythons(text: str) -> None:
    class Value(str):
        y = 7

    values: dict[str, Any] = {"x": Value("v"), "y": [1, 2]}
    try:
        expected = DollarFormatter().vformat(text, [], dict(values))
    except Exception:
        expected = None
    written = interpolate(text, Scope(frozenset(values)))
    try:
        found = eval(written, {"__builtins__": __builtins__, **values})
    except Exception:  # a field that parses but fails: IPython leaves the line alone
        assert expected is None
        return
    assert found == (text if expected is None else expected)


@given(st.lists(st.sampled_from(
    ["%time x = 1", "%pwd", "!ls", "if x:", "    %who", "    %time y", "    !ls",
     "    %timeit x = 1",
     "    x = !ls", "y = %time f()", "'''", "%%time", "%%capture", "x?", "%run f.py", "    %cd",
     "x",
     "%%bash", "%timeit f(x)", "    y = '''", "for i in x:", "%matplotlib inline", "def f():"]
), max_size=8))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_translation_keeps_python_valid(lines: list[str]) -> None:
    source = "\n".join(lines)
    plain = to_plain_python(source)
    assert len(plain.lines) == plain.source.count("\n") + 1
    assert set(plain.lines) <= set(range(1, len(lines) + 2))
    # IPython 8 dedents by the first line; IPython 9 does by what all lines share, and so do we
    if version_info >= (9,) and is_python(as_ipython_sees(source)):
        assert is_python(plain.source)


def as_ipython_sees(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    while source.lstrip("\n").startswith(("%%capture", "%%time")):
        source = source.lstrip("\n").partition("\n")[2]
    with contextlib.suppress(SyntaxError):
        manager: Any = TransformerManager
        return str(manager().transform_cell(source))
    return "("


def is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


# ---- the helpers, run


@pytest.fixture
def helper() -> Callable[[str], Any]:
    def load(name: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(HELPERS[name], namespace)
        return namespace[name]

    return load


@pytest.mark.parametrize("name", HELPERS)
def test_helpers_stand_alone(name: str) -> None:
    (function,) = ast.parse(HELPERS[name]).body
    assert isinstance(function, ast.FunctionDef)
    assert function.name == name
    assert ast.get_docstring(function)
    assert HELPERS[name].endswith("\n")
    others = {"get_ipython"} if name in ("run_magic", "show_displays") else set()
    found = globals_of(compile(HELPERS[name], name, "exec").co_consts)
    assert found <= set(dir(builtins)) | others


def globals_of(constants: tuple[Any, ...]) -> set[str]:
    """The globals that functions load, those inside them included."""
    found: set[str] = set()
    for code in constants:
        if isinstance(code, CodeType):
            steps = dis.get_instructions(code)
            found |= {step.argval for step in steps if step.opname == "LOAD_GLOBAL"}
            found |= globals_of(code.co_consts)
    return found


def test_shell_prints_and_does_not_raise(helper: Any, capfd: Any, tmp_path: Path) -> None:
    shell = helper("shell")
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured):
        result = shell(f"cd {tmp_path}; echo a b | tr a-z A-Z > f; cat f; echo é >&2; exit 3")
    assert captured.getvalue().replace("\r\n", "\n") == "A B\né\n"
    assert result is None
    with pytest.raises(OSError, match="Background"):
        shell("sleep 1 &")


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is POSIX")
def test_shell_gives_programs_a_terminal(helper: Any) -> None:
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured):
        helper("shell")("test -t 1 && echo yes")
    assert captured.getvalue().strip() == "yes"


def test_shell_lines_returns_what_was_printed(helper: Any) -> None:
    lines = helper("shell_lines")("printf 'a\\nb\\n'; echo c >&2")
    assert lines == ["a", "b", "c"]
    assert (lines.s, lines.n, lines.l) == ("a b c", "a\nb\nc", ["a", "b", "c"])
    assert repr(lines) == "['a', 'b', 'c']"


def test_run_script_prints_captures_and_raises(helper: Any, capsys: Any) -> None:
    run = helper("run_script")
    assert run("bash -s x", 'echo "$1"\necho e >&2') is None
    assert capsys.readouterr() == ("x\n", "e\n")
    assert run("sh", "echo a; echo b >&2", capture="out err") == ("a\n", "b\n")
    assert run("sh", "echo a; echo b >&2", capture="out") == "a\n"
    assert capsys.readouterr() == ("", "b\n")
    with pytest.raises(subprocess.CalledProcessError):
        run("sh", "echo a; exit 2")
    assert capsys.readouterr().out == "a\n"
    assert run("sh", "exit 2", check=False) is None
    assert run("nosuchprogram", "x") is None
    assert "Couldn't find program: 'nosuchprogram'" in capsys.readouterr().out


def test_write_file_writes_and_says_so(helper: Any, capsys: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    for append, text in ((False, "a\n"), (True, "é"), (False, "c\\\n")):
        helper("write_file")(path, text, append)
    assert capsys.readouterr().out == f"Writing {path}\nAppending to {path}\nOverwriting {path}\n"
    assert Path(path).read_text(encoding="utf-8") == "c\\\n"


def test_change_directory_prints_and_goes_back(
    helper: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLDPWD", "x")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    change = helper("change_directory")
    change("a")
    change("-")
    change("nosuch")
    change("a", quiet=True)
    here = os.path.realpath(tmp_path)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [os.path.join(here, "a"), here]
    assert "No such file" in printed[2]
    assert printed[3:] == [here]


def test_set_variable_prints(helper: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTOOLS_TEST", "")
    helper("set_variable")("NBTOOLS_TEST", "a b")
    assert os.environ["NBTOOLS_TEST"] == "a b"
    assert capsys.readouterr().out == "env: NBTOOLS_TEST=a b\n"


def test_capture_output_keeps_and_shows(helper: Any, capsys: Any) -> None:
    with helper("capture_output")(stderr=False) as kept:
        print("a")
        print("b", file=sys.stderr)
    assert capsys.readouterr() == ("", "b\n")
    assert (kept.stdout, kept.stderr, str(kept)) == ("a\n", "", "a\n")
    kept.show()
    kept()
    assert capsys.readouterr().out == "a\na\n"


def test_capture_output_keeps_what_is_displayed(
    helper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    marimo = SimpleNamespace(output=SimpleNamespace(append=shown.append))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    with helper("capture_output")() as kept:
        helper("display")(1, "b")
    with helper("capture_output")(display=False) as nothing:
        helper("display")(2)
    assert (kept.outputs, nothing.outputs, shown) == ([1, "b"], [], [2])
    kept.show()
    assert shown == [2, 1, "b"]


def test_time_it_counts_and_prints(helper: Any, capsys: Any) -> None:
    calls: list[int] = []
    assert helper("time_it")(lambda: calls.append(1), number=3, repeat=2) is None
    assert len(calls) == 6
    assert "per loop (mean ± std. dev. of 2 runs, 3 loops each)" in capsys.readouterr().out

    def looping(loops: Any) -> None:
        for _ in loops:
            calls.append(1)

    result = helper("time_it")(looping, number=4, repeat=1, quiet=True, output=True, loops=True)
    assert len(calls) == 10
    assert (result.loops, result.repeat, len(result.timings)) == (4, 1, 1)
    assert capsys.readouterr().out == ""


def run_cell(source: str) -> dict[str, Any]:
    """Run a cell as converted: its imports, its helpers, its plain source."""
    plain = to_plain_python(source)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for name in plain.helpers:
        exec(HELPERS[name], namespace)
    exec("\n".join(plain.imports), namespace)
    exec(plain.source, namespace)
    return namespace


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("%time x = 3", "x", 3),
        ("x = %time 1 + 2", "x", 3),
        ("n = 2\nx = !echo {n + 1} $n '$n'", "x", ["3 2 $n"]),
        ("%%bash --out x\necho '\\n{a}'\necho \"b\"", "x", "\\n{a}\nb\n"),
        ("%%capture x\nprint('''a\n  b''')", "x", "a\n  b\n"),
        ("n = 1\n%timeit -n1 -r1 n = 2\nx = n", "x", 1),
        ("t = %timeit -o -q -n2 -r3 1\nx = t.loops, t.repeat", "x", (2, 3)),
        ("%env NBTOOLS_TEST=1\nx = %env NBTOOLS_TEST", "x", "1"),
        ("x = 5\nif x:\n    %who\n    %matplotlib inline", "x", 5),
    ],
)
def test_cells_run(source: str, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTOOLS_TEST", "0")
    found = run_cell(source)[name]
    assert found == value or str(found) == value


SAME_OUTPUT = [
    "!echo a b | tr a-z A-Z; echo c >&2; exit 2",
    "n = 2\n!echo {n + 1} $n '$n' $$HOME ${n}",
    "!echo $HOME {nosuch}",
    "!awk 'BEGIN {print 1}'",
    '!echo {{a}} "$(echo b)"',
    "x = !echo a; echo b >&2\nprint(x, x.s, x.n)",
    "x = !printf 'a\\n\\nb'\nprint(x)",
    "x = %pwd\nprint(x)",
    "%cd /\n%cd -\n%cd nosuch\n%cd -q /\n%cd -",
    "%env NBTOOLS_TEST=a b\n%env NBTOOLS_TEST c\n%set_env NBTOOLS_TEST e",
    "v = 3\n%env NBTOOLS_TEST=$v",
    "%%writefile {path}\na\n'''\n\\d {x}",
    "%%writefile -a {path}\na",
    '%%bash -s a\necho "$1" {x}; echo b >&2',
    "%%bash --out o --err e\necho a; echo b >&2",
    "%%script sh -e --no-raise-error\necho a; false; echo b",
    "%%sh\necho '\\n'",
    "%%script nosuchprogram\nx",
    "%%capture c\nprint(1)",
    "%%capture c --no-stdout\nprint(1)",
    "x = %sx echo a\nprint(x)",
    "%sc -l x = echo a\nprint(x)",
    "%%sx --out x\necho a",
    "/print 1 2",
    ",print a b",
    ";print a b",
    "%ls {path}",
    "%mkdir -p {path}",
    "%cat /dev/null",
    "echo = 1\n!echo $echo",
]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("source", SAME_OUTPUT)
def test_prints_what_ipython_prints(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    for name in ("NBTOOLS_TEST", "OLDPWD"):
        monkeypatch.setenv(name, str(tmp_path))
    shell = InteractiveShell.instance()
    source = source.replace("{path}", str(tmp_path / "f"))
    shell.user_ns["_dh"][:] = [str(tmp_path)]
    theirs, ours = io.StringIO(), io.StringIO()
    for run, printed in ((shell.run_cell, theirs), (run_cell, ours)):
        monkeypatch.chdir(tmp_path)
        with contextlib.redirect_stdout(printed):
            run(source)
        if (tmp_path / "f").is_file():
            (tmp_path / "f").unlink()
    assert ours.getvalue() == re.sub(r"\x1b\[[\d;]*[mK]", "", theirs.getvalue())


def test_run_puts_names_into_the_notebook(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    script.write_text("import sys\nargs = sys.argv[1:]\nname = __name__\n")
    before = list(sys.argv)
    found = run_cell(f"%run {script} a b")
    assert (found["args"], found["name"], sys.argv) == (["a", "b"], "__main__", before)


@given(st.text(st.sampled_from("ab\"'\\{}$\t é\n%!"), max_size=20))
@settings(max_examples=50, deadline=None)
def test_files_are_written_exactly(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.mktemp("w") / "f"
    with contextlib.redirect_stdout(io.StringIO()):
        run_cell(f"%%writefile {path}\n{text}")
    expected = text if not text or text.endswith("\n") else text + "\n"
    assert path.read_text(encoding="utf-8") == expected


REPOSITORIES = Path(os.environ.get("NBTOOLS_LAB", "no laboratory"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@pytest.mark.skipif(not REPOSITORIES.is_dir(), reason="the laboratory's notebooks are not here")
def test_real_cells_parse_when_ipython_can_read_them() -> None:
    failed = []
    for path in sorted(REPOSITORIES.rglob("*.ipynb")):
        for source in code_of(path):
            if not is_python(to_plain_python(source).source) and is_python(as_ipython_sees(source)):
                failed.append((path, source))
    assert not failed


def code_of(path: Path) -> list[str]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []
    cells = notebook.get("cells", [])
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
