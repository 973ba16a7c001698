"""The small functions that take the place of IPython's magics, as source text.

Each imports what it needs inside its body, so that it can stand alone in a cell, as an importable
`@app.function`. What it prints and returns is what IPython prints and returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent
from types import MappingProxyType

_SHELL = '''\
def shell(command):
    """Run a command in the shell and print its output, as `!command` does in Jupyter."""
    import codecs
    import os
    import subprocess
    import sys

    if command.rstrip().endswith("&"):
        raise OSError("Background processes not supported.")
    if os.name == "posix":
        source, sink = os.openpty()  # a terminal, so that programs print what they do in Jupyter
    else:
        source, sink = os.pipe()
    process = subprocess.Popen(
        command,
        shell=True,
        executable=os.environ.get("SHELL"),
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TERM": "xterm-color", "PAGER": "cat", "GIT_PAGER": "cat"},
    )
    os.close(sink)
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while True:
        try:
            chunk = os.read(source, 65536)
        except OSError:  # how a terminal says that all its writers are gone
            chunk = b""
        if not chunk:
            break
        sys.stdout.write(decode(chunk))
        sys.stdout.flush()
    os.close(source)
    process.wait()
'''

_SHELL_LINES = '''\
def shell_lines(command):
    """Run a command in the shell and return its output, as `x = !command` does in Jupyter."""
    import os
    import subprocess

    class Lines(list):
        l = property(list)  # noqa: E741
        n = nlstr = property("\\n".join)
        s = spstr = property(" ".join)

    result = subprocess.run(
        command,
        shell=True,
        executable=os.environ.get("SHELL"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Lines(result.stdout.decode("utf-8", "replace").splitlines())
'''

_RUN_SCRIPT = '''\
def run_script(command, script, capture="", check=True, background=False):
    """Give a script to a program and print its output, or return the "out" or "err" of it."""
    import shlex
    import subprocess
    import sys

    words = shlex.split(command)
    pipe = subprocess.DEVNULL if background else subprocess.PIPE
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=pipe, stderr=pipe)
    except FileNotFoundError:
        print(f"Couldn't find program: {words[0]!r}")
        return "" if capture in ("out", "err") else ("", "") if capture else None
    data = (script if script.endswith("\\n") else script + "\\n").encode("utf-8", "replace")
    if background:
        process.stdin.write(data)
        process.stdin.close()
        return None
    out, err = (text.decode("utf-8", "replace") for text in process.communicate(data))
    if "out" not in capture:
        sys.stdout.write(out)
    if "err" not in capture:
        sys.stderr.write(err)
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, script)
    return {"": None, "out": out, "err": err}.get(capture, (out, err))
'''

_RUN_NOTEBOOK = '''\
def run_notebook(path):
    """Run the code cells of a Jupyter notebook and return its names, as `%run` does in Jupyter."""
    import json

    names = {"__name__": "__main__"}
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).split("\\n")
            code = [line for line in lines if not line.lstrip().startswith(("%", "!"))]
            exec("\\n".join(code), names)
    return names
'''

_WRITE_FILE = '''\
def write_file(path, text, append=False):
    """Write text to a file and say so, as `%%writefile` does in Jupyter."""
    import os

    path = os.path.expanduser(path)
    verb = "Writing" if not os.path.exists(path) else "Appending to" if append else "Overwriting"
    print(verb, path)
    with open(path, "a" if append else "w", encoding="utf-8") as file:
        file.write(text)
'''

_CHANGE_DIRECTORY = '''\
def change_directory(path="~", quiet=False):
    """Change the working directory and print it; "-" is the one before."""
    import os

    before = os.getcwd()
    target = os.environ.get("OLDPWD", before) if path == "-" else os.path.expanduser(path)
    try:
        os.chdir(target)
    except OSError as error:
        print(error)
    else:
        os.environ["OLDPWD"] = before
    if not quiet:
        print(os.getcwd())
'''

_SET_VARIABLE = '''\
def set_variable(name, value):
    """Set an environment variable and print it, as `%env name=value` does in Jupyter."""
    import os

    os.environ[name] = value
    print(f"env: {name}={value}")
'''

_CAPTURE_OUTPUT = '''\
def capture_output(stdout=True, stderr=True, display=True):
    """Keep what a block prints and shows, as `%%capture` does in Jupyter."""
    import contextlib
    import io
    import sys

    mo = sys.modules.get("marimo")

    class Captured:
        def __init__(self):
            self.out, self.err, self.outputs = io.StringIO(), io.StringIO(), []

        stdout = property(lambda self: self.out.getvalue())
        stderr = property(lambda self: self.err.getvalue())
        __str__ = stdout.fget

        def __repr__(self):
            return f"<IPython.utils.capture.CapturedIO at {id(self):#x}>"

        def show(self):
            sys.stdout.write(self.stdout)
            sys.stderr.write(self.stderr)
            for value in self.outputs if mo else ():
                mo.output.append(value)

        __call__ = show

    @contextlib.contextmanager
    def capturing():
        captured = Captured()
        with contextlib.ExitStack() as stack:
            if stdout:
                stack.enter_context(contextlib.redirect_stdout(captured.out))
            if stderr:
                stack.enter_context(contextlib.redirect_stderr(captured.err))
            if display and mo:
                stack.callback(setattr, mo.output, "append", mo.output.append)
                mo.output.append = captured.outputs.append
            yield captured
            plt = sys.modules.get("matplotlib.pyplot")
            for number in plt.get_fignums() if plt and display else ():
                captured.outputs.append(plt.figure(number))
                plt.close(number)

    return capturing()
'''

_TIME_IT = '''\
def time_it(function, number=None, repeat=7, quiet=False, output=False, loops=False):
    """Print how long a function takes, as `%timeit` does in Jupyter; `loops`: it loops itself."""
    import itertools
    import statistics
    import time

    def run(count):
        start = time.perf_counter()
        if loops:
            function(itertools.repeat(None, count))
        else:
            for _ in itertools.repeat(None, count):
                function()
        return time.perf_counter() - start

    def text(seconds):
        units = [(60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "μs"), (1e-9, "ns")]
        size, unit = next((u for u in units if seconds >= u[0]), units[-1])
        return f"{seconds / size:.3g} {unit}"

    class Result:
        def __str__(self):
            runs = f"{repeat} run{'s' * (repeat != 1)}, {number:,} loop{'s' * (number != 1)} each"
            mean, spread = text(self.average), text(self.stdev)
            return f"{mean} ± {spread} per loop (mean ± std. dev. of {runs})"

    if not number:
        number = next(n for n in (10**power for power in range(10)) if run(n) >= 0.2 or n == 10**9)
    result = Result()
    result.loops, result.repeat = number, repeat
    result.all_runs = [run(number) for _ in range(repeat)]
    result.timings = [seconds / number for seconds in result.all_runs]
    result.best, result.worst = min(result.timings), max(result.timings)
    result.average = statistics.fmean(result.timings)
    result.stdev = statistics.pstdev(result.timings)
    if not quiet:
        print(result)
    return result if output else None
'''

_DISPLAY = '''\
def display(*objects, display_id=None, **options):
    """Show objects where they stand in a cell, as Jupyter's display does."""
    import marimo as mo

    class DisplayHandle:
        """What updates a display; here it takes the place of all that the cell shows."""

        def __repr__(self):
            return f"<DisplayHandle display_id={display_id}>"

        def display(self, value, **options):
            mo.output.append(value)

        def update(self, value, **options):
            mo.output.replace(value)

    for value in objects:
        mo.output.append(value)
    return None if display_id is None else DisplayHandle()
