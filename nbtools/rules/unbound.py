"""Names that are read while nothing has bound them: what NB101 to NB105 tell apart.

The notebook is followed statement by statement, as a run from the top would go, with the versions
of `nbtools.analysis.versions`: a function reads its global names where it is called.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import BUILTINS, EMPTY, Statement
from nbtools.analysis.modules import star_names
from nbtools.analysis.runs import names_of_run
from nbtools.analysis.versions import Atom, LateRead
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.syntax import dotted_name

UnboundKind = Literal["nowhere", "below", "called", "deleted", "maybe"]

IPYTHON_NAMES = (BUILTINS - {"__file__"}) | frozenset(
    "get_ipython display In Out _ih _oh _dh _i _ii _iii _ __ ___ exit quit open "
    "__name__ __doc__ __package__ __loader__ __spec__ __annotations__ __session__".split()
)
"""Names that are bound before the first cell runs."""
_HISTORY = re.compile(r"_i?\d+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_QUIET_EXTENSIONS = frozenset(
    "autoreload line_profiler memory_profiler watermark sql tensorboard dotenv autotime cython "
    "Cython rpy2.ipython google.cloud.bigquery google.colab.data_table jupyter_black nb_black "
    "lab_black blackcellmagic pycodestyle_magic storemagic version_information bigquery "
    "google.cloud.bigquery.magics nb_mypy snakeviz heat scalene wurlitzer ipytest jupyterlab_black "
    "tikzmagic gvmagic itikz nbtutor ipython_unittest pymatbridge octavemagic sympyprinting".split()
)
"""Extensions that put no names into the namespace when they are loaded."""
_OPENING_MAGICS = frozenset(
    "%store %macro %rerun %recall %rep %edit %R %Rpull %Rget %octave %octave_pull "
    "%%R %%cython %%cython_inline %%cython_pyximport %%octave %%julia %%sage %%ipytest %%cpp "
    "%%fortran %%add_to %%bigquery %%spark %%writeandexecute".split()
)
"""Magics that may bind names nobody can list."""
_SESSION_SYMBOLS = frozenset("x y z t k m n f g h".split())
"""What SymPy's `init_session()` binds besides all that `from sympy import *` gives."""


class Unbound(Struct, frozen=True):
    """One name that is read while nothing has bound it."""

    kind: UnboundKind
    name: str
    position: int  # of the cell that reads or calls, in `Program.cells`
    statement: Statement
    other: int | None = None  # position of the cell that defines it below, or that deleted it
    function: str | None = None  # whose body reads it, if the statement does not
    why_maybe: str = ""  # for kind "maybe": what may have bound it


def find_unbound(program: Program) -> tuple[Unbound, ...]:
    """All of them in the order in which a run meets them, each name once."""
    if program.kind == "reactive":
        return tuple(_first_of_each(_in_reactive(program)))
    return tuple(_first_of_each(_Run(program).find()))


def _first_of_each(found: Iterator[Unbound]) -> Iterator[Unbound]:
    seen: set[str] = set()
    for each in found:
        if each.name not in seen:
            seen.add(each.name)
            yield each


