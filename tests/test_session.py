"""Notebooks that run in a process of their own, and what they can do to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from nbtools.cells import Cell, Notebook, ReactiveCell, ReactiveNotebook
from nbtools.errors import NbtoolsError
from nbtools.run.linear import plan_linear
from nbtools.run.reactive import NotRunnableError, plan_reactive
from nbtools.run.session import Limits, Listener, run_job
from nbtools.run.trace import CellRun, Output, Trace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")

NO_LIMITS = Limits()


def run_linear(
    *sources: str,
    tags: Mapping[int, tuple[str, ...]] | None = None,
    given: Mapping[str, str] | None = None,
    limits: Limits = NO_LIMITS,
    plain: bool = False,
    python: str = sys.executable,
    folder: Path | None = None,
) -> Trace:
    cells = tuple(
        Cell(i, "code", source, tags=(tags or {}).get(i, ())) for i, source in enumerate(sources)
    )
    job = plan_linear(Notebook(cells), "nb.ipynb", str(folder or Path.cwd()), given)
    return run_job(replace(job, plain=plain), python, limits)


def run_reactive(
    *sources: str | ReactiveCell,
    given: Mapping[str, str] | None = None,
    limits: Limits = NO_LIMITS,
    python: str = sys.executable,
    listener: Listener | None = None,
) -> Trace:
    cells = [ReactiveCell(each) if isinstance(each, str) else each for each in sources]
    job = plan_reactive(ReactiveNotebook(tuple(cells)), "nb.py", str(Path.cwd()), given)
    return run_job(job, python, limits, listener=listener or Listener())


def texts(run: CellRun) -> list[str]:
    """What a cell showed, each with its kind."""
    return [text_of(output) for output in run.outputs]


def text_of(output: Output) -> str:
    if output.kind == "stream":
        return f"{output.name}: {output.text}"
    if output.kind == "error":
        return f"error: {output.error_name}: {output.error_text}"
    data = output.data.get("text/markdown", output.data.get("text/plain"))
    return f"{output.kind}: {data}"


def statuses(trace: Trace) -> list[str]:
    return [cell.status for cell in trace.cells]


BOTH = pytest.mark.parametrize("plain", [False, True], ids=["IPython", "no IPython"])


# --- from top to bottom -------------------------------------------------------------------------


@BOTH
def test_a_linear_run_shows_what_jupyter_shows(plain: bool) -> None:
    trace = run_linear(
        "x = 2\nx",
        "_ + 1",
        "print('a'); x;",
        "Out[2], _1, In[1]",
        "display(x, 'y')",
        "",
        plain=plain,
    )
    assert [texts(cell) for cell in trace.cells] == [
        ["execute_result: 2"],
        ["execute_result: 3"],
        ["stdout: a\n"],
        ["execute_result: (3, 2, 'x = 2\\nx')"],
        ["display_data: 2", "display_data: 'y'"],
        [],
    ]
    assert [cell.outputs[0].count for cell in trace.cells[:2]] == [1, 2]
    assert statuses(trace) == ["ok"] * 5 + ["skipped"]
    assert trace.ending.kind == "finished"


@BOTH
def test_magics_and_shell_commands_work(plain: bool, tmp_path: Path) -> None:
    trace = run_linear(
        "%%writefile note.txt\nhello",
        "!cat note.txt",
        "lines = !cat note.txt\nlist(lines)",
        "%time y = 3",
        "y",
        plain=plain,
        folder=tmp_path,
    )
    assert trace.ending.kind == "finished"
    assert texts(trace.cells[1]) == ["stdout: hello\r\n"]
    assert texts(trace.cells[2]) == ["execute_result: ['hello']"]
    assert texts(trace.cells[4]) == ["execute_result: 3"]
    assert trace.engine.startswith("no IPython" if plain else "IPython ")


@BOTH
def test_an_activated_environment_is_not_this_interpreters(
    plain: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    trace = run_linear("1", plain=plain)
    assert texts(trace.cells[0]) == ["execute_result: 1"]


@BOTH
def test_nobody_takes_it_for_google_colab(plain: bool) -> None:
    trace = run_linear("'google.colab' in str(get_ipython())", plain=plain)
    assert texts(trace.cells[0]) == ["execute_result: False"]


@BOTH
def test_await_works_and_a_second_loop_does_not(plain: bool) -> None:
    trace = run_linear(
        "import asyncio\nawait asyncio.sleep(0)\n5", "asyncio.run(asyncio.sleep(0))", plain=plain
    )
    assert texts(trace.cells[0]) == ["execute_result: 5"]
    error = trace.cells[1].error
    assert error is not None
    assert error.text == "asyncio.run() cannot be called from a running event loop"


@BOTH
def test_an_error_ends_a_linear_run_and_says_where(plain: bool) -> None:
    trace = run_linear("def f():\n    return 1 / 0", "\n\nprint(1)\nf()", "2", plain=plain)
    assert statuses(trace) == ["ok", "error", "not-run"]
    assert (trace.ending.kind, trace.ending.cell) == ("error", 1)
    error = trace.cells[1].error
    assert error is not None
    places = [(frame.cell, frame.line, frame.text) for frame in error.frames]
    assert places == [(1, 4, "f()"), (0, 2, "return 1 / 0")]
    assert texts(trace.cells[1]) == ["stdout: 1\n", "error: ZeroDivisionError: division by zero"]


@BOTH
def test_an_expected_error_does_not_end_it(plain: bool) -> None:
    trace = run_linear("1 / 0", "2", tags={0: ("raises-exception",)}, plain=plain)
    assert statuses(trace) == ["error", "ok"]
    assert trace.cells[0].expected
    assert trace.ending.kind == "finished"


@BOTH
def test_a_cell_that_is_no_python_says_its_line(plain: bool) -> None:
    trace = run_linear("x = 1\nif x\n    pass", plain=plain)
    error = trace.cells[0].error
    assert error is not None
    assert (error.name, error.frames[0].line) == ("SyntaxError", 2)


@BOTH
def test_nobody_answers_input(plain: bool) -> None:
    error = run_linear("input('?')", plain=plain).cells[0].error
    assert error is not None
    assert error.name == "StdinNotImplementedError"


def test_displays_are_updated_and_cleared() -> None:
    trace = run_linear(
        "handle = display('old', display_id=True)",
        "handle.update('new')",
        "from IPython.display import clear_output\nprint(1)\nclear_output()\nprint(2)",
        "print(1)\nclear_output(wait=True)\nprint(2)",
    )
    shown = [["display_data: 'new'"], [], ["stdout: 2\n"], ["stdout: 2\n"]]
    assert [texts(cell) for cell in trace.cells] == shown


def test_exit_ends_the_notebook() -> None:
    trace = run_linear("exit()", "1")
    assert statuses(trace) == ["ok", "not-run"]
    assert trace.ending.kind == "left"


def test_tagged_cells_are_skipped() -> None:
    trace = run_linear("x = 1", "x = 2", "x", tags={1: ("skip-execution",)})
    assert statuses(trace) == ["ok", "skipped", "ok"]
    assert texts(trace.cells[2]) == ["execute_result: 1"]


@BOTH
def test_a_name_can_be_given_another_value(plain: bool) -> None:
    trace = run_linear("n = 1\nm = 2", "n + m", given={"n": "10"}, plain=plain)
    assert texts(trace.cells[1]) == ["execute_result: 12"]


def test_the_cell_tagged_parameters_is_the_one_to_override() -> None:
    cells = ("n = 0", "n = 1", "n")
    trace = run_linear(*cells, tags={1: ("parameters",)}, given={"n": "5"})
    assert texts(trace.cells[2]) == ["execute_result: 5"]
    with pytest.raises(NbtoolsError, match="no cell binds `k`"):
        run_linear(*cells, given={"k": "5"})


def test_the_folder_is_first_on_the_path(tmp_path: Path) -> None:
    tmp_path.joinpath("json.py").write_text("x = 'mine'\n")
    tmp_path.joinpath("beside.py").write_text("x = 'beside'\n")
    trace = run_linear("import beside\nbeside.x", plain=True, folder=tmp_path)
    assert texts(trace.cells[0]) == ["execute_result: 'beside'"]


# --- by the graph -------------------------------------------------------------------------------


def test_cells_run_in_the_order_of_the_data() -> None:
    trace = run_reactive("y = x + 1\ny", "print('first')", "x = 1")
    assert [cell.turn for cell in trace.cells] == [3, 1, 2]
    assert texts(trace.cells[0]) == ["execute_result: 2"]


def test_an_error_cancels_its_descendants_only() -> None:
    trace = run_reactive("x = 1 / 0", "y = x", "z = y", "4")
    assert statuses(trace) == ["error", "cancelled", "cancelled", "ok"]
    assert [cell.because for cell in trace.cells] == [None, 0, 0, None]
    assert trace.ending.kind == "error"


def test_a_stop_cancels_its_descendants_and_is_no_error() -> None:
    trace = run_reactive("import marimo as mo", "mo.stop(True, mo.md('why'))\nx = 1", "x", "4")
    assert statuses(trace) == ["ok", "stopped", "cancelled", "ok"]
    assert texts(trace.cells[1]) == ["execute_result: why"]
    assert trace.ending.kind == "finished"


def test_local_names_stay_in_their_cells() -> None:
    trace = run_reactive("_x = 1\ndef f():\n    return _x", "_x = 2\n(f(), _x)", "_y")
    assert texts(trace.cells[1]) == ["execute_result: (1, 2)"]
    assert texts(trace.cells[2]) == ["error: NameError: name '_y' is not defined"]


def test_the_last_value_replaces_what_was_put_out() -> None:
    source = "mo.output.append(1)\nmo.output.append(2)"
    trace = run_reactive("import marimo as mo", source, source + "\n3", "mo.md('**a**')")
    assert [texts(cell) for cell in trace.cells[1:]] == [
        ["display_data: 1", "display_data: 2"],
        ["execute_result: 3"],
        ["execute_result: **a**"],
    ]


def find_python(version: str) -> str | None:
    """An interpreter that has no marimo."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for python in (*map(str, installed), shutil.which(f"python{version}")):
        done = python and subprocess.run([python, "-c", "import marimo"], capture_output=True)
        if done and b"No module named" in done.stderr:
            return python
    return None


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_other_interpreters_run_it_with_the_stand_in(version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} without marimo")
    trace = run_reactive(
        "import marimo as mo\nslider = mo.ui.slider(1, 5)",
        "{'value': slider.value, 'set': {3, 1, 2}}",
        "mo.stop(slider.value < 3)",
        "await __import__('asyncio').sleep(0)\n[_x for _x in range(3)]",
        python=python,
    )
    assert trace.python.startswith(version)
    assert trace.marimo == "stand-in"
    assert texts(trace.cells[1]) == ["execute_result: {'value': 1, 'set': {1, 2, 3}}"]
    assert texts(trace.cells[3]) == ["execute_result: [0, 1, 2]"]