'''

_CLEAR_OUTPUT = '''\
def clear_output(wait=False):
    """Take away what the cell has shown (`wait`: once it shows more); what it printed stays."""
    import sys

    import marimo as mo

    append = mo.output.append
    places = (mo.output, sys.modules[append.__module__])

    def replace(value):
        for place in places:
            place.append = append
        mo.output.replace(value)

    if not wait:
        mo.output.clear()
    elif append.__name__ != "replace":
        for place in places:
            place.append = replace
'''

_GET_IPYTHON = '''\
def get_ipython():
    """Give IPython's shell, which runs code in the notebook's names; None without IPython."""
    import sys

    try:
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets import Type
        from traitlets.config import Config
    except ImportError:
        return None

    class Bundle:
        """Something that was displayed, as what marimo can show of it."""

        def __init__(self, data):
            self.data = data
            for kind in {"text/html", "text/latex", "image/png"} & set(data):
                form = kind.rpartition("/")[2]
                setattr(self, f"_repr_{form}_", lambda found=data[kind]: found)

        def __repr__(self):
            return self.data.get("text/plain", "")

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, **options):
            import marimo as mo

            mo.output.append(Bundle(data))

    class Shell(InteractiveShell):
        display_pub_class = Type(Publisher)

        def init_sys_modules(self):
            """`__main__` stays what it is."""

        def init_user_ns(self):
            """`In`, `Out` and the like are no names of the notebook."""

        def init_virtualenv(self):
            """An environment that is activated need not be this interpreter's."""

        def _showtraceback(self, kind, error, lines):
            sys.stderr.write("\\n".join(lines) + "\\n")

    if not InteractiveShell.initialized():
        config = Config()
        config.HistoryManager.enabled = False
        shell = Shell.instance(config=config, user_ns=sys._getframe().f_globals)
        shell.set_hook("show_in_pager", lambda *arguments, **options: None)
    return InteractiveShell.instance()
