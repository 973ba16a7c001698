"""Versions of names: static single assignment across cells.

The cells, in the order in which they run, are one straight-line program. Each block (a cell,
a part of one, or several merged) that binds a name makes one *version* of it. `trace_versions`
says which version every block reads, and which versions the code defined in a block looks up
when it is called: a function's global names are read where the function, or anything that may
hold it, is used (Jupyter's late binding).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from nbtools.analysis.facts import BUILTINS, EMPTY, Code, Facts, Statement, compose, join_code


class Atom(Struct, frozen=True):
    """Statements of one cell that cannot be parted: those that share a line."""

    cell: int  # 0-based, as Place.cell
    statements: tuple[Statement, ...]
    facts: Facts
    bound: tuple[str, ...]  # the names that it binds, itself or by code that it may run, sorted
    compound: bool  # what it binds may be bound before something it reads
    copy: int = 0  # how many times this definition stands before it in the notebook
    joined: bool = False  # it stays in one cell with the atom above it: both draw on a figure

    @classmethod
    def of(cls, cell: int, statements: Sequence[Statement]) -> Atom:
        """The atom of statements that stand one behind the other."""
        alone = len(statements) == 1
        facts = statements[0].facts if alone else compose(each.facts for each in statements)
        bound = facts.binds | facts.writes_late if facts.writes_late else facts.binds
        compound = not (alone and statements[0].simple)
        return cls(cell, tuple(statements), facts, tuple(sorted(bound)), compound)


class Block(Struct, frozen=True):
    """A run of atoms that becomes one cell."""

    atoms: tuple[Atom, ...]
    facts: Facts

    @classmethod
    def of(cls, atoms: Sequence[Atom]) -> Block:
        """The block of these atoms, in the order in which they run."""
        return cls(tuple(atoms), compose(atom.facts for atom in atoms))


class Version(Struct, frozen=True):
    """What one block makes of a name."""

    name: str
    block: int  # index among the blocks
    previous: int | None  # the version it may leave in place or was made from
    sure: bool = True  # the name is bound once the block has run


class LateRead(Struct, frozen=True):
    """A global name that the code of one definition looks up when it runs."""

    block: int  # where the definition stands
    definition: str  # the name it was given
    name: str
    versions: frozenset[int]  # all it may see; empty: the name is bound nowhere
    unbound: bool = False  # it was called while the name was not bound
    caller: int | None = None  # the block that first called it so
    held: bool = False  # other names hold the code too: an alias, an instance, a registry
    supposed: bool = False  # nobody uses the code: this is what it would see
    absent: bool = False  # it was called while the name was not bound, and can do without


class Versions(Struct, frozen=True):
    """Who reads which version, for a sequence of blocks."""

    versions: tuple[Version, ...]
    own: tuple[Mapping[str, int], ...]  # block -> name -> the version it makes
    reads: tuple[Mapping[str, int], ...]  # block -> name -> version current when it starts
    unbound: tuple[frozenset[str], ...]  # block -> names it reads that are bound nowhere by then
    late: tuple[LateRead, ...]
    last: Mapping[str, int]  # name -> version when the notebook ends
    writers: Mapping[str, frozenset[int]]  # name -> blocks that run code which binds it (`global`)


def atoms_of(cell: int, statements: Sequence[Statement]) -> tuple[Atom, ...]:
    """Group a cell's statements into atoms."""
    groups: list[list[Statement]] = []
    for statement in statements:
        if groups and statement.line <= groups[-1][-1].end_line:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return tuple(Atom.of(cell, group) for group in groups)


CodeId = tuple[int, str]  # the block and the name of a definition


class _Seen(Struct):
    """What the code of one definition was found to look up."""

    code: Code
    reads: frozenset[str]  # of the names it reads, those that some block binds
    versions: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    unbound: dict[str, int] = field(default_factory=dict)  # by a direct call: name -> its block
    made: int = 0  # how many versions there were when it was defined
    called: bool = False  # what no block binds is noted in `unbound`


