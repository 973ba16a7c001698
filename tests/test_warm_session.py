"""A process that stays: cells that run again, with what depends on them and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.run.job import Job
from nbtools.run.reactive import plan_reactive
from nbtools.run.session import Limits, open_session
from nbtools.run.trace import Trace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")


def plan(*sources: str) -> Job:
    cells = tuple(ReactiveCell(source) for source in sources)
    return plan_reactive(ReactiveNotebook(cells), "nb.py", str(Path.cwd()))


def printed(trace: Trace) -> dict[int, str]:
    return {cell.cell: "".join(output.text for output in cell.outputs) for cell in trace.cells}


def test_only_what_depends_on_a_cell_runs_again() -> None:
    job = plan("a = 1; print('a')", "b = a + 1; print('b')", "print('c')", "print(b)")
    with open_session(job, sys.executable) as session:
        session.run()
        assert printed(session.rerun(job, [1])) == {1: "b\n", 3: "2\n"}
        assert printed(session.rerun(job, [2])) == {2: "c\n"}


def test_a_changed_cell_gives_new_values_to_its_descendants() -> None:
    before, after = plan("x = 1", "print(x * 10)"), plan("x = 5", "print(x * 10)")
    with open_session(before, sys.executable) as session:
        assert printed(session.run())[1] == "10\n"
        assert printed(session.rerun(after, [0]))[1] == "50\n"


def test_what_a_cell_defined_before_is_gone_when_it_runs_again() -> None:
    source = "old = 'old' in globals(); _private = '_private' in globals()\nprint(old, _private)"
    before, after = plan("old = 1"), plan("new = 1\nprint('old' in globals())")
    with open_session(before, sys.executable) as session:
        session.run()
        assert printed(session.rerun(after, [0]))[0] == "True\n"  # `old` was its own by then
    with open_session(plan(source), sys.executable) as session:
        session.run()
        assert printed(session.rerun(plan(source), [0]))[0] == "False False\n"


def test_names_of_a_cell_that_is_gone_are_deleted() -> None:
    before = plan("x = 1", "y = 2", "print('x' in globals())")
    after = plan("y = 2", "print('x' in globals())")
    with open_session(before, sys.executable) as session:
        assert printed(session.run())[2] == "True\n"
        trace = session.rerun(after, [1], gone=[before.cell(0)])
        assert printed(trace) == {1: "False\n"}


def test_an_error_of_the_last_round_is_not_remembered() -> None:
    before, after = plan("x = 1 / 0", "print(x)"), plan("x = 1", "print(x)")
    with open_session(before, sys.executable) as session:
        assert [cell.status for cell in session.run().cells] == ["error", "cancelled"]
        trace = session.rerun(after, [0])
        assert (trace.ending.kind, printed(trace)[1]) == ("finished", "1\n")


def test_a_process_that_died_is_not_asked_again() -> None:
    job = plan("import os; os._exit(3)")
    with open_session(job, sys.executable) as session:
        assert session.run().ending.kind == "died"
        assert not session.is_alive


def test_the_limit_of_time_holds_for_each_round() -> None:
    before, after = plan("x = 1"), plan("while True: pass")
    with open_session(before, sys.executable, Limits(seconds=1)) as session:
        session.run()
        assert session.rerun(after, [0]).ending.kind == "timed-out"


def test_cells_that_wait_run_again_in_the_same_loop() -> None:
    wait = "import asyncio\nawait asyncio.sleep(0)\nprint({})"
    with open_session(plan(wait.format(1)), sys.executable) as session:
        session.run()
        assert printed(session.rerun(plan(wait.format(2)), [0])) == {0: "2\n"}