'''

_RUN_MAGIC = '''\
def run_magic(name, line, cell=None, *, makes="", **needs):
    """Have IPython run a magic that `needs` names; return what it `makes`, or else its value."""
    import sys

    shell = get_ipython()
    if shell is None:
        sys.stderr.write(f"The magic {name} needs IPython, which is not installed.\\n")
        return None
    names = shell.user_ns
    hidden = {key: names[key] for key in needs if key in names}
    names.update(needs)
    try:
        with shell.builtin_trap:
            if cell is None:
                value = shell.run_line_magic(name, line, 2)
            else:
                value = shell.run_cell_magic(name, line, cell)
    finally:
        for key in needs:
            names.pop(key, None)
        names.update(hidden)
    made = tuple(names.get(key) for key in makes.split())
    return value if not made else made[0] if len(made) == 1 else made
'''

_SHOW_DISPLAYS = f'''\
def show_displays(figures=None, clear=None):
    """Show what libraries display through IPython, which prints it outside of Jupyter."""
    import sys

    from IPython.core import display_functions

    get_ipython()  # an error in a widget's function is told, and the cell goes on

{indent(_DISPLAY, "    ")}
    def keep(wait=False):
        pass  # a widget clears its own output alone

    for name, new in (("display", display), ("clear_output", keep)):
        old = getattr(display_functions, name)
        if hasattr(old, "__wrapped__"):
            continue  # marimo's editor has put its own in place
        for place, module in list(sys.modules.items()):
            if getattr(module, "__dict__", {{}}).get(name) is old:
                of_cells = name == "clear_output" and place.startswith("IPython")
                setattr(module, name, clear if clear and of_cells else new)
    widgets = sys.modules.get("ipywidgets.widgets.interaction")
    if figures and widgets:
        widgets.show_inline_matplotlib_plots = figures  # those that a widget's function draws
'''

_SHOW_FIGURES = '''\
def show_figures(value=None, here=False):
    """Show the open pyplot figures and close them; `value` shows its own, and is shown `here`."""
    import sys

    import marimo as mo

    class Text(str):
        __repr__ = str.__str__

    if here and value is not None:
        mo.output.append(value)
    plt = sys.modules.get("matplotlib.pyplot")
    many = type(value) in (list, tuple) or type(value).__name__ == "BarContainer"
    values = value if many else [value]
    artists = [each for each in values if plt and isinstance(each, plt.Artist)]
    grids = [each for each in values if type(each).__module__ == "seaborn.axisgrid"]
    own = [each.figure for each in (*artists, *grids)]
    for number in plt.get_fignums() if plt else ():
        figure = plt.figure(number)
        if not any(figure is each for each in own):
            mo.output.append(figure if figure.axes else Text(repr(figure)))
        plt.close(figure)
'''

_SHOW_VALUE = '''\
def show_value(value):
    """Show a value that is not None where it stands in a cell, as Jupyter can be told to."""
    import marimo as mo

    if value is not None:
        mo.output.append(value)
'''

_TYPESET = '''\
def typeset(value, vector=False):
    """Give what shows a value as sympy's `init_printing` (`init_vprinting`) has Jupyter show it."""
    from sympy import latex, pretty
    from sympy.printing.defaults import Printable

    if vector:
        from sympy.physics.vector import vlatex as latex
        from sympy.physics.vector import vpprint as pretty

    collections = (list, tuple, set, frozenset)
    shown = (*collections, dict, int, float, Printable)

    def can_print(item):
        if isinstance(item, collections):
            own = [kind.__repr__ for kind in collections]
            return type(item).__repr__ in own and all(map(can_print, item))
        if isinstance(item, dict):
            return all(map(can_print, [*item, *item.values()]))
        hooks = ("_latex", "_sympystr", "_pretty", "_sympyrepr")
        printable = isinstance(item, (int, float, Printable)) and not isinstance(item, bool)
        return printable or any(hasattr(item, hook) for hook in hooks)

    class Typeset:
        def __repr__(self):
            classes = type(value).__mro__
            named = next(kind for kind in classes if kind in shown or "__repr__" in vars(kind))
            return pretty(value, use_unicode=True) if named in shown else repr(value)

        def _repr_latex_(self):
            return rf"$\\displaystyle {latex(value)}$"

    return Typeset() if isinstance(value, shown) and can_print(value) else value
'''

HELPERS: Mapping[str, str] = MappingProxyType(
    {
        "capture_output": _CAPTURE_OUTPUT,
        "change_directory": _CHANGE_DIRECTORY,
        "clear_output": _CLEAR_OUTPUT,
        "display": _DISPLAY,
        "get_ipython": _GET_IPYTHON,
        "run_magic": _RUN_MAGIC,
        "run_notebook": _RUN_NOTEBOOK,
        "run_script": _RUN_SCRIPT,
        "set_variable": _SET_VARIABLE,
        "shell": _SHELL,
        "shell_lines": _SHELL_LINES,
        "show_displays": _SHOW_DISPLAYS,
        "show_figures": _SHOW_FIGURES,
        "show_value": _SHOW_VALUE,
        "time_it": _TIME_IT,
        "typeset": _TYPESET,
        "write_file": _WRITE_FILE,
    }
)
"""Name -> the text of the function, which ends in one newline."""