class _Trace:
    """Runs the blocks in order, with versions for values."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks
        self.versions: list[Version] = []
        self.env: dict[str, int] = {}
        self.own: list[dict[str, int]] = [{} for _ in blocks]
        self.reads: list[dict[str, int]] = [{} for _ in blocks]
        self.unbound: list[set[str]] = [set() for _ in blocks]
        self.codes: dict[int, frozenset[CodeId]] = {}  # version -> code it may hold
        self.seen: dict[CodeId, _Seen] = {}
        self.writers: dict[str, set[int]] = {}
        self.block = 0  # the block that runs
        self.watched: set[str] = set()  # names that code looks up
        self.writing = False  # some code binds global names
        self.settled: set[tuple[frozenset[CodeId], bool]] = set()  # a call again finds the same
        self.bound = EMPTY.union(*(atom.bound for block in blocks for atom in block.atoms))

    def run(self) -> None:
        for index, block in enumerate(self.blocks):
            self.block = index
            for atom in block.atoms:
                if atom.facts.reads:
                    self.read(index, atom.facts)
                if not atom.compound:
                    self.use(atom.facts, None)
                    if atom.bound or atom.facts.holds or atom.facts.deletes:
                        self.bind(index, atom)
                    continue
                before = {name: self.env[name] for name in atom.bound if name in self.env}
                self.bind(index, atom)
                self.use(atom.facts, before)

    def read(self, block: int, facts: Facts) -> None:
        for name in facts.reads:
            version = self.env.get(name)
            if version is None:
                self.unbound[block].add(name)
            elif self.versions[version].block != block:
                self.reads[block].setdefault(name, version)

    def bind(self, block: int, atom: Atom) -> None:
        facts, env, own, versions = atom.facts, self.env, self.own[block], self.versions
        made = self.make(block, facts) if facts.code or facts.holds else _NOTHING_MADE
        for name in atom.bound:
            previous, version = env.get(name), own.get(name)
            always = name in facts.always
            sure = always or (previous is not None and versions[previous].sure)
            if version is None:
                version = own[name] = len(versions)
                kept = None if always and name not in facts.reads else previous
                versions.append(Version(name, block, kept, sure))
            elif versions[version].sure != sure:
                versions[version] = replace(versions[version], sure=sure)
            if made:
                self.give_code(version, made.get(name, _NO_CODE))
            if not always and previous is not None:
                self.give_code(version, self.codes.get(previous, _NO_CODE))
            env[name] = version
        self.unsettle((*atom.bound, *facts.deletes))
        for name in facts.holds:
            if name in env and name not in facts.binds:
                self.give_code(env[name], made[name])
        for name in facts.deletes:
            if name not in facts.always:
                env.pop(name, None)

    def unsettle(self, names: Iterable[str]) -> None:
        """What code was found to look up may be another thing from here on."""
        if not self.watched.isdisjoint(names):
            self.settled.clear()

    def give_code(self, version: int, codes: frozenset[CodeId]) -> None:
        if codes:
            self.codes[version] = self.codes.get(version, _NO_CODE) | codes

    def make(self, block: int, facts: Facts) -> dict[str, frozenset[CodeId]]:
        """The code that each name bound or filled here may hold."""
        made: dict[str, frozenset[CodeId]] = {}
        self.settled.clear()
        for name, code in facts.code.items():
            identity = (block, name)
            if identity in self.seen:
                old = self.seen[identity]
                old.code = replace(join_code([old.code, code]), escapes=code.escapes)
                old.reads, old.called = old.code.reads & self.bound, False
            else:
                self.seen[identity] = _Seen(code, code.reads & self.bound, made=len(self.versions))
            self.watched |= code.reads
            self.writing = self.writing or bool(code.writes)
            made[name] = frozenset({identity})
        for name, held in facts.holds.items():
            codes = made.get(name, _NO_CODE)
            for other in held:
                if other not in facts.bound_before.get(other, EMPTY):
                    found = self.codes.get(self.env.get(other, -1), _NO_CODE)
                    codes |= self.kept(other, found, facts)
            made[name] = codes
        self.hand_on(made, facts)
        return made

    def hand_on(self, made: dict[str, frozenset[CodeId]], facts: Facts) -> None:
        """`h = lambda: x; p = h`: what a statement makes, it may give to other names as well."""
        links = [(n, o) for n, held in facts.holds.items() for o in held if o in made and o != n]
        grown = bool(links)
        while grown:
            grown = False
            for name, other in links:
                more = made[name] | self.kept(other, made[other], facts)
                grown |= more != made[name]
                made[name] = more

    def kept(self, name: str, codes: frozenset[CodeId], facts: Facts) -> frozenset[CodeId]:
        """The code that survives in a value made from `name`: all, or what a call returns.

        A compound statement may do both: call it, and give it another name.
        """
        if name not in facts.calls or name in facts.values:
            return codes
        return frozenset(c for c in codes if self.seen[c].code.escapes)

    # late reads

    def use(self, facts: Facts, before: Mapping[str, int] | None) -> None:
        """Code that is looked up may run here.

        `before` are the versions, when a compound statement starts, of what it binds; None
        for a simple statement, which binds after it has read.
        """
        if not self.codes:
            return
        for name in facts.loads & self.bound:
            codes = self.codes.get(self.env.get(name, -1), _NO_CODE)
            surely = facts.bound_before.get(name, EMPTY)
            if before and name in before and name not in surely:
                codes |= self.codes.get(before[name], _NO_CODE)
            call = codes, name in facts.calls
            if codes and call not in self.settled:
                self.look_up(*call, before, surely)
                if not self.writing and (not before or self.watched.isdisjoint(before)):
                    self.settled.add(call)

    def look_up(
        self,
        codes: frozenset[CodeId],
        called: bool,
        before: Mapping[str, int] | None,
        surely: frozenset[str],
    ) -> None:
        """The code runs here, or may: resolve the names it looks up.

        What a call may not look up, as the methods of a class, is not `called` with it.
        """
        done = dict.fromkeys(codes, called)
        stack = sorted(codes)
        while stack:
            code = stack.pop()
            seen = self.seen[code]
            for name in seen.code.writes:
                self.writers.setdefault(name, set()).add(self.block)
            if done[code] and not seen.called:
                seen.called = True
                for name in seen.code.reads - seen.reads - seen.code.delayed:
                    seen.unbound.setdefault(name, self.block)
            for name in seen.reads:
                versions = [version] if (version := self.env.get(name)) is not None else []
                if before and name in before and name not in surely:
                    versions.append(before[name])
                misses = done[code] and name not in seen.code.delayed
                if not versions and misses:
                    seen.unbound.setdefault(name, self.block)
                for version in versions:
                    seen.versions[name].add(version)
                    if held := self.codes.get(version):
                        new = sorted(c for c in held if c not in done or (misses and not done[c]))
                        done.update(dict.fromkeys(new, misses))
                        stack += new

    def late_reads(self) -> Iterator[LateRead]:
        by_name: dict[str, list[int]] = {}
        for number, version in enumerate(self.versions):
            by_name.setdefault(version.name, []).append(number)
        shared = self.shared_codes()
        for identity, seen in self.seen.items():
            for name in sorted(seen.code.reads):
                versions = seen.versions.get(name, set())
                unbound = name in seen.unbound
                supposed = not versions and not unbound and name in by_name
                if supposed:
                    versions = {self.default(identity, name, by_name[name])}
                held = identity in shared
                caller = seen.unbound.get(name)
                found = frozenset(versions)
                absent = unbound and name in seen.code.guarded
                yield LateRead(*identity, name, found, unbound, caller, held, supposed, absent)

    def shared_codes(self) -> set[CodeId]:
        """Code that is held under another name than its definition's."""
        return {
            code
            for version, codes in self.codes.items()
            for code in codes
            if code != (self.versions[version].block, self.versions[version].name)
        }

    def default(self, identity: CodeId, name: str, numbers: Sequence[int]) -> int:
        """What code that nobody calls would see: the version when its block ends, or the next."""
        own = self.own[identity[0]].get(name)
        if own is not None:
            return own
        earlier = [n for n in numbers if n < self.seen[identity].made]
        return earlier[-1] if earlier else numbers[0]


