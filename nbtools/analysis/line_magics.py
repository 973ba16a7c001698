"""What each line magic and shell command becomes: a value, statements, or only a comment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from nbtools.analysis.installs import read_install
from nbtools.analysis.interpolation import Scope, expand, interpolate, is_builtin
from nbtools.analysis.ipython_syntax import LINE_MAGICS
from nbtools.analysis.literals import Field, quote_parts, quote_text

MARIMO = "import marimo as mo"

# Settings of the Jupyter session: without them a reactive notebook computes and shows the same.
WITHOUT_EFFECT = frozenset(
    """alias_magic autoawait autocall automagic autoreload autosave colors config doctest_mode
    gui load_ext logoff logon logstart logstate logstop matplotlib pdb rehashx reload_ext
    unload_ext xmode aimport pinfo pinfo2 pdoc
    pdef psource pfile psearch quickref magic page pycat more less man""".split()
)
# Magics that come with IPython, and need Jupyter's own history, files and names.
_ONLY_IN_JUPYTER = (LINE_MAGICS | {"store"}) - {"lsmagic"}
# Extensions that add magics which are translated, or nothing that a reactive notebook lacks.
KNOWN_EXTENSIONS = frozenset(
    """autoreload sql dotenv line_profiler memory_profiler tensorboard storemagic
    lab_black nb_black jupyter_black autotime heat snakeviz""".split()
)
_LOADING = ("load_ext", "reload_ext")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
ALIASES: Mapping[str, str] = {
    "cat": "cat",
    "cp": "cp",
    "ldir": "ls -F -o {} | grep /$",
    "lf": "ls -F -o {} | grep ^-",
    "lk": "ls -F -o {} | grep ^l",
    "ll": "ls -F -o",
    "ls": "ls -F",
    "lx": "ls -F -o {} | grep ^-..x",
    "mkdir": "mkdir",
    "mv": "mv",
    "rm": "rm",
    "rmdir": "rmdir",
}


class Replacement(Struct, frozen=True):
    """What stands where a magic stood. With no code at all, the magic becomes a comment."""

    statements: tuple[str, ...] = ()  # lines of Python that come first
    value: str | None = None  # an expression: the value the magic had; may span lines
    code: str | None = None  # the author's own code, in IPython's syntax, that runs as it is
    note: str | None = None
    lost: bool = True  # False: a comment that loses nothing at run time
    helpers: frozenset[str] = frozenset()
    imports: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    interactivity: str | None = None


def call_helper(name: str, *arguments: str, note: str | None = None) -> Replacement:
    """A call of one of the functions in `nbtools.convert.helpers`."""
    value = f"{name}({', '.join(arguments)})"
    return Replacement(value=value, helpers=frozenset({name}), note=note)


def translate_line_magic(name: str, arguments: str, scope: Scope) -> Replacement:
    """Replace `%name arguments`."""
    if name in _TABLE:
        return _TABLE[name](arguments.strip(), scope)
    if name in ALIASES:
        return translate_shell(_alias_command(ALIASES[name], arguments), scope)
    if name in _LOADING and arguments.strip().split(".")[0] not in KNOWN_EXTENSIONS:
        return run_by_ipython(name, arguments, scope)
    if name in WITHOUT_EFFECT:
        return Replacement(lost=False)
    if name.startswith("%"):
        return Replacement(note=f"`%{name}` counts on the first line of a cell only")
    if works_only_in_jupyter(name):
        return Replacement(note=f"`%{name}` works only in Jupyter: it became a comment")
    return run_by_ipython(name, arguments, scope)


def works_only_in_jupyter(name: str) -> bool:
    """Tell whether a magic that is not translated is none that IPython could run elsewhere."""
    return name in _ONLY_IN_JUPYTER or not re.fullmatch(r"[\w.]+", name)


def run_by_ipython(
    name: str, arguments: str, scope: Scope, body: str | None = None, makes: Sequence[str] = ()
) -> Replacement:
    """Have IPython run a magic that has no form here, as those that extensions and notebooks add.

    Args:
        name: The magic, without `%`.
        arguments: What follows it on its line; IPython puts values for `{name}` and `$name`.
        scope: Which words of the line are names that the magic may look up.
        body: The lines below a cell magic.
        makes: Names that it binds, besides those that `-o name` asks for.
    """
    makes = [*_names_asked_for(arguments), *makes]
    words = _WORD.findall(f"{name} {arguments}")
    for each in makes:  # as in `-o x`; in `-i x -o x` it is needed too
        if each in words:
            words.remove(each)
    needs = [w for w in dict.fromkeys(words) if not is_builtin(w) and scope.is_bound(w)]
    texts = [name, arguments] if body is None else [name, arguments, body]
    options = [f'makes="{" ".join(makes)}"'] if makes else []
    given = [*map(quote_text, texts), *options, *(f"{word}={word}" for word in needs)]
    sign = "%" if body is None else "%%"
    typed = f"{sign}{name} {arguments[:40]}".rstrip()
    note = f"`{typed}` is run by IPython, which has to be installed"
    call = f"run_magic({', '.join(given)})"
    helpers = frozenset({"run_magic", "get_ipython"})
    if not makes:
        return Replacement(value=call, helpers=helpers, note=note)
    lines = f"{', '.join(makes)} = {call}".split("\n")
    return Replacement(statements=tuple(lines), helpers=helpers, note=note)


def _names_asked_for(arguments: str) -> list[str]:
    """The names of `-o name`, as `%%R` has it, and magics that were made after it."""
    given = re.findall(r"(?:^|\s)(?:-o|--output)[ =](\w+(?:,\w+)*)", arguments)
    return [name for names in given for name in names.split(",") if name.isidentifier()]


def translate_shell(command: str, scope: Scope) -> Replacement:
    """Replace `!command`; an installation becomes requirements."""
    install = _translate_install(command)
    if install is not None and install.value is None:
        return install
    call = call_helper("shell", interpolate(command.strip(), scope))
    if install is None:
        return call
    return Replacement(value=call.value, helpers=call.helpers, requirements=install.requirements)


def translate_capture(command: str, scope: Scope) -> Replacement:
    """Replace `!!command` and the right side of `x = !command`."""
    return call_helper("shell_lines", interpolate(command.strip(), scope))


def split_options(arguments: str, with_value: str) -> tuple[dict[str, str], str]:
    """Split getopt options from the front: `-n10 -r 3 f(x)` with "nr" gives {n: 10, r: 3}, f(x).

    `with_value` holds the letters that take a value; the rest keeps its text exactly.
    """
    options: dict[str, str] = {}
    while match := re.match(r"-([A-Za-z])([\w.]*)(?:\s+|$)", arguments):
        arguments = arguments[match.end() :]
        letter, value = match[1], match[2]
        if letter in with_value and not value:
            value, _, arguments = arguments.partition(" ")
        options[letter] = value
        if value and letter not in with_value:  # -qo: several flags in one word
            options.update(dict.fromkeys(value, ""))
    return options, re.sub(r"\A--\s+", "", arguments.lstrip())


def timing_arguments(options: Mapping[str, str]) -> list[str]:
    """The keyword arguments of `time_it` for the options of `%timeit`."""
    found = [
        f"{keyword}={options[letter]}"
        for letter, keyword in (("n", "number"), ("r", "repeat"))
        if options.get(letter, "").isdigit() and options[letter] != "0"
    ]
    found += ["quiet=True"] if "q" in options else []
    return found + (["output=True"] if "o" in options else [])


def _alias_command(pattern: str, arguments: str) -> str:
    if "{}" in pattern:
        return pattern.replace("{}", arguments)
    return f"{pattern} {arguments}".strip()


def _translate_install(command: str) -> Replacement | None:
    """Requirements of a command that installs; its value is None if it does nothing else."""
    install = read_install(command)
    if install is None:
        return None
    left = ", ".join(f"`{word}`" for word in install.left_out)
    return Replacement(
        value=None if install.whole else "...",
        requirements=install.requirements,
        note=f"not written down as a requirement of the notebook: {left}" if left else None,
        lost=bool(left),
    )


def _translate_pip(tool: str) -> Callable[[str, Scope], Replacement]:
    def translate(arguments: str, scope: Scope) -> Replacement:
        install = _translate_install(f"{tool} {arguments}")
        if install is not None:
            return install
        if tool in ("pip", "uv"):
            parts = expand(arguments, scope) or [arguments]
            command = quote_parts([Field("sys.executable"), f" -m {tool} ", *parts])
        else:
            command = interpolate(f"{tool} {arguments}", scope)
        found = call_helper("shell", command)
        imports = ("import sys",) if tool in ("pip", "uv") else ()
        return Replacement(value=found.value, helpers=found.helpers, imports=imports)

    return translate


def _translate_pwd(_arguments: str, _scope: Scope) -> Replacement:
    return Replacement(value="os.getcwd()", imports=("import os",))


def _translate_cd(arguments: str, scope: Scope) -> Replacement:
    options, path = split_options(arguments, "")
    if "b" in options or re.match(r"-\d|--\w", path):
        return Replacement(note=f"`%cd {arguments}` needs Jupyter's history: it became a comment")
    path = path.rstrip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"":
        path = path[1:-1]
    written = [interpolate(path, scope)] if path else []
    return call_helper("change_directory", *written, *(["quiet=True"] if "q" in options else []))


def _translate_env(arguments: str, scope: Scope) -> Replacement:
    if not arguments:
        return Replacement(value="dict(os.environ)", imports=("import os",))
    if "=" not in arguments and " " not in arguments:
        value = f"os.environ[{interpolate(arguments, scope)}]"
        return Replacement(value=value, imports=("import os",))
    return _translate_set_env(arguments, scope)


def _translate_set_env(arguments: str, scope: Scope) -> Replacement:
    name, _, value = arguments.partition("=" if "=" in arguments else " ")
    if not value and "=" not in arguments:
        return Replacement(note="`%set_env` without a value became a comment")
    names = (interpolate(name.strip(), scope), interpolate(value.strip(), scope))
    return call_helper("set_variable", *names)


def _translate_run(arguments: str, scope: Scope) -> Replacement:
    options, rest = split_options(arguments, "NbDlsTm")
    words = ([options["m"]] if "m" in options else []) + _split_words(rest)
    if not words:
        return Replacement(note="`%run` without a file became a comment")
    if words[0].endswith(".ipynb") and len(words) == 1:
        update = f"globals().update(run_notebook({interpolate(words[0], scope)}))"
        return Replacement(statements=(update,), helpers=frozenset({"run_notebook"}))
    if words[0].endswith((".ipynb", ".ipy")):
        return run_by_ipython("run", arguments, scope)
    name = '"__main__"'
    if "m" in options:
        target, function = words[0], "run_module"
    else:
        target = words[0] if re.search(r"\.\w+$|[}$]", words[0]) else words[0] + ".py"
        function = "run_path"
        if "n" in options:
            name = quote_text(re.sub(r".*/|\.\w+$", "", target))
    path = interpolate(target, scope)
    given = "init_globals=globals(), " if "i" in options else ""
    update = f"globals().update(runpy.{function}({path}, {given}run_name={name}))"
    if len(words) == 1:
        return Replacement(statements=(update,), imports=("import runpy",))
    argv = ", ".join([path, *(interpolate(word, scope) for word in words[1:])])
    swap = f"_argv, sys.argv = sys.argv, [{argv}]"
    return Replacement(
        statements=(swap, update, "sys.argv = _argv"), imports=("import runpy", "import sys")
    )


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote
        return text.split()


def _translate_time(arguments: str, _scope: Scope) -> Replacement:
    return Replacement(code=re.sub(r"\A--no-raise-error\s*", "", arguments) or None, lost=False)


def _runs_statement(with_value: str) -> Callable[[str, Scope], Replacement]:
    def translate(arguments: str, _scope: Scope) -> Replacement:
        _, statement = split_options(arguments, with_value)
        return Replacement(code=statement or None, lost=False)

    return translate


_PYLAB_PRINTS = (
    "%pylab is deprecated, use %matplotlib inline and import the required libraries.",
    "Populating the interactive namespace from numpy and matplotlib",
)
"""What IPython 9 prints, wherever `%pylab` stands."""

_PYLAB_STARS = ("from pylab import *", "from numpy import *")
PYLAB_MODULES = (
    "import matplotlib, matplotlib.pyplot as plt, numpy, numpy as np",
    "from matplotlib import mlab, pylab, pyplot",
)
"""What `IPython.core.pylabtools.import_pylab` binds: NumPy's `max` and `random` win."""


