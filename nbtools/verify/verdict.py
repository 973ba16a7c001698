"""What a proof says: a verdict for each cell, and what it rests on. Frozen data, nothing else."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Verdict = Literal[
    "same",
    "same-by-rule",  # but for what a named rule sets aside
    "unstable",  # the notebook itself shows something else in each run; the rest is the same
    "not-compared",  # the reason is in the note
    "cancelled",  # a cell that it depends on failed, in this run only
    "extra",  # it shows something that it did not show
    "missing",  # it does not show something that it showed
    "different",
    "failed",  # it raises an exception, in this run only
]
WORST: tuple[Verdict, ...] = (
    "same",
    "same-by-rule",
    "unstable",
    "not-compared",
    "cancelled",
    "extra",
    "missing",
    "different",
    "failed",
)
"""The verdicts from the best to the worst: a cell has the worst of what it shows."""

GREEN = frozenset({"same", "same-by-rule"})
RED = frozenset({"cancelled", "extra", "missing", "different", "failed"})

Status = Literal[
    "reproduces",
    "differs",
    "order-dependent",  # it reproduces, but not in another order, which was to be proved as well
    "unstable",  # it reproduces but for what varies, which was to be proved not to
    "raises",  # the notebook itself raises an exception; up to there it reproduces
    "ended",  # a limit, a signal or an interrupt ended a run
    "inconclusive",  # nothing is stable enough to be compared, or nothing is shown at all
    "empty",  # it has no code
    "failed",  # it could not be read, or a bug of nbtools
]

TOLD_BY_CELLS: frozenset[Status] = frozenset({"reproduces", "empty", "differs"})
"""Of the others something is to be said of the notebook as a whole."""

VALUE_OF = "value of "


class Item(Struct, frozen=True):
    """One thing that a cell shows, or the value of a name that it binds, compared."""

    what: str  # "stdout", "output 2", "exception", "value of `x`"
    verdict: Verdict
    mime: str = "text/plain"  # of what is compared
    expected: str | None = None  # as text, or base64 for a picture; None: nothing
    found: str | None = None
    rules: tuple[str, ...] = ()  # the named rules that were needed
    cause: str = ""  # of what is unstable: a guess in words
    detail: str = ""  # of what differs: one line

    @property
    def is_value(self) -> bool:
        """Whether it is what a name means in the end; no reader sees that."""
        return self.what.startswith(VALUE_OF)


class CellProof(Struct, frozen=True):
    """What became of one cell, or of several that are one in the conversion."""

    cells: tuple[int, ...]  # 0-based, of the notebook; () for a cell that only the conversion has
    parts: tuple[int, ...]  # 0-based, of the reactive notebook
    verdict: Verdict
    items: tuple[Item, ...] = ()  # what is not simply the same
    note: str = ""  # why it was not compared, or how it failed
    shows: bool = True  # something was there to be compared
    values: int = 0  # names that end with the value that they ended with in the original
    code: int = 0  # names that end as the same function, class or module
    seeded: bool = False  # it varies, but not where all runs get the same random numbers


class Check(Struct, frozen=True):
    """One way of running the conversion, held against the reference."""

    name: str  # "document order", "reversed order", "ancestors only", "re-run"
    cells: tuple[CellProof, ...]  # every cell of the first check; of the others what is not green
    runs: int = 1
    seconds: float = 0.0
    note: str = ""  # why it was cut short

    @property
    def wrong(self) -> tuple[CellProof, ...]:
        """The cells that show something else than they should."""
        return tuple(cell for cell in self.cells if cell.verdict in RED)


class Recorded(Struct, frozen=True):
    """A fresh run of the original, held against the outputs saved in the file."""

    cells: tuple[CellProof, ...]


class Proof(Struct, frozen=True):
    """Everything that is known about one notebook."""

    source: str  # the file
    target: str | None = None  # the conversion, where it is a file of its own
    kind: Literal["conversion", "reactive", "recorded"] = "conversion"
    status: Status = "reproduces"
    reason: str = ""  # of what is not "reproduces": one line
    checks: tuple[Check, ...] = ()
    recorded: Recorded | None = None
    python: str = ""
    engine: str = ""
    marimo: str | None = None
    references: int = 0  # how many runs of the original there were
    seconds: float = 0.0
    sources: tuple[str, ...] = ()  # of the notebook's cells
    lines: tuple[int, ...] = ()  # where each of them begins in the file (1-based), if it is needed
    notes: tuple[str, ...] = ()
    bug: str | None = None  # a traceback: nbtools is wrong, not the notebook

    @property
    def cells(self) -> tuple[CellProof, ...]:
        """Every cell, as the run in document order showed it."""
        return self.checks[0].cells if self.checks else ()

    @property
    def order_dependent(self) -> tuple[CellProof, ...]:
        """Cells that show something else when cells that nothing links run in another order."""
        return tuple(cell for check in self.checks[1:] for cell in check.wrong)


def worst_of(verdicts: tuple[Verdict, ...]) -> Verdict:
    """The worst of several verdicts; "same" of none."""
    return max(verdicts, key=WORST.index, default="same")