_NO_CODE: frozenset[CodeId] = frozenset()
_NO_VERSIONS: frozenset[int] = frozenset()
_NOTHING_MADE: Mapping[str, frozenset[CodeId]] = {}


def trace_versions(blocks: Sequence[Block]) -> Versions:
    """Which version of each name every block reads, when the blocks run in this order."""
    trace = _Trace(blocks)
    trace.run()
    binders: dict[str, list[int]] = {}  # name -> blocks that bind it, ascending
    for index, own in enumerate(trace.own):
        for name in own:
            binders.setdefault(name, []).append(index)
    unbound = [_repair_unbound(trace, index, binders) for index in range(len(blocks))]
    return Versions(
        versions=tuple(trace.versions),
        own=tuple(trace.own),
        reads=tuple(trace.reads),
        unbound=tuple(unbound),
        late=tuple(_agreed(trace, tuple(trace.late_reads()))),
        last=dict(trace.env),
        writers={name: frozenset(blocks) for name, blocks in trace.writers.items()},
    )


def _agreed(trace: _Trace, reads: Sequence[LateRead]) -> Iterator[LateRead]:
    """The late reads, where definitions in one statement agree on what they see under a name.

    A statement can be written for one meaning of a name only.
    """
    crowds = dict(_crowds(trace.blocks))
    if not crowds:
        yield from reads
        return
    groups: dict[tuple[CodeId, str], list[LateRead]] = {}
    for late in reads:
        crowd = crowds.get((late.block, late.definition))
        if crowd is not None:
            groups.setdefault((crowd, late.name), []).append(late)
    for late in reads:
        crowd = crowds.get((late.block, late.definition))
        yield late if crowd is None else _together(trace, late, groups[crowd, late.name])