class _Run:
    """The run from the top of a Jupyter notebook."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.trace = program.run
        self.given = IPYTHON_NAMES | program.builtins
        self.asked = EMPTY.union(*(cell.facts.asked for cell in program.cells))
        self.opened = _openings(program)
        self.functions = EMPTY.union(*(cell.facts.code for cell in program.cells))
        self.late: dict[int, list[LateRead]] = {}  # the block that calls -> what it misses
        for late in self.trace.late:
            if late.caller is not None and not late.absent:
                self.late.setdefault(late.caller, []).append(late)

    def find(self) -> Iterator[Unbound]:
        for block, (position, atom) in enumerate(self.program.atoms):
            if "raises-exception" in self.program.cells[position].cell.tags:
                continue
            found = [*self.read_now(block, position, atom), *self.read_by_calls(block, position)]
            for each in found:
                weighed = None if self.is_given(each) else self.weigh(each)
                if weighed is not None:
                    yield weighed

    def is_given(self, found: Unbound) -> bool:
        """Whether IPython has the name, the notebook asks for it first, or it is not its own."""
        name, cell = found.name, self.program.cells[found.position]
        if name in self.given or name in self.asked or _HISTORY.fullmatch(name):
            return True
        if name in cell.interpolated:
            return True  # IPython leaves `$name` as it is
        if found.function or cell.plain.source is cell.cell.source:
            return False
        return name not in _words(cell.text_of(found.statement))  # what a magic was translated to

    def read_now(self, block: int, position: int, atom: Atom) -> Iterator[Unbound]:
        facts = atom.facts
        below = {
            name
            for name, version in self.trace.reads[block].items()
            if self.trace.versions[version].block > block
        }
        if not (below or self.trace.unbound[block]):
            return
        for name in sorted((self.trace.unbound[block] | below) - facts.guarded):
            statement = next((s for s in atom.statements if name in s.facts.loads), None)
            if statement is None or (name in facts.unsure and name in self.events):
                continue
            deleted = self.deleted_above(name, block)
            if deleted is not None:
                yield Unbound("deleted", name, position, statement, deleted)
            elif (there := self.defined_below(name, block)) is not None:
                yield Unbound("below", name, position, statement, there)
            else:
                yield Unbound("nowhere", name, position, statement)

    def read_by_calls(self, block: int, position: int) -> Iterator[Unbound]:
        atom = self.program.atoms[block][1]
        for late in self.late.get(block, ()):
            caller, called = self.find_call(atom, late.definition)
            deleted = self.deleted_above(late.name, block)
            there = self.defined_below(late.name, block)
            if deleted is not None:
                yield Unbound("deleted", late.name, position, caller, deleted, called)
            elif there is not None:
                yield Unbound("called", late.name, position, caller, there, called)
            else:
                where, definer = self.program.atoms[late.block]
                statement = _definition(definer, late.definition)
                yield Unbound("nowhere", late.name, where, statement, function=late.definition)

    def find_call(self, atom: Atom, function: str) -> tuple[Statement, str]:
        """The statement that calls a function, itself or through others, and whom it calls."""
        for statement in atom.statements:
            if function in statement.facts.loads:
                return statement, function
        for statement in atom.statements:
            for called in statement.facts.calls:
                if called in self.functions:
                    return statement, called
        return atom.statements[0], function

    @cached_property
    def events(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Name -> the atoms that bind or delete it: block and position of the cell, ascending."""
        found: dict[str, list[tuple[int, int]]] = {}
        for block, (position, atom) in enumerate(self.program.atoms):
            for name in atom.facts.binds | atom.facts.writes_late | atom.facts.deletes:
                found.setdefault(name, []).append((block, position))
        return found

    def defined_below(self, name: str, block: int) -> int | None:
        """The first cell that binds a name further down."""
        events = self.events.get(name, ())
        for there, position in events[bisect_right(events, block, key=itemgetter(0)) :]:
            facts = self.program.atoms[there][1].facts
            if name in facts.binds or name in facts.writes_late:
                return position
        return None

    def deleted_above(self, name: str, block: int) -> int | None:
        """The cell that surely deleted a name which nothing has bound since."""
        events = self.events.get(name, ())
        for there, position in reversed(events[: bisect_left(events, block, key=itemgetter(0))]):
            facts = self.program.atoms[there][1].facts
            if name in facts.deletes:
                return position
            if name in facts.binds:
                return None
        return None

    def may_be_kept(self, name: str) -> bool:
        """Whether a branch deletes the name: it may still be there."""
        return any(
            name in statement.facts.deletes and statement.kind != "delete"
            for _, atom in self.program.atoms
            for statement in atom.statements
        )

    def weigh(self, found: Unbound) -> Unbound | None:
        """What code that cannot be read may have bound is "maybe"."""
        above = [each for each in self.opened if each.position <= found.position]
        above = [each for each in above if each.may_bind(found.name)]
        if any(each.surely for each in above):
            return None
        if found.kind == "deleted" and self.may_be_kept(found.name):
            return replace(found, kind="maybe", why_maybe="a branch that does not delete it")
        if found.kind != "nowhere" or not above:
            return found
        return replace(found, kind="maybe", other=above[0].position, why_maybe=above[0].why)