def test_the_setup_cell_is_first_and_disabled_cells_do_not_run() -> None:
    trace = run_reactive(
        "math.pi > 3",
        ReactiveCell("import math", name="setup"),
        ReactiveCell("x = 1", disabled=True),
        "x",
    )
    assert [cell.turn for cell in trace.cells] == [2, 1, None, None]
    assert [cell.because for cell in trace.cells] == [None, None, None, 2]
    assert statuses(trace) == ["ok", "ok", "skipped", "skipped"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("x = 1", "x = 2"), "nb.py: cells 1 and 2 both define `x`"),
        (("x = y", "1", "y = x"), r"nb.py: cells 1, 3 need each other \(via `x`, `y`\)"),
        (("1", "x ="), "nb.py: cell 2, line 1: "),
        (("from os import *",), "nb.py: cell 1, line 1: "),
    ],
)
def test_what_marimo_refuses_is_refused_with_the_cells(cells: tuple[str, ...], reason: str) -> None:
    with pytest.raises(NotRunnableError, match=reason):
        run_reactive(*cells)


def test_a_definition_can_be_overridden() -> None:
    trace = run_reactive("n + m", "n = 1\nm = 2", given={"n": "10"})
    assert texts(trace.cells[0]) == ["execute_result: 12"]


def test_a_listener_is_told_of_every_cell() -> None:
    told: list[str] = []
    listener = Listener(
        lambda cell: told.append(f"start {cell}"),
        lambda run: told.append(f"{run.status} {run.cell}"),
    )
    run_reactive("1 / 0", "2", listener=listener)
    assert told == ["start 0", "error 0", "start 1", "ok 1"]