def _translate_pylab(arguments: str, _scope: Scope) -> Replacement:
    star = () if "--no-import-all" in arguments else _PYLAB_STARS
    prints = [f'print("{text}")' for text in _PYLAB_PRINTS]
    return Replacement(statements=(*prints, *star, *PYLAB_MODULES), requirements=())


def _translate_config(arguments: str, _scope: Scope) -> Replacement:
    setting = re.match(r"\w+\.ast_node_interactivity\s*=\s*['\"]?(\w+)", arguments)
    return Replacement(interactivity=setting[1] if setting else None, lost=False)


def _translate_precision(arguments: str, scope: Scope) -> Replacement:
    note = f"`%precision {arguments}` rounds numbers in Jupyter's output only"
    if arguments.isdigit() and scope.is_bound("np"):
        return Replacement(statements=(f"np.set_printoptions(precision={arguments})",), note=note)
    return Replacement(note=note)


def _translate_sx(arguments: str, scope: Scope) -> Replacement:
    return translate_capture(arguments, scope)


def _translate_sc(arguments: str, scope: Scope) -> Replacement:
    options, rest = split_options(arguments, "")
    name, _, command = rest.partition("=")
    if not name.strip().isidentifier():
        return Replacement(note="`%sc` without a name became a comment")
    lines = translate_capture(command, scope)
    value = lines.value if "l" in options else f'"\\n".join({lines.value})'
    return Replacement(statements=(f"{name.strip()} = {value}",), helpers=lines.helpers)


