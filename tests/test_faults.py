"""A run in which something breaks at each event: the process dies, or Ctrl-C is pressed.

The worker is a copy that does it right before, or right after, it sends its n-th event.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_verify_command import write_notebook

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.run import session
from nbtools.run.reactive import plan_reactive
from nbtools.run.trace import Trace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")

CELLS = ("print('one')\nx = 1", "x + 1", "print(x)\nx * 10")
SEND = '        more["event"] = name\n'
WRITE = "                self._write(self.events, data)\n"
COUNT = """\
{indent}Channel.sent = getattr(Channel, 'sent', 0) + 1
{indent}if Channel.sent == {turn}: {act}
"""
DIE = "os.kill(os.getpid(), 9)"
MOST = 40


def break_worker(folder: Path, turn: int, act: str, *, after: bool) -> Path:
    """A worker that does something at its event `turn` (from 1)."""
    text = session.WORKER.read_text()
    place = WRITE if after else SEND
    assert text.count(place) == 1
    indent = place[: len(place) - len(place.lstrip())]
    extra = COUNT.format(indent=indent, turn=turn, act=act)
    path = folder / "broken_worker.py"
    path.write_text(text.replace(place, place + extra))
    return path


def run_cells(folder: Path) -> Trace:
    notebook = ReactiveNotebook(tuple(map(ReactiveCell, CELLS)))
    job = plan_reactive(notebook, "nb.py", str(folder))
    return session.run_job(job, sys.executable, session.Limits(seconds=60))


@pytest.mark.parametrize("after", [False, True])
def test_the_process_is_killed_at_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    whole = run_cells(tmp_path)
    ended = set()
    for turn in range(1, MOST):
        broken = break_worker(tmp_path, turn, DIE, after=after)
        with monkeypatch.context() as patch:
            patch.setattr(session, "WORKER", broken)
            trace = run_cells(tmp_path)
        ended.add(trace.ending.kind)
        if trace.ending.kind == "finished":
            break
        assert trace.ending.kind == "died", trace.ending
        assert "killed by signal 9" in trace.ending.reason
        assert [run.cell for run in trace.cells] == [0, 1, 2]
        statuses = [run.status for run in trace.cells]
        done = statuses.count("ok")
        assert statuses[:done] == ["ok"] * done
        assert set(statuses[done + 1 :]) <= {"not-run", "cancelled"}
        for run, same in zip(trace.cells[:done], whole.cells[:done], strict=True):
            assert [*run.outputs] == [*same.outputs]
    assert ended == {"died", "finished"}  # the last turn is one that never comes
    assert turn > 2 * len(CELLS)


START = """\
import sys
from pathlib import Path
from nbtools.cli import main
from nbtools.run import session
session.WORKER = Path(sys.argv[1])
main(["run", sys.argv[2], "--json", "--python", sys.executable])
"""


@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_at_each_event(tmp_path: Path, after: bool) -> None:
    path = write_notebook(tmp_path / "nb.ipynb", *CELLS)
    interrupted = 0
    for turn in range(1, MOST):
        act = "os.kill(os.getppid(), 2)"
        broken = break_worker(tmp_path, turn, act, after=after)
        command = [sys.executable, "-c", START, str(broken), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode == 0:  # it came when all was over, or not at all
            break
        assert done.returncode == 130, done.stdout + done.stderr
        interrupted += 1
    assert interrupted > len(CELLS)