def test_what_a_listener_raises_is_its_own() -> None:
    def fail(_run: CellRun) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run_reactive("1", "2", listener=Listener(on_end=fail))


# --- what is printed ------------------------------------------------------------------------------


def test_descriptors_and_programs_are_caught_in_their_place() -> None:
    trace = run_reactive(
        "import os, sys, subprocess\n"
        "print('a')\nos.write(1, b'b\\n')\nsubprocess.run(['echo', 'c'])\n"
        "print('d', file=sys.stderr)\nprint('e')\nos.system('echo f >&2');",
        "print('no end', end='')",
        "import ctypes\nctypes.CDLL(None).puts(b'from C')\nctypes.CDLL(None).fflush(None);",
    )
    assert texts(trace.cells[0]) == [
        "stdout: a\nb\nc\n",
        "stderr: d\n",
        "stdout: e\n",
        "stderr: f\n",
    ]
    assert texts(trace.cells[1]) == ["stdout: no end"]
    assert texts(trace.cells[2]) == ["stdout: from C\n"]


def test_threads_may_print_to_both_streams() -> None:
    trace = run_reactive(
        "import sys, threading\n"
        "def chatter(stream):\n"
        "    for i in range(2000):\n"
        "        print('x' * 50, file=stream)\n"
        "threads = [threading.Thread(target=chatter, args=(s,))\n"
        "           for s in (sys.stdout, sys.stderr, sys.stdout)]\n"
        "[t.start() for t in threads]\n"
        "[t.join() for t in threads];",
        "2",
    )
    assert statuses(trace) == ["ok", "ok"]
    printed = dict.fromkeys(("stdout", "stderr"), 0)
    for output in trace.cells[0].outputs:
        printed[output.name] += output.text.count("x")
    assert printed == {"stdout": 200_000, "stderr": 100_000}


