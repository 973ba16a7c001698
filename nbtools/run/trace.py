"""What is known of a notebook after it ran: frozen data, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

OutputKind = Literal["stream", "execute_result", "display_data", "error"]
Status = Literal[
    "ok",
    "error",  # it raised an exception
    "stopped",  # `mo.stop`
    "timed-out",
    "interrupted",
    "died",  # the process ended while it ran
    "cancelled",  # a cell that it depends on did not end well
    "not-run",  # the run ended before its turn
    "skipped",  # tagged skip-execution, disabled, or empty
]
EndingKind = Literal["finished", "error", "left", "timed-out", "interrupted", "died", "broken"]


class Output(Struct, frozen=True):
    """One thing that a cell showed; the words are nbformat 4's."""

    kind: OutputKind
    name: str = ""  # of a stream: "stdout" or "stderr"
    text: str = ""  # of a stream
    data: Mapping[str, Any] = field(default_factory=dict)  # mime type -> text or JSON
    metadata: Mapping[str, Any] = field(default_factory=dict)
    count: int | None = None  # execution count of an execute_result
    error_name: str = ""
    error_text: str = ""
    traceback: tuple[str, ...] = ()  # lines, maybe with ANSI colours
    display_id: str | None = None
    dropped: int = 0  # bytes of the stream, or mime types, left out because of their size


class Frame(Struct, frozen=True):
    """A line of a cell that an exception came through."""

    cell: int  # 0-based, as in the file
    line: int  # 1-based, in the cell's own source
    function: str = ""
    text: str = ""


class CellError(Struct, frozen=True):
    """The exception that ended a cell."""

    name: str  # its class
    text: str
    frames: tuple[Frame, ...] = ()  # the innermost last


class CellRun(Struct, frozen=True):
    """What one cell did."""

    cell: int  # 0-based, as in the file
    status: Status
    outputs: Sequence[Output] = ()
    seconds: float = 0.0
    error: CellError | None = None
    expected: bool = False  # the error is one that its tag `raises-exception` announces
    because: int | None = None  # of a cancelled cell: the cell that did not end well
    turn: int | None = None  # 1-based place among the cells that ran


class Ending(Struct, frozen=True):
    """Why a run was over."""

    kind: EndingKind
    cell: int | None = None  # the cell that ran then
    reason: str = ""  # "killed by signal 9, probably out of memory"


class Value(Struct, frozen=True):
    """What a name means when the run is over."""

    fingerprint: str
    """The same for the same value, in every run; "" if it has none, "?" if it is too large. That of
    a function, class or module begins with `code:`."""
    words: str
    """A short value itself, or its type and size."""

    @property
    def is_code(self) -> bool:
        """Whether it is a function, class or module."""
        return self.fingerprint.startswith("code:")


class Trace(Struct, frozen=True):
    """A whole run."""

    kind: Literal["linear", "reactive"]
    cells: tuple[CellRun, ...]  # every code cell, in the order of the file
    ending: Ending
    python: str = ""  # the version of the interpreter that ran it
    engine: str = ""  # "IPython 9.1.0", "no IPython", "reactive"
    marimo: str | None = None  # "stand-in" or a version, if the notebook used it
    seconds: float = 0.0
    peak_memory: int = 0  # bytes
    values: Mapping[str, Value] = field(default_factory=dict)
    """Of each name that the notebook bound; empty if they were not asked for, or it did not end.
    A cell's own `_x` in a reactive notebook is `_cell_3_x`: its cell (0-based) stands in it."""

    @property
    def ran(self) -> int:
        """How many cells ran, well or not."""
        return sum(cell.turn is not None for cell in self.cells)
