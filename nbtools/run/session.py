"""Runs one job in a process of its own, and gives what it did; nothing is left running.

Nothing that comes from the process is trusted: sizes are capped, every event is checked, and its
death is a result like any other.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct, field
from msgspec.json import Decoder
from msgspec.structs import replace

from nbtools.errors import NbtoolsError
from nbtools.run.job import Job, JobCell, document_round, with_descendants
from nbtools.run.spool import Outputs, Spool, measure_value
from nbtools.run.trace import CellError, CellRun, Ending, Frame, Output, Status, Trace, Value

WORKER = Path(__file__).with_name("worker.py")
LOST = 70  # the worker's exit code when the notebook closed its descriptors
GRACE = 2.0  # seconds for what Python does when it ends, and for a cell that is interrupted
LARGEST_EVENT = 128 * 1024 * 1024  # bytes
MOST_NAMES = 10_000  # of which values are told; the worker keeps to it as well
_POLL = 0.1  # seconds
_DECODER = Decoder()
_VARIABLE = "NBTOOLS_RUN"
"""Every process of a run has it in its environment, so that none is left behind."""

# Neither the notebook's folder nor nbtools' may shadow what the worker imports.
_START = """\
import sys
if sys.version_info < (3, 8): sys.exit("it is Python %d.%d" % sys.version_info[:2])
import os
kept = [path for path in sys.path if path]
sys.path[:] = [path for path in kept if path != os.getcwd()]
from importlib.machinery import SourceFileLoader
worker = sys.modules["nbtools_worker"] = type(sys)("nbtools_worker")
worker.__file__ = sys.argv[1]
SourceFileLoader("nbtools_worker", sys.argv[1]).exec_module(worker)
sys.path[:] = kept
worker.main(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
"""


class Limits(Struct, frozen=True):
    """What a run may use; None: as much as it likes."""

    seconds: float | None = None  # of the whole run, by the clock
    cell_seconds: float | None = None
    memory: int | None = None  # bytes of address space
    file_size: int | None = None  # bytes of each file that it writes
    network: bool = True  # False: it finds itself without one, but for loopback
    kept: int = 256_000_000  # bytes and characters that a run may show in all
    output: int = 10_000_000  # bytes that a cell may print, and characters of one mime type


_NO_LIMITS = Limits()


def _ignore_start(_cell: int) -> None:
    pass


def _ignore_end(_run: CellRun) -> None:
    pass


class Listener(Struct, frozen=True):
    """Who wants to know how far a run is."""

    on_start: Callable[[int], None] = _ignore_start
    on_end: Callable[[CellRun], None] = _ignore_end


_NOBODY = Listener()


def run_job(
    job: Job,
    python: str,
    limits: Limits = _NO_LIMITS,
    *,
    environment: Mapping[str, str] | None = None,
    listener: Listener = _NOBODY,
) -> Trace:
    """Execute a notebook's code under an interpreter, and give what every cell did.

    Args:
        job: What is to run.
        python: The interpreter: a path, or a command that is looked up.
        limits: When to stop it.
        environment: All its variables; None for those of this process.
        listener: Is told of every cell when it starts and ends.

    Raises:
        NbtoolsError: the interpreter cannot be started.
    """
    with _open(job, python, limits, environment, listener, stay=False) as session:
        session.follow()
    return session.trace()


class WarmSession:
    """A process that stays after the run, so that cells of a reactive notebook can run again."""

    def __init__(self, session: _Session) -> None:
        self._session = session

    def run(self) -> Trace:
        """Run all cells, once."""
        self._session.follow()
        return self._session.trace()

    @property
    def is_alive(self) -> bool:
        """Whether cells can run again: the process stayed, and no limit ended it."""
        return self._session.recorder.done is not None and not self._session.killed

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed since the process was started."""
        return self._session.interrupts > 0

    def rerun(self, job: Job, cells: Iterable[int], gone: Sequence[JobCell] = ()) -> Trace:
        """Run cells again, and all that depend on them.

        What they defined before is deleted first, as marimo does.

        Args:
            job: The notebook as it is now; it may have changed since the last round.
            cells: The cells (0-based) that are stale by themselves.
            gone: Cells of earlier rounds that the notebook no longer has.

        Returns:
            What the cells did that ran again, and no others.
        """
        chosen = with_descendants(job, cells)
        part = replace(job, cells=tuple(chosen), skipped=(), disabled={})
        self._session.start_round(part, document_round(chosen, [*gone, *chosen]))
        self._session.follow()
        return self._session.trace()


@contextmanager
def open_session(
    job: Job,
    python: str,
    limits: Limits = _NO_LIMITS,
    *,
    environment: Mapping[str, str] | None = None,
    listener: Listener = _NOBODY,
) -> Iterator[WarmSession]:
    """A process for a reactive notebook that stays until the block ends; see `run_job`.

    The limit of seconds holds for each round.
    """
    with _open(job, python, limits, environment, listener, stay=True) as session:
        yield WarmSession(session)


@contextmanager
def _open(
    job: Job,
    python: str,
    limits: Limits,
    environment: Mapping[str, str] | None,
    listener: Listener,
    *,
    stay: bool,
) -> Iterator[_Session]:
    if os.name != "posix":
        raise NbtoolsError("running notebooks needs Linux or macOS")
    session = _Session(job, limits, listener, stay)
    with _caught_interrupts(session):
        session.start(python, os.environ if environment is None else environment)
        try:
            yield session
        finally:
            session.end()


@contextmanager
def _caught_interrupts(session: _Session) -> Iterator[None]:
    """Ctrl-C is for the notebook; pressed twice it ends the run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_number: int, _frame: object) -> None:
        session.interrupts += 1

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- what the notebook prints -----------------------------------------------------------------


class _Printed(Struct):
    """One of the two pipes: the text between the worker's marks."""

    name: str
    descriptor: int
    mark: re.Pattern[bytes]
    most: int  # bytes to keep for one cell
    rest: bytes = b""  # what may be the beginning of a mark
    current: list[bytes] = field(default_factory=list)
    size: int = 0  # of what was kept for this cell
    dropped: int = 0
    segments: deque[tuple[int, bytes]] = field(default_factory=deque)
    open: bool = True

    def read(self) -> None:
        """Take what has come; must be called when there is something."""
        try:
            data = os.read(self.descriptor, 1 << 18)
        except BlockingIOError:
            return
        if not data:
            self.open = False
        self._add(self.rest + data)

    def _add(self, data: bytes) -> None:
        position = 0
        if b"\0" in data:
            for found in self.mark.finditer(data):
                self._keep(data[position : found.start()])
                self.segments.append((int(found[1]), b"".join(self.current)))
                self.current.clear()
                position = found.end()
        begun = data.rfind(b"\0", max(position, len(data) - 60))
        end = begun if begun >= position and self.open else len(data)
        self._keep(data[position:end])
        self.rest = data[end:]

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        room = max(self.most - self.size, 0)
        self.dropped += max(len(data) - room, 0)
        self.size += min(len(data), room)
        if room:
            self.current.append(data[:room])

    def has(self, mark: int) -> bool:
        return bool(self.segments) and self.segments[-1][0] >= mark

    def take(self, mark: int | None) -> str:
        """What was printed before a mark, or all that has come."""
        parts = []
        while self.segments and (mark is None or self.segments[0][0] <= mark):
            parts.append(self.segments.popleft()[1])
        if mark is None:
            parts += [*self.current, self.rest]
            self.current.clear()
            self.rest = b""
        return b"".join(parts).decode("utf-8", "replace")

    def next_cell(self) -> int:
        """Begin to count anew; gives how many bytes were left out."""
        dropped, self.dropped, self.size = self.dropped, 0, 0
        return dropped


# --- what the cells did -----------------------------------------------------------------------


class _Recorder(Struct):
    """Puts events together; `runs` is what becomes of each cell."""

    job: Job
    room: int  # how much more of what is shown may be kept
    spool: Spool = field(default_factory=Spool)
    runs: dict[int, CellRun] = field(default_factory=dict)
    current: int | None = None
    begun: float = 0.0
    shown: Outputs | None = None  # by the current cell
    clear_next: bool = False
    turns: int = 0
    left: bool = False
    ready: Mapping[str, Any] | None = None
    done: Mapping[str, Any] | None = None
    news: list[int | CellRun] = field(default_factory=list)  # cells that started, and that ended

    @property
    def outputs(self) -> Outputs:
        """What the current cell showed so far."""
        if self.shown is None:
            self.shown = Outputs(self.spool)
        return self.shown

    def print(self, name: str, text: str) -> None:
        if not text:
            return
        self._clear_if_due()
        text, left_out = self._keep_text(text)
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.kind == "stream" and last.name == name:
            dropped = last.dropped + left_out
            self.outputs.change(-1, replace(last, text=last.text + text, dropped=dropped))
        else:
            self.outputs.append(Output("stream", name=name, text=text, dropped=left_out))

    def _keep_text(self, text: str) -> tuple[str, int]:
        """As much of a text as there is room for, and how much is left out."""
        kept = text[: self.room]
        self.room -= len(kept)
        return kept, len(text) - len(kept)

    def _keep_bundle(self, output: Output) -> Output:
        """An output, or what stands for it if there is no room: its formats and their sizes."""
        sizes = {mime: measure_value(value) for mime, value in output.data.items()}
        total = sum(sizes.values())
        if total <= self.room:
            self.room -= total
            return output
        words = {m: f"[{n} characters of {m} left out]" for m, n in sizes.items()}
        return replace(output, data=words, dropped=max(total, 1))

    def _clear_if_due(self) -> None:
        if self.clear_next:
            self.shown = None
            self.clear_next = False

    def start(self, event: Mapping[str, Any]) -> None:
        cell = int(event["cell"])
        if cell not in self.job.positions:
            raise ValueError(f"an event of cell {cell + 1}, which is not run")
        self.current, self.begun, self.clear_next = cell, time.monotonic(), False
        self.turns += 1
        self.news.append(cell)

    def show(self, event: Mapping[str, Any]) -> None:
        output = self._keep_bundle(_read_output(event))
        if event.get("update"):
            self._update(output)
            return
        self._clear_if_due()
        self.outputs.append(output)

    def _update(self, output: Output) -> None:
        """Put what `update_display` gives in the place of all outputs with its id."""
        if output.display_id is None:
            return

        def renew(old: Output) -> Output:
            return replace(old, data=output.data, metadata=output.metadata)

        for shown in (self.outputs, *(run.outputs for run in self.runs.values())):
            if isinstance(shown, Outputs):
                shown.renew(output.display_id, renew)

    def clear(self, event: Mapping[str, Any]) -> None:
        if event.get("wait"):
            self.clear_next = True
        else:
            self.shown = None

    def skip(self, event: Mapping[str, Any]) -> None:
        cell, because = int(event["cell"]), int(event["because"])
        self._finish(CellRun(cell, "cancelled", because=because))

    def end(
        self, event: Mapping[str, Any], status: Status | None, dropped: Mapping[str, int]
    ) -> None:
        """The current cell is done."""
        if self.current is None:
            return
        for name, count in dropped.items():
            if count:
                self._note_dropped(name, count)
        error = _read_error(event["error"]) if event.get("error") else None
        stopped: Status = "stopped" if event.get("stopped") else "ok"
        found = status or ("error" if error else stopped)
        self.left = self.left or bool(event.get("leaves"))
        self.outputs.close()
        run = CellRun(
            self.current,
            found,
            self.outputs,
            seconds=float(event.get("seconds", time.monotonic() - self.begun)),
            error=error,
            expected=found == "error" and self.job.cell(self.current).raises,
            turn=self.turns,
        )
        self.current = self.shown = None
        self._finish(run)

    def _note_dropped(self, name: str, count: int) -> None:
        for position in reversed(range(len(self.outputs))):
            output = self.outputs[position]
            if output.kind == "stream" and output.name == name:
                more = replace(output, dropped=output.dropped + count)
                self.outputs.change(position, more)
                return

    def _finish(self, run: CellRun) -> None:
        self.runs[run.cell] = run
        self.news.append(run)


def _read_output(event: Mapping[str, Any]) -> Output:
    if event["kind"] == "error":
        lines = tuple(str(line) for line in event["traceback"])
        name, text = str(event["ename"]), str(event["evalue"])
        return Output("error", error_name=name, error_text=text, traceback=lines)
    kind = "execute_result" if event["kind"] == "execute_result" else "display_data"
    data, metadata = event["data"], event["metadata"]
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        raise ValueError("a bundle that is no object")
    count = event.get("count")
    key = event.get("display_id")
    return Output(
        kind,  # type: ignore[arg-type]
        data=data,
        metadata=metadata,
        count=count if isinstance(count, int) else None,
        display_id=key if isinstance(key, str) else None,
        dropped=int(bool(event.get("cut"))),
    )


def _read_error(found: Mapping[str, Any]) -> CellError:
    frames = tuple(
        Frame(int(each["cell"]), int(each["line"]), str(each["function"]), str(each["text"]))
        for each in found["frames"]
    )
    return CellError(str(found["name"]), str(found["text"]), frames)


def _read_values(found: Any) -> dict[str, Value]:
    if not isinstance(found, dict) or len(found) > MOST_NAMES:
        raise ValueError("values that are none")
    return {
        str(name): Value(str(fingerprint)[:64], str(words)[:200])
        for name, (fingerprint, words) in found.items()
    }


# --- the process --------------------------------------------------------------------------------


def _decode_json(text: bytes) -> Any:
    """As `json.loads`, which alone takes half of a surrogate pair: in a fifth of its time."""
    try:
        return _DECODER.decode(text)
    except MsgspecError:
        return json.loads(text.decode())


class _BrokenError(Exception):
    """What came through the channel is nothing that the worker sends."""


class _Session:
    def __init__(self, job: Job, limits: Limits, listener: Listener, stay: bool) -> None:
        self.job, self.limits, self.listener, self.stay = job, limits, listener, stay
        self.recorder = _Recorder(job, limits.kept)
        self.token = os.urandom(8).hex()
        self.interrupts = 0
        self.answered = 0  # interrupts that were passed on
        self.timed_out: str | None = None  # which limit was hit
        self.deadline: float | None = None  # when an interrupted cell is killed
        self.killed = False
        self.ending: Ending | None = None
        self.buffer = b""
        self.poll = select.poll()
        self.watched: set[int] = set()
        self.open = True
        self.seconds = 0.0

    # --- start and end

    def start(self, python: str, environment: Mapping[str, str]) -> None:
        self.python = python
        jobs, self.jobs = os.pipe()
        alive, self.alive = os.pipe()  # that it closes tells the worker that nbtools is gone
        self.events, events = os.pipe()
        pipes = [os.pipe(), os.pipe()]
        mark = re.compile(b"\0" + self.token.encode() + rb":(\d+)\0")
        self.printed = [
            _Printed(name, pipe[0], mark, self.limits.output)
            for name, pipe in zip(("stdout", "stderr"), pipes, strict=True)
        ]
        self.begun = time.monotonic()
        try:
            self.process = subprocess.Popen(
                [python, "-c", _START, str(WORKER), str(jobs), str(events), str(alive)],
                stdin=subprocess.DEVNULL,
                stdout=pipes[0][1],
                stderr=pipes[1][1],
                pass_fds=(jobs, events, alive),
                cwd=self.job.folder,
                env={**environment, _VARIABLE: self.token},
                start_new_session=True,
            )
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._close(self.jobs, self.alive, self.events, pipes[0][0], pipes[1][0])
            raise NbtoolsError(f"cannot start {python} in {self.job.folder}: {reason}") from None
        finally:
            self._close(jobs, alive, events, pipes[0][1], pipes[1][1])
        for descriptor in (self.events, *(each.descriptor for each in self.printed)):
            os.set_blocking(descriptor, False)
            self.poll.register(descriptor, select.POLLIN)
            self.watched.add(descriptor)
        self._send_job()

    def _send_job(self) -> None:
        cpu = self.limits.seconds
        document = {
            **self.job.document(),
            "token": self.token,
            "most": self.limits.output,
            "memory": self.limits.memory,
            "file_size": self.limits.file_size,
            "cpu": None if cpu is None or self.stay else cpu * (os.cpu_count() or 1) + 10,
            "stay": self.stay,
            "no_network": not self.limits.network,
        }
        self._send(document)

    def start_round(self, job: Job, document: Mapping[str, Any]) -> None:
        """Have cells run again in the process, which stayed."""
        ready = self.recorder.ready
        self.job, self.recorder = job, _Recorder(job, self.limits.kept)
        self.recorder.ready = ready
        self.begun = time.monotonic()
        self._send(document)

    def _send(self, document: Mapping[str, Any]) -> None:
        data = json.dumps(document).encode() + b"\n"
        with suppress(BrokenPipeError):  # it died at once: `follow` finds out
            while data:
                data = data[os.write(self.jobs, data) :]

    @staticmethod
    def _close(*descriptors: int) -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    def end(self) -> None:
        """Let the process end by itself if all is done; leave nothing of it."""
        if self.recorder.done is not None and not self.killed and not self.stay:
            self._wait(GRACE)
        self._kill()
        self.process.wait()
        self._kill_stragglers()
        self._close(self.jobs, self.alive, self.events, *(each.descriptor for each in self.printed))
        self.seconds = time.monotonic() - self.begun

    def _wait(self, seconds: float) -> None:
        """Wait for the end of the process, and take what it still writes."""
        until = time.monotonic() + seconds
        while not self._has_ended() and time.monotonic() < until and self.interrupts < 2:
            self._select(0.01)
            for each in self.printed:
                if each.open:
                    each.read()
                    each.take(None)

    def _has_ended(self) -> bool:
        """Whether it has; it is not reaped, so that its number still means its group."""
        if not hasattr(os, "waitid"):  # macOS, before Python 3.13
            return self.process.poll() is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _kill_stragglers(self) -> None:
        """Kill what left the process group, known by the environment that it was given."""
        wanted = f"{_VARIABLE}={self.token}".encode()
        for entry in Path("/proc").glob("[0-9]*") if os.path.isdir("/proc/self") else ():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)

    # --- reading

    def follow(self) -> None:
        """Read events until the run is over."""
        while self.recorder.done is None and self.open and self.ending is None:
            self._keep_limits()
            try:
                self._read()
            except (_BrokenError, ValueError, KeyError, TypeError, RecursionError) as error:
                self._end_now()
                reason = f"nbtools' own channel was disturbed ({type(error).__name__}: {error})"
                self.ending = Ending("broken", self.recorder.current, reason)
            self._tell()
        if self.recorder.done is None:
            self._close_current()
            self._tell()
        died = self.ending is not None and self.ending.kind == "died"
        killed = (self.process.returncode or 0) < 0  # known, if it died: nobody else may ask
        if self.recorder.ready is None and died and not killed:
            self._refuse()

    def _read(self) -> None:
        """Wait for what comes next, at most until a limit is reached, and take it."""
        ready = self._select(self._patience())
        for each in self.printed:
            if each.descriptor in ready:
                each.read()
        if self.events in ready:
            self._read_events()
        elif self._has_ended() and not self._select(0):
            self.open = False

    def _tell(self) -> None:
        """Tell the listener what is new; what it raises is not taken for the notebook's doing."""
        news, self.recorder.news = self.recorder.news, []
        for each in news:
            if isinstance(each, CellRun):
                self.listener.on_end(each)
            else:
                self.listener.on_start(each)

    def _select(self, seconds: float) -> set[int]:
        """The descriptors that have something to read, or are at their end."""
        for each in self.printed:
            if not each.open and each.descriptor in self.watched:
                self._unwatch(each.descriptor)
        if not self.open and self.events in self.watched:
            self._unwatch(self.events)
        return {descriptor for descriptor, _ in self.poll.poll(seconds * 1000)}

    def _unwatch(self, descriptor: int) -> None:
        self.watched.remove(descriptor)
        self.poll.unregister(descriptor)

    def _read_events(self) -> None:
        try:
            data = os.read(self.events, 1 << 20)
        except BlockingIOError:
            return
        self.open = bool(data)
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        if len(self.buffer) > LARGEST_EVENT:
            raise _BrokenError("an event that is too long")
        for line in lines:
            if self.killed:
                return
            token, _, text = line.partition(b" ")
            if token != self.token.encode():
                raise _BrokenError("a line that is no event")
            event = _decode_json(text)
            if not isinstance(event, dict):
                raise _BrokenError("an event that is no object")
            self._handle(event)

    def _handle(self, event: Mapping[str, Any]) -> None:
        mark = event.get("mark")
        if mark is not None:
            self._take_printed(int(mark))
        name = event["event"]
        recorder = self.recorder
        if name == "start":
            recorder.start(event)
        elif name == "output":
            recorder.show(event)
        elif name == "clear":
            recorder.clear(event)
        elif name == "end":
            self._end_cell(event)
        elif name == "skip":
            recorder.skip(event)
        elif name == "refused":
            self._end_now()
            reason = str(event["reason"]).lower()
            raise NbtoolsError(f"--no-network: this system does not let a process go: {reason}")
        elif name == "ready":
            recorder.ready = event
        elif name == "done":
            values = _read_values(event.get("values", {}))
            recorder.done = {**event, "memory": int(event["memory"]), "values": values}

    def _take_printed(self, mark: int) -> None:
        """Take the text that stands before a mark: it was written before the event."""
        self._await_mark(mark)
        for each in self.printed:
            self.recorder.print(each.name, each.take(mark))

    def _await_mark(self, mark: int) -> None:
        until = None
        while not all(each.has(mark) or not each.open for each in self.printed):
            until = until or time.monotonic() + GRACE
            ready = self._select(_POLL)
            for each in self.printed:
                if each.descriptor in ready:
                    each.read()
            if time.monotonic() > until:
                raise _BrokenError("a mark that is missing")

    def _end_cell(self, event: Mapping[str, Any], status: Status | None = None) -> None:
        failed = bool(event.get("error")) or status is not None
        if failed and self.timed_out:
            status = "timed-out"
        elif failed and self.answered:
            status = "interrupted"
        dropped = {each.name: each.next_cell() for each in self.printed}
        cell = self.recorder.current
        self.recorder.end(event, status, dropped)
        self.deadline = None
        if (
            status in ("timed-out", "interrupted")
            and cell is not None
            and self.job.cell(cell).raises
        ):
            self._end_now()  # the worker takes it for the exception that was expected

    def _close_current(self) -> None:
        """The process is gone: the cell that ran has what it printed until then."""
        for each in self.printed:
            while each.open and each.descriptor in self._select(0):
                each.read()
            self.recorder.print(each.name, each.take(None))
        cell = self.recorder.current
        self.last_words = "".join(output.text for output in self.recorder.outputs)
        self._end_cell({}, "died")
        if self.ending is None:
            self.ending = self._explain_death(cell)

    def _explain_death(self, cell: int | None) -> Ending:
        if self.timed_out:
            return Ending("timed-out", cell, self._limit_words())
        if self.interrupts:
            return Ending("interrupted", cell, "interrupted")
        self._wait(GRACE)
        self._kill()
        code = self.process.wait()
        if code == LOST:
            return Ending("died", cell, "the cell closed descriptors that are not its own")
        if code >= 0:
            return Ending("died", cell, f"the process ended itself with exit code {code}")
        words = f"killed by signal {-code}"
        with suppress(ValueError):
            words += f" ({signal.Signals(-code).name})"
        if -code == signal.SIGKILL:
            words += ", probably out of memory"
        return Ending("died", cell, words)

    def _refuse(self) -> None:
        """The worker did not even begin."""
        lines = self.last_words.strip().splitlines() or ["it ended without a word"]
        raise NbtoolsError(
            f"{self.python} cannot run notebooks, Python 3.8 or newer can: {lines[-1]}"
        )

    # --- limits

    def _patience(self) -> float:
        """Seconds until something has to be looked at."""
        now = time.monotonic()
        times = [until - now for until in (self.deadline, *self._ends()) if until is not None]
        return max(min([_POLL, *times]), 0.0)

    def _ends(self) -> tuple[float | None, float | None]:
        """When the run's time is over, and the cell's."""
        limits, recorder = self.limits, self.recorder
        run = None if limits.seconds is None else self.begun + limits.seconds
        in_cell = recorder.current is not None and limits.cell_seconds is not None
        cell = recorder.begun + (limits.cell_seconds or 0) if in_cell else None
        return run, cell

    def _keep_limits(self) -> None:
        now = time.monotonic()
        if self.interrupts > self.answered:
            self.answered = self.interrupts
            if self.interrupts > 1:
                self._end_now()
            else:
                self._interrupt(now)
        if self.timed_out is None:
            for which, end in zip(("run", "cell"), self._ends(), strict=True):
                if end is not None and now >= end:
                    self.timed_out = which
                    self._interrupt(now)
                    break
        if self.deadline is not None and now >= self.deadline:
            self._end_now()

    def _interrupt(self, now: float) -> None:
        self.deadline = now + GRACE
        self._signal(signal.SIGINT)

    def _end_now(self) -> None:
        self.deadline = None
        self.killed = True
        self._kill()

    def _limit_words(self) -> str:
        limits = self.limits
        if self.timed_out == "cell":
            return f"it took longer than {limits.cell_seconds:g} s"
        return f"the run took longer than {limits.seconds:g} s"

    # --- the result

    def trace(self) -> Trace:
        recorder, job = self.recorder, self.job
        missing = {cell.index: CellRun(cell.index, "not-run") for cell in job.cells} | {
            index: CellRun(index, "skipped") for index in job.skipped
        }
        runs = {**missing, **recorder.runs}
        for index, because in job.disabled.items():
            runs[index] = CellRun(index, "skipped", because=because)
        cells = tuple(runs[index] for index in sorted(runs))
        ready, done = recorder.ready or {}, recorder.done or {}
        marimo = done.get("marimo")
        return Trace(
            job.kind,
            cells,
            self.ending or self._find_ending(cells),
            python=str(ready.get("python", "")),
            engine=str(ready.get("engine", "")),
            marimo=str(marimo) if marimo else None,
            seconds=self.seconds or time.monotonic() - self.begun,
            peak_memory=int(done.get("memory", 0)),
            values=done.get("values", {}),
        )

    def _find_ending(self, cells: tuple[CellRun, ...]) -> Ending:
        by_status = {cell.status: cell.cell for cell in reversed(cells) if not cell.expected}
        if "timed-out" in by_status:
            self.timed_out = self.timed_out or "cell"
            return Ending("timed-out", by_status["timed-out"], self._limit_words())
        if self.interrupts:
            return Ending("interrupted", by_status.get("interrupted"), "interrupted")
        if self.timed_out:
            return Ending("timed-out", None, self._limit_words())
        if "error" in by_status:
            return Ending("error", by_status["error"])
        if self.recorder.left:
            return Ending("left", None, "the notebook called exit()")
        return Ending("finished")