def test_json_that_is_none_is_made_some() -> None:
    source = (
        "class Odd:\n"
        "    def _repr_mimebundle_(self, **_):\n"
        "        nan = float('nan')\n"
        "        return {'application/json': {'n': [nan, float('inf'), 1.5], 3: (b'a', {1})}}\n"
        "Odd()"
    )
    for trace in (run_reactive(source), run_linear(source), run_linear(source, plain=True)):
        data = trace.cells[0].outputs[0].data["application/json"]
        assert data == {"n": [None, None, 1.5], "3": ["YQ==", "{1}"]}


def test_a_cell_that_waits_is_interrupted_too() -> None:
    source = "import asyncio\nawait asyncio.sleep(60)"
    trace = run_reactive(source, limits=Limits(cell_seconds=0.4))
    assert statuses(trace) == ["timed-out"]
    assert trace.ending.kind == "timed-out"
    assert trace.seconds < 2


def test_what_a_cell_prints_is_capped() -> None:
    limits = Limits(output=1000)
    trace = run_reactive(
        "for i in range(50):\n    print('x' * 1_000_000)", "'y' * 5000", limits=limits
    )
    (stream,) = trace.cells[0].outputs
    assert len(stream.text) == 1000
    assert stream.dropped == 50 * 1_000_001 - 1000
    assert texts(trace.cells[1]) == ["execute_result: [5002 characters of text/plain left out]"]
    assert trace.cells[1].outputs[0].dropped


def test_a_gigabyte_that_a_cell_prints_is_counted_and_dropped() -> None:
    trace = run_reactive("for _ in range(1000):\n    print('x' * 999_999)", "2")
    (stream,) = trace.cells[0].outputs
    assert len(stream.text) + stream.dropped == 10**9
    assert len(stream.text) == Limits().output
    assert statuses(trace) == ["ok", "ok"]


def test_the_protocol_s_own_lines_are_text_like_any_other() -> None:
    line = '{"event": "done"}'
    trace = run_reactive(f"print({line!r})\nprint('\\0abc:12\\0')", "2")
    assert texts(trace.cells[0]) == [f"stdout: {line}\n\0abc:12\0\n"]
    assert statuses(trace) == ["ok", "ok"]


# --- what a notebook can do to its process ------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL), probably out of memory"),
        ("os.kill(os.getpid(), 11)", "killed by signal 11 (SIGSEGV)"),
        ("os._exit(3)", "the process ended itself with exit code 3"),
        ("os._exit(0)", "the process ended itself with exit code 0"),
        ("os.closerange(0, 4096)", "the cell closed descriptors that are not its own"),
    ],
)
def test_the_death_of_the_process_is_a_result(source: str, reason: str) -> None:
    trace = run_reactive("1", f"import os\nprint('before')\n{source}", "2")
    assert statuses(trace) == ["ok", "died", "not-run"]
    assert (trace.ending.kind, trace.ending.cell) == ("died", 1)
    assert trace.ending.reason == reason
    assert texts(trace.cells[1])[0] == "stdout: before\n"