def _words(source: str) -> frozenset[str]:
    return frozenset(_WORD.findall(source))


def _definition(atom: Atom, name: str) -> Statement:
    """The statement that defines a function."""
    return next((s for s in atom.statements if name in s.facts.code), atom.statements[0])


class _Opening(Struct, frozen=True):
    """Something that may bind names nobody can list."""

    position: int  # of the cell
    why: str
    words: frozenset[str] | None = None  # only these; None: any
    surely: bool = False  # it binds exactly these

    def may_bind(self, name: str) -> bool:
        return self.words is None or name in self.words


def _openings(program: Program) -> list[_Opening]:
    found: list[_Opening] = []
    for position, cell in enumerate(program.cells):
        if not skips(cell.cell):
            found += _openings_of(position, cell, program)
    return found


def _openings_of(position: int, cell: CodeCell, program: Program) -> Iterator[_Opening]:
    facts = cell.facts
    for module in facts.stars:
        names = star_names(module, program.folder)
        yield _Opening(position, f"`from {module} import *`", names, names is not None)
    for path in facts.runs:
        known = names_of_run(program.folder / path) if program.folder else None
        yield _Opening(position, f"`%run {path}`", known, known is not None)
    if "var" in cell.cell.source:
        yield from _symbols(position, cell)
    if any(called.rpartition(".")[2] == "init_session" for called in facts.calls):
        names = star_names("sympy", program.folder)
        bound = None if names is None else names | _SESSION_SYMBOLS
        yield _Opening(position, "SymPy's `init_session()`", bound, names is not None)
    if facts.open:
        yield _Opening(position, "code that is made while it runs")
    if cell.refusal is not None:
        yield _Opening(position, "a cell that is not Python", _words(cell.cell.source))
    for magic in cell.plain.magics:
        extension = magic.text.split()[1:2] if magic.name in ("%load_ext", "%reload_ext") else []
        unknown = [e for e in extension if e.partition(".magics")[0] not in _QUIET_EXTENSIONS]
        if magic.name in _OPENING_MAGICS or unknown:
            yield _Opening(position, f"`{magic.text.strip()[:60]}`")


def _symbols(position: int, cell: CodeCell) -> Iterator[_Opening]:
    """SymPy's `var("x y")` binds `x` and `y` in the namespace that it is called from."""
    for call in cell.nodes(ast.Call):
        called = dotted_name(call.func) or ""
        if called.rpartition(".")[2] != "var" or not call.args:
            continue
        text = call.args[0]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            names = frozenset(_WORD.findall(text.value))
            yield _Opening(position, "SymPy's `var`", None if ":" in text.value else names, True)


def _in_reactive(program: Program) -> Iterator[Unbound]:
    """In a reactive notebook a name may be bound in any cell; cell-local names are NB206's."""
    bound = program.binders.keys()
    given = BUILTINS | program.builtins | {"__name__", "__doc__"}
    opened = _openings(program)
    for position, cell in enumerate(program.cells):
        own: set[str] = set()
        for statement in cell.statements:
            facts = statement.facts
            for name in sorted(facts.reads - own - bound - given - facts.guarded - facts.asked):
                found = Unbound("nowhere", name, position, statement)
                why = next((o.why for o in opened if o.may_bind(name)), None)
                yield (
                    found
                    if why is None
                    else Unbound("maybe", name, position, statement, why_maybe=why)
                )
            own |= facts.binds