def _translate_sql(arguments: str, scope: Scope) -> Replacement:
    name, query = split_sql_target(arguments)
    if not query or query.startswith(("--", "@")) or re.match(r"\S+://\S*$", query):
        note = "`%sql` connects to a database: pass the connection to mo.sql(..., engine=...)"
        return Replacement(note=note)
    value = f"mo.sql({quote_sql(query, scope)}, output=False)"
    if name:
        return Replacement(statements=(f"{name} = {value}",), imports=(MARIMO,))
    return Replacement(value=value, imports=(MARIMO,))


def split_sql_target(arguments: str) -> tuple[str | None, str]:
    """Split `name << query` as ipython-sql does."""
    match = re.match(r"\s*([A-Za-z_]\w*)\s*<<\s*", arguments)
    return (match[1], arguments[match.end() :]) if match else (None, arguments)


def quote_sql(query: str, scope: Scope) -> str:
    """The f-string of a query: `{x}` and `$x` as they are, `:x` as a literal of x's value."""
    parts: list[str | Field] = []
    for part in expand(query, scope) or [query]:
        parts += [part] if isinstance(part, Field) else _split_parameters(part, scope)
    return quote_parts(parts)


def _split_parameters(text: str, scope: Scope) -> list[str | Field]:
    parts: list[str | Field] = []
    end = 0
    for match in re.finditer(r"(?<![:\w\\]):([A-Za-z_]\w*)(?!:)", text):
        if scope.is_bound(match[1]):
            parts += [text[end : match.start()], Field(match[1], "r")]
            end = match.end()
    return [*parts, text[end:]]


_TABLE: Mapping[str, Callable[[str, Scope], Replacement]] = {
    "cd": _translate_cd,
    "conda": _translate_pip("conda"),
    "config": _translate_config,
    "env": _translate_env,
    "lprun": _runs_statement("fmDTuz"),
    "mamba": _translate_pip("mamba"),
    "memit": _runs_statement("rti"),
    "micromamba": _translate_pip("micromamba"),
    "mprun": _runs_statement("fT"),
    "pip": _translate_pip("pip"),
    "precision": _translate_precision,
    "prun": _runs_statement("DlsT"),
    "pwd": _translate_pwd,
    "pylab": _translate_pylab,
    "run": _translate_run,
    "sc": _translate_sc,
    "set_env": _translate_set_env,
    "snakeviz": _runs_statement("f"),
    "sql": _translate_sql,
    "sx": _translate_sx,
    "system": _translate_sx,
    "time": _translate_time,
    "uv": _translate_pip("uv"),
}