def test_a_crash_says_where_python_was() -> None:
    trace = run_reactive("import ctypes\nctypes.string_at(0)")
    assert trace.ending.reason == "killed by signal 11 (SIGSEGV)"
    assert "Segmentation fault" in texts(trace.cells[0])[0]


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.close(1)\nos.close(2)",
        "import sys\nsys.stdout.close()",
        "import sys, io\nsys.stdout = sys.stderr = io.StringIO()",
        "import sys\ndel sys.stdout",
        "import os\nos.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
        "import sys\nsys.modules.clear()",
        "import builtins\ndel builtins.print",
    ],
)
def test_what_a_cell_breaks_for_itself_does_not_break_the_run(source: str) -> None:
    trace = run_reactive(source, "2")
    assert statuses(trace) == ["ok", "ok"]
    assert texts(trace.cells[1]) == ["execute_result: 2"]


def test_garbage_in_the_channel_ends_the_run() -> None:
    source = (
        "import os\nfor number in range(3, 400):\n"
        "    try:\n        os.write(number, b'{}\\n')\n    except OSError:\n        pass"
    )
    trace = run_reactive("1", source, "2")
    assert statuses(trace) == ["ok", "died", "not-run"]
    assert trace.ending.kind == "broken"


@pytest.mark.parametrize(
    "event",
    [
        "send('output', kind='display_data')",
        "send('output', kind='display_data', data=3, metadata={})",
        "send('output', kind='error', ename='E', evalue='', traceback=3)",
        "send('start', cell=7)",
        "send('start', cell='x')",
        "send('end', cell=0, error={'name': 3})",
        "send('end', mark=True, cell=0, seconds='soon')",
        "_write(channel.events, channel.token + b' ' + b'[' * 100_000 + b'\\n')",
        "_write(channel.events, channel.token + b' {}\\n')",
        "send('done', memory='much')",
        "_write(channel.events, channel.token + b' 3\\n')",
        "send('done', memory=1, values=[])",
        "send('done', memory=1, values={'x': 1})",
        "send('done', memory=1, values={'x': ['a']})",
        "_write(channel.events, b'x' * 100 + b'\\n')",
    ],
)
def test_forged_events_end_the_run_at_most(event: str) -> None:
    source = (
        "import gc\n"
        "channel = [o for o in gc.get_objects() if type(o).__name__ == 'Channel'][0]\n"
        f"channel.{event}"
    )
    trace = run_reactive("1", source, "2")
    assert trace.ending.kind == "broken"
    assert trace.cells[2].status == "not-run"


def test_forks_print_and_end_without_a_word_in_the_channel() -> None:
    source = (
        "import os as _os\nif _os.fork() == 0:\n    print('child')\n"
        "else:\n    _os.wait()\n    print('parent')"
    )
    trace = run_reactive(source, source.replace("print('child')", "raise SystemExit"), "3")
    assert texts(trace.cells[0]) == ["stdout: child\nparent\n"]
    assert statuses(trace) == ["ok", "ok", "ok"]


@BOTH
def test_endless_recursion_is_an_error_of_bounded_size(plain: bool) -> None:
    trace = run_linear("def f():\n    f()\nf()", plain=plain)
    error = trace.cells[0].error
    assert error is not None
    assert error.name == "RecursionError"
    assert len(error.frames) <= 100
    assert len("".join(trace.cells[0].outputs[0].traceback)) < 100_000


def test_memory_is_limited() -> None:
    trace = run_reactive("x = bytearray(10**9)", "2", limits=Limits(memory=400 * 2**20))
    assert texts(trace.cells[0]) == ["error: MemoryError: "]
    assert statuses(trace) == ["error", "ok"]


def test_the_size_of_a_file_is_limited(tmp_path: Path) -> None:
    code = f"with open({str(tmp_path / 'a')!r}, 'wb') as f: f.write(bytes(10**7))"
    trace = run_reactive(code, "2", limits=Limits(file_size=10**6))
    assert texts(trace.cells[0]) == ["error: OSError: [Errno 27] File too large"]
    assert statuses(trace) == ["error", "ok"]
    assert (tmp_path / "a").stat().st_size == 10**6


def test_open_files_are_limited() -> None:
    trace = run_reactive("kept = [open('/dev/null') for _ in range(5000)]", "2")
    assert "Too many open files" in texts(trace.cells[0])[0]
    assert statuses(trace) == ["error", "ok"]


