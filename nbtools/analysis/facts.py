"""What a run of statements does to the shared namespace.

A notebook's cells run in one global namespace, so everything here is about names in that
namespace. `Facts` describes one top-level statement or, by `compose`, a run of them: the
same type from a single statement up to a whole cell. `statements` reads them from source.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct, field

StatementKind = Literal["expression", "assign", "import", "function", "class", "delete", "other"]
EMPTY: frozenset[str] = frozenset()
BUILTINS = frozenset(dir(builtins)) | {"__file__", "__builtins__", "__builtin__"}


class Import(Struct, frozen=True):
    """One name that an import statement binds."""

    bound: str  # the name in the namespace
    module: str  # dotted, with leading dots if relative
    name: str | None = None  # what is taken from the module; None: the module itself
    dotted: bool = False  # `import a.b`: binds `a`, loads `a.b`


class Code(Struct, frozen=True):
    """Code that runs later: the body of a function, a class's methods, a lambda."""

    reads: frozenset[str] = EMPTY  # global names it looks up when it runs
    writes: frozenset[str] = EMPTY  # global names it binds when it runs (`global x`)
    values: frozenset[str] = EMPTY  # of the names it reads, those it does not only call
    strings: frozenset[str] = EMPTY  # of the names it reads, those that strings name
    guarded: frozenset[str] = EMPTY  # of the names it reads, those it can do without
    asked: frozenset[str] = EMPTY  # `"x" in globals()`
    misread: frozenset[str] = EMPTY  # its own names that marimo takes for global ones
    calls: tuple[str, ...] = ()  # dotted names it calls
    delayed: frozenset[str] = EMPTY  # of the names it reads, those that a call may not look up
    escapes: bool = False  # what it returns may look names up later still
    plain: bool = False  # an undecorated function with constant defaults: safe to define again


class Facts(Struct, frozen=True):
    """What a run of statements does to the namespace."""

    reads: frozenset[str] = EMPTY  # looked up before this run has surely bound them
    loads: frozenset[str] = EMPTY  # looked up at all while it runs
    late: frozenset[str] = EMPTY  # looked up when code made here is called
    writes_late: frozenset[str] = EMPTY  # bound when code made here is called
    binds: frozenset[str] = EMPTY  # bound on some path
    always: frozenset[str] = EMPTY  # bound on every path
    deletes: frozenset[str] = EMPTY
    guarded: frozenset[str] = EMPTY  # read where a NameError would be caught
    unsure: frozenset[str] = EMPTY  # of the reads, those that may come behind a binding
    values: frozenset[str] = EMPTY  # looked up, now or later, other than to be called
    code: Mapping[str, Code] = field(default_factory=dict)  # name bound here -> the code it holds
    holds: Mapping[str, frozenset[str]] = field(default_factory=dict)  # name -> names it may hold
    bound_before: Mapping[str, frozenset[str]] = field(default_factory=dict)  # see `Statement`
    imports: tuple[Import, ...] = ()
    stars: tuple[str, ...] = ()  # modules of `from m import *`
    runs: tuple[str, ...] = ()  # scripts of `%run`, as `globals().update(runpy.run_path(...))`
    futures: tuple[str, ...] = ()  # features of `from __future__ import ...`
    calls: tuple[str, ...] = ()  # dotted names called now
    strings: frozenset[str] = EMPTY  # names read by strings that are code
    mutates: frozenset[str] = EMPTY  # names whose object is changed in place by statements
    asked: frozenset[str] = EMPTY  # `"x" in globals()`
    misread: frozenset[str] = EMPTY  # local names of functions that marimo takes for global ones
    annotated: frozenset[str] = EMPTY  # annotated without a value: bound for marimo alone
    open: bool = False  # reads or writes names nobody can list (`exec`, `globals()`, ...)
    calm: bool = True  # only binds code, modules and constants: may run earlier or later
    awaits: bool = False