def _crowds(blocks: Sequence[Block]) -> Iterator[tuple[CodeId, CodeId]]:
    """Each definition that is not alone in its statement, and the first one there."""
    for index, block in enumerate(blocks):
        for atom in block.atoms:
            if len(atom.facts.code) > 1:
                for statement in atom.statements:
                    names = sorted(statement.facts.code)
                    yield from (((index, name), (index, names[0])) for name in names if names[1:])


def _together(trace: _Trace, late: LateRead, group: Sequence[LateRead]) -> LateRead:
    """A late read that sees what any of a group does: what is only supposed counts last."""

    def is_firm(each: LateRead) -> bool:
        code = trace.seen[each.block, each.definition].code
        return not each.supposed or each.name in code.writes

    firm = [each for each in group if is_firm(each)]
    seen = _NO_VERSIONS.union(*(each.versions for each in firm or group[:1]))
    return replace(late, versions=seen, supposed=late.supposed and not firm)


def _repair_unbound(
    trace: _Trace, block: int, binders: Mapping[str, Sequence[int]]
) -> frozenset[str]:
    """Names a block reads before anything binds them; those that would stop it are repaired.

    A cell that reads a name which only a later cell binds cannot run in this order: it is
    linked to that later version, and the dataflow puts it right.
    """
    unbound: set[str] = set()
    if not trace.unbound[block]:
        return EMPTY
    guarded, own = trace.blocks[block].facts.guarded, trace.own[block]
    for name in trace.unbound[block]:
        places = binders.get(name, ())
        later = bisect_right(places, block)
        kept = name in BUILTINS or name in own or name in guarded
        if kept or later == len(places):
            unbound.add(name)
        else:
            trace.reads[block][name] = trace.own[places[later]][name]
    return frozenset(unbound)