@pytest.mark.parametrize(
    "limits", [Limits(cell_seconds=0.3), Limits(seconds=0.5)], ids=["cell", "run"]
)
def test_time_is_limited(limits: Limits) -> None:
    trace = run_reactive("import time\ntime.sleep(60)", "2", limits=limits)
    assert statuses(trace) == ["timed-out", "not-run"]
    error = trace.cells[0].error
    assert error is not None
    assert [frame.line for frame in error.frames] == [2]
    assert "took longer than 0." in trace.ending.reason
    assert trace.seconds < 2


def test_a_cell_that_will_not_stop_is_killed() -> None:
    source = (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    )
    trace = run_reactive(source, "2", limits=Limits(cell_seconds=0.2))
    assert statuses(trace) == ["timed-out", "not-run"]
    assert (trace.ending.kind, trace.ending.cell) == ("timed-out", 0)


def test_an_expected_error_is_no_way_around_the_limit() -> None:
    trace = run_linear(
        "import time\ntime.sleep(60)",
        "2",
        tags={0: ("raises-exception",)},
        limits=Limits(cell_seconds=0.3),
        plain=True,
    )
    assert statuses(trace) == ["timed-out", "not-run"]
    assert trace.ending.kind == "timed-out"


def _interrupt_soon(times: int) -> None:
    def press() -> None:
        for _ in range(times):
            time.sleep(0.4)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()


def test_an_interrupt_ends_the_cell_and_the_run() -> None:
    _interrupt_soon(1)
    trace = run_reactive("1", "import time\ntime.sleep(60)", "2")
    assert statuses(trace) == ["ok", "interrupted", "not-run"]
    assert (trace.ending.kind, trace.ending.cell) == ("interrupted", 1)


def test_a_second_interrupt_ends_a_cell_that_ignores_the_first() -> None:
    _interrupt_soon(2)
    source = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)"
    trace = run_reactive(source)
    assert statuses(trace) == ["interrupted"]
    assert trace.seconds < 2


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/stat")
    return not status.exists() or status.read_text().split()[2] != "Z"


@pytest.mark.parametrize("session", [False, True], ids=["in the group", "out of it"])
def test_no_process_is_left_behind(session: bool) -> None:
    if session and not Path("/proc/self").exists():
        pytest.skip("without /proc they are not found")
    trace = run_reactive(
        "import subprocess\n"
        f"p = subprocess.Popen(['sleep', '60'], start_new_session={session})\nprint(p.pid)"
    )
    number = int(trace.cells[0].outputs[0].text)
    deadline = time.monotonic() + 2
    while _is_alive(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(number)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux")
def test_nothing_survives_the_death_of_nbtools(tmp_path: Path) -> None:
    cell = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    program = f"import test_session\ntest_session.run_reactive({cell!r})"
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    parent = subprocess.Popen([sys.executable, "-c", program], env=environment)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    number = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 3
    while _is_alive(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(number)


def test_what_was_written_is_there_when_the_run_is_over(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    run_reactive(f"file = open({str(path)!r}, 'w')\nfile.write('unflushed')")
    assert path.read_text() == "unflushed"


def test_an_interpreter_that_cannot_do_it_is_named() -> None:
    with pytest.raises(NbtoolsError, match=r"cannot start /no/python in .*: no such file"):
        run_reactive("1", python="/no/python")
    with pytest.raises(NbtoolsError, match=r"false cannot run notebooks, Python 3.8 or newer can"):
        run_reactive("1", python=shutil.which("false") or "false")


def test_what_a_run_shows_in_all_is_bounded() -> None:
    many = ["print('x' * 400_000)", "'y' * 400_000", "print('z' * 400_000)", "1"]
    trace = run_reactive(*many, limits=Limits(kept=1_000_000))
    kept = [output for cell in trace.cells for output in cell.outputs]
    assert [bool(output.dropped) for output in kept] == [False, False, True, True]
    assert sum(len(output.text) + len(str(output.data)) for output in kept) < 1_100_000
    assert trace.ending.kind == "finished"


def test_what_is_no_text_for_others_is_shown() -> None:
    source = "class A:\n    def _repr_html_(self): return '\\ud800 \\udcff \\u00e9'\nA()"
    (run,) = run_reactive(source).cells
    assert run.outputs[-1].data["text/html"] == "\ud800 \udcff \u00e9"
