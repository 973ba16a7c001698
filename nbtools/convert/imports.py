"""Import statements that bind again what a name already stands for, or what nobody uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from nbtools.analysis.facts import Import, Statement
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, facts_of
from nbtools.convert.session_names import SESSION_NAMES, is_given

Position = tuple[int, int]  # index of a script, index of a statement in it
_Key = tuple[str, str | None]  # what a name stands for: a module, or a name in one


class Imports(Struct, frozen=True):
    """What becomes of the imports that are not needed."""

    scripts: tuple[Script, ...]  # statements no longer bind what is dropped
    drops: Mapping[Position, frozenset[str]]  # names to take out of an import statement
    moves: Mapping[Position, Position]  # a statement to stand behind another: `import a.c`


def drop_repeated_imports(
    scripts: Sequence[Script], is_local: Callable[[str], bool], log: Log
) -> Imports:
    """Find imports of what the name already stands for, in running order.

    Of what `%pylab` imports, and nobody wrote, all goes that nothing looks up.
    `is_local` says whether a dotted module lies beside the notebook: when that is loaded may
    matter to its author, so it is not moved.
    """
    search = _Search(log, is_local, _named(scripts))
    for index, script in enumerate(scripts):
        search.cells[index] = script.cell
        for statement in script.statements:
            search.visit((index, statement.index), script, statement)
    touched = {index for index, _ in search.drops}
    revised = [
        _without(index, script, search.drops) if index in touched else script
        for index, script in enumerate(scripts)
    ]
    return Imports(tuple(revised), search.drops, search.moves)


def _named(scripts: Sequence[Script]) -> frozenset[str]:
    """The names that are looked up anywhere, if that is asked."""
    if not any(script.offers for script in scripts):
        return frozenset()
    facts = facts_of(scripts)
    return frozenset[str]().union(*(each.reads | each.late | each.strings for each in facts))


def _without(index: int, script: Script, drops: Mapping[Position, frozenset[str]]) -> Script:
    statements = []
    for statement in script.statements:
        dropped = drops.get((index, statement.index))
        if dropped:
            facts = statement.facts
            facts = replace(
                facts,
                binds=facts.binds - dropped,
                always=facts.always - dropped,
                imports=tuple(i for i in facts.imports if i.bound not in dropped),
                futures=(),
            )
            statement = replace(statement, facts=facts)
        statements.append(statement)
    return replace(script, statements=tuple(statements))


class _Search(Struct):
    log: Log
    is_local: Callable[[str], bool]
    named: frozenset[str]  # what is looked up anywhere
    current: dict[str, _Key | None] = field(default_factory=dict)
    origin: dict[str, Position] = field(default_factory=dict)  # where the name was imported
    loaded: set[str] = field(default_factory=set)  # dotted modules that were imported
    cells: dict[int, int | None] = field(default_factory=dict)  # script -> the author's cell
    drops: dict[Position, frozenset[str]] = field(default_factory=dict)
    moves: dict[Position, Position] = field(default_factory=dict)

    def visit(self, position: Position, script: Script, statement: Statement) -> None:
        if statement.kind != "import":
            self.forget(statement)
            if script.cell is None:  # our helpers do what IPython's functions do
                own = statement.facts.binds.intersection(SESSION_NAMES)
                self.current.update({name: (_SESSION, name) for name in own})
            return
        dropped = set(statement.facts.futures)
        offered = script.line_in_cell(statement.line) in script.offers
        unneeded: set[str] = set()
        for bound in statement.facts.imports:
            if offered and bound.bound not in self.named:
                unneeded.add(bound.bound)
            elif self.repeats(bound):
                dropped.add(bound.bound)
            else:
                self.bind(bound, position, script, statement)
        if dropped or unneeded:
            self.drops[position] = frozenset(dropped | unneeded)
            self.report(script, statement, dropped)

    def report(self, script: Script, statement: Statement, dropped: set[str]) -> None:
        if script.cell is None:
            return
        line = script.line_in_cell(statement.line)
        for name in sorted(dropped):
            reason = f"`{name}` is imported already"
            if statement.facts.futures:
                reason = f"`{name}` is Python's default, or its annotations are quoted"
            self.log.edit("drop", script.cell, reason, line=line, name=name, lines=1)

    def repeats(self, bound: Import) -> bool:
        same = self.current.get(bound.bound) == _key(bound)
        return same and (not bound.dotted or bound.module in self.loaded)

    def report_move(
        self, script: Script, target: Position, statement: Statement, bound: Import
    ) -> None:
        line = script.line_in_cell(statement.line)
        reason = f"`{bound.bound}` is one module: all of its parts are imported together"
        for cell in (script.cell, self.cells.get(target[0])):
            if cell is not None:
                self.log.edit("move", cell, reason, line=line, name=bound.module)

    def bind(self, bound: Import, position: Position, script: Script, statement: Statement) -> None:
        key = _key(bound)
        again = self.current.get(bound.bound) == key
        alone = len(statement.facts.imports) == 1 and not self.is_local(bound.module)
        if again and bound.dotted and alone:
            self.moves[position] = self.origin[bound.bound]
            self.report_move(script, self.origin[bound.bound], statement, bound)
        else:
            self.origin[bound.bound] = position
        self.current[bound.bound] = key
        if bound.dotted:
            parts = bound.module.split(".")
            self.loaded |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}

    def forget(self, statement: Statement) -> None:
        facts = statement.facts
        same = {i.bound for i in facts.imports if self.current.get(i.bound) == _key(i)}
        for name in (facts.binds - same) | facts.writes_late | facts.deletes:
            self.current[name] = None
        if any(call.rsplit(".", 1)[-1] == "reload" for call in facts.calls):
            self.current = {n: k for n, k in self.current.items() if k is None or k[1] is None}


def _key(bound: Import) -> _Key:
    """What the name stands for: `import a.b` binds the module `a`."""
    if bound.dotted:
        return bound.bound, None
    return _SESSION if is_given(bound) else bound.module, bound.name


_SESSION = "IPython"  # whichever of its modules a session's name is taken from