class Statement(Struct, frozen=True):
    """One top-level statement of a cell.

    `facts.bound_before[f]` are the names this statement has surely bound whenever it
    looks `f` up: in `for n in ns: f()` a call of `f` sees the loop's `n`.
    """

    index: int  # 0-based, among the cell's top-level statements
    line: int  # 1-based, of its first line, decorators included
    end_line: int  # 1-based, inclusive
    kind: StatementKind
    facts: Facts
    column: int = 0  # 0-based, in UTF-8 bytes
    simple: bool = True  # not compound: its bindings come after its reads
    augmented: bool = False  # `x += 1`
    bare_name: bool = False  # an expression that is a name or an attribute of one


class SourceError(Exception):
    """The source is not Python: `ast` and, for newer grammar, libcst refuse it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


def compose(runs: Iterable[Facts]) -> Facts:
    """The facts of several runs of statements, one after the other."""
    parts = list(runs)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _NO_FACTS
    reads: set[str] = set()
    always: set[str] = set()
    code: dict[str, Code] = {}
    holds: dict[str, frozenset[str]] = {}
    before: dict[str, frozenset[str]] = {}
    opened = awaits = False
    calm = True
    for part in parts:
        reads |= part.reads - always
        surely = frozenset(always) if part.bound_before else EMPTY
        for name, names in part.bound_before.items():
            here = names | surely if names else surely
            before[name] = here & before[name] if name in before else here
        always -= part.deletes
        always |= part.always
        code.update(part.code)
        for name, held in part.holds.items():
            holds[name] = holds.get(name, EMPTY) | held
        opened, awaits, calm = opened or part.open, awaits or part.awaits, calm and part.calm
    sets, tuples = (
        zip(*map(_SETS_OF, parts), strict=True),
        zip(*map(_TUPLES_OF, parts), strict=True),
    )
    joined: dict[str, Any] = dict(zip(_UNIONS, map(_join_sets, sets), strict=True))
    joined.update(zip(_SEQUENCES, map(_join_tuples, tuples), strict=True))
    if joined["unsure"]:
        joined["unsure"] = _still_unsure(parts)
    return Facts(
        reads=frozen(reads),
        always=frozen(always),
        code=code,
        holds=holds,
        bound_before=before,
        open=opened,
        calm=calm,
        awaits=awaits,
        **joined,
    )


def _still_unsure(parts: Iterable[Facts]) -> frozenset[str]:
    """The reads that no part surely does before it binds the name itself."""
    sure: set[str] = set()
    unsure: set[str] = set()
    always: set[str] = set()
    for part in parts:
        first = part.reads - always
        sure |= first - part.unsure
        unsure |= first & part.unsure
        always = (always - part.deletes) | part.always
    return frozen(unsure - sure)


def frozen(names: Collection[str]) -> frozenset[str]:
    """Most sets are empty, and an empty one of its own takes 216 bytes."""
    return frozenset(names) if names else EMPTY


def _join_sets(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return EMPTY.union(*sets) if any(sets) else EMPTY


def _join_tuples(tuples: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable(tuples))


_NO_FACTS = Facts()
_UNIONS = (
    "loads",
    "late",
    "writes_late",
    "binds",
    "deletes",
    "guarded",
    "unsure",
    "values",
    "strings",
    "mutates",
    "annotated",
    "asked",
    "misread",
)
_SEQUENCES = ("imports", "stars", "runs", "futures", "calls")
_SETS_OF: Callable[[Facts], tuple[frozenset[str], ...]] = attrgetter(*_UNIONS)
_TUPLES_OF: Callable[[Facts], tuple[tuple[Any, ...], ...]] = attrgetter(*_SEQUENCES)


def join_code(codes: Sequence[Code]) -> Code:
    """The code of one value that may run any of these."""
    if len(codes) == 1:
        return codes[0]
    return Code(
        reads=EMPTY.union(*(c.reads for c in codes)),
        writes=EMPTY.union(*(c.writes for c in codes)),
        values=EMPTY.union(*(c.values for c in codes)),
        strings=EMPTY.union(*(c.strings for c in codes)),
        guarded=EMPTY.union(*(c.guarded for c in codes)),
        asked=EMPTY.union(*(c.asked for c in codes)),
        misread=EMPTY.union(*(c.misread for c in codes)),
        calls=tuple(call for c in codes for call in c.calls),
        delayed=EMPTY.union(*(c.delayed for c in codes)),
        escapes=any(c.escapes for c in codes),
    )
