"""IPython's history: `_`, `__`, `_3`, `Out[3]` become names of the values that cells show.

Only where the notebook does not bind these names itself. What a cell shows is bound to `out_3`
in that cell, 3 being the number that a run from the top gives it, if some cell reads it. `In[3]`,
`_i3` and `_i` become the text of the cell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from nbtools.analysis.facts import EMPTY, SourceError, Statement
from nbtools.cells import Cell, Notebook
from nbtools.convert.log import Log
from nbtools.convert.rewrite import (
    AssignExpression,
    DropDeletes,
    Names,
    RenameNames,
    bound_names,
    edit_cell,
)
from nbtools.convert.scripts import Script, revise
from nbtools.convert.values import last_value_kind

_UNDERSCORES = ("_", "__", "___")
_INPUTS = ("_i", "_ii", "_iii")
_OUTPUT_LISTS = frozenset({"Out", "_oh"})
_INPUT_LISTS = frozenset({"In", "_ih"})
_NUMBERED = re.compile(r"_(i?)(\d+)")
_MARK = "nbtools_history_"  # stands before a name of the history while its place is looked for


def name_history(scripts: Sequence[Script], notebook: Notebook, log: Log) -> list[Script]:
    """Give the values that cells read from IPython's history a name.

    Args:
        scripts: The cells in running order; those that do not run are not among them.
        notebook: Its saved outputs tell which cells showed a value.
        log: Where edits and what cannot be resolved are recorded.
    """
    if not any(map(_history_names, _statements(scripts))):
        return list(scripts)
    past = _Past(scripts, notebook)
    moments: dict[int, list[_Moment]] = {}
    for moment in past.moments:
        moments.setdefault(moment.script, []).append(moment)
    result = list(scripts)
    for index, its in moments.items():
        result[index] = _Reader(past, index, its, log).rewrite()
    for index, readers in sorted(past.readers.items()):
        result[index] = _name_value(result[index], past.value_name(index), readers, log)
    return result


def _statements(scripts: Iterable[Script]) -> Iterator[Statement]:
    return (statement for script in scripts for statement in script.statements)


def _history_names(statement: Statement) -> frozenset[str]:
    names = statement.facts.loads | statement.facts.late | statement.facts.deletes
    return frozenset(name for name in names if _is_history(name))


def _is_history(name: str) -> bool:
    if name in _OUTPUT_LISTS or name in _INPUT_LISTS:
        return True
    return name in _UNDERSCORES or name in _INPUTS or _NUMBERED.fullmatch(name) is not None


def _name_value(script: Script, name: str, readers: Sequence[int], log: Log) -> Script:
    """The script with its last value bound to a name, and still shown."""
    last = script.statements[-1]
    source = edit_cell(script.source, [AssignExpression(last.index, name)])
    if script.cell is not None:
        cells = ", ".join(str(cell + 1) for cell in sorted(set(readers)))
        reason = f"its value has the name `{name}`: read by cell {cells}"
        log.edit("replace", script.cell, reason, line=script.line_in_cell(last.line), lines=1)
    return revise(script, f"{source.rstrip()}\n{name}")


# --- what the history holds at every moment ------------------------------------------------


class _Text(Struct, frozen=True):
    """A value of the history that is known: the text of a cell, or the "" it begins with."""

    text: str


class _Shown(Struct, frozen=True):
    """The value that a script ends in."""

    script: int  # its index
    sure: bool  # whether it is surely not None
    again: _Value | None = None  # what it is the very object of, where the script ends in `_`


class _Lost:
    """A name that is no history here: the notebook has bound or deleted it.

    Each binding has an object of its own.
    """


class _Unknown:
    """A value that no code here computes, or not always the same one."""


_Value = _Text | _Shown | _Lost | _Unknown
_LOST = _Lost()
_DELETED = _Lost()
_UNKNOWN = _Unknown()


class _Moment(Struct, frozen=True):
    """The history while a statement runs."""

    script: int  # index
    number: int  # the execution count
    statement: Statement
    names: Mapping[str, _Value]  # `_`, `__`, `___`


class _Past:
    """The notebook's run from the top, as IPython's history records it."""

    def __init__(self, scripts: Sequence[Script], notebook: Notebook) -> None:
        self.scripts, self.notebook = scripts, notebook
        self.numbers = _execution_counts(scripts, notebook)
        self.words = frozenset[str]().union(*(bound_names(s.source) for s in scripts))
        self.bound = EMPTY.union(*(_bound(s) for s in _statements(scripts)))
        outputs = (output for cell in notebook.cells for output in cell.outputs)
        self.has_results = any(output.kind == "execute_result" for output in outputs)
        self.shown: dict[int, _Shown] = {}  # execution count -> the last value of the cell
        self.readers: dict[int, list[int]] = {}  # script -> cells that read its value
        self.moments = list(self.run())

    def run(self) -> Iterator[_Moment]:
        kept: tuple[_Value, ...] = (_Text(""),) * 3
        names: dict[str, _Value] = dict(zip(_UNDERSCORES, kept, strict=True))
        for index, script in enumerate(self.scripts):
            for statement in script.statements:
                yield _Moment(index, self.numbers[index], statement, dict(names))
                new = _bound(statement) & names.keys()
                gone = statement.facts.deletes & names.keys()
                names.update({name: _Lost() for name in new}, **dict.fromkeys(gone, _DELETED))
            value = self.value_of(index, names)
            if isinstance(value, _Shown):
                self.shown[self.numbers[index]] = value
            if value is not None:
                ours = all(map(_is_ours, kept, names.values()))
                kept = (value, *kept[:2])
                if ours:
                    names = dict(zip(_UNDERSCORES, kept, strict=True))

    def value_of(self, index: int, names: Mapping[str, _Value]) -> _Shown | _Unknown | None:
        """The value that a script shows, judged by its code and by the outputs in the file."""
        script = self.scripts[index]
        kind = last_value_kind(script)
        if script.cell is None:
            return None
        cell = self.notebook.cells[script.cell]
        if kind == "none":
            return _UNKNOWN if _ends_in_magic(script, cell) else None
        ends_cell = self.numbers[index + 1 : index + 2] != [self.numbers[index]]
        was_run = ends_cell and cell.execution_count is not None and self.has_results
        kinds = {output.kind for output in cell.outputs} if was_run else {"unknown"}
        sure = kind == "value" or "execute_result" in kinds
        failed = "error" in kinds
        none = not sure and kinds.isdisjoint({"unknown", "display_data"})  # which tools rewrite
        if failed or none:
            return None
        value = names.get(_last_line(script))
        again = value.again if isinstance(value, _Shown) else None
        return _Shown(index, sure, again or value)

    def value_name(self, index: int) -> str:
        """`out_3` for the third cell; values of one cell before its last: `out_3_1`."""
        number = self.numbers[index]
        name = f"out_{number}"
        if self.shown[number].script != index:
            name += f"_{index - self.numbers.index(number) + 1}"
        while name in self.words:
            name += "_"
        return name

    def input(self, number: int, *, raw: bool) -> _Value:
        """The text of the cell with this execution count.

        Args:
            number: 0 and less stand before the first cell, where there is "".
            raw: As the author wrote it. Else as IPython translated it, which is known for
                plain Python only.
        """
        if number <= 0:
            return _Text("")
        if number not in self.numbers:
            return _UNKNOWN
        cell = self.scripts[self.numbers.index(number)].cell
        source = "" if cell is None else self.notebook.cells[cell].source.rstrip("\n")
        if raw:
            return _Text(source)
        text = _without_indent(source)
        return _Text(text) if _is_python(text) else _UNKNOWN

    def find_when_called(self, made: _Moment, name: str) -> _Value:
        """What a name stands for whenever code that a statement makes is called.

        It is what it stands for at the statement, if that gives the code no name.
        """
        carriers = set(made.statement.facts.binds)
        if not carriers:
            return made.names[name]
        found: set[_Value] = set()
        for moment in self.moments[self.moments.index(made) + 1 :]:
            facts = moment.statement.facts
            if not carriers.isdisjoint(facts.loads):
                found.add(moment.names[name])
            codes = [names for names in facts.holds.values() if names & carriers]
            codes += [code.reads for code in facts.code.values() if code.reads & carriers]
            carriers |= facts.binds if codes else EMPTY
        if not found:
            return _LOST  # it is never called
        return found.pop() if len(found) == 1 else _UNKNOWN


def _last_line(script: Script) -> str:
    """The first line of its last statement, without a comment."""
    last = script.statements[-1] if script.statements else None
    line = script.source.split("\n")[last.line - 1] if last else ""
    return line.partition("#")[0].strip()


def _is_ours(kept: _Value, bound: _Value) -> bool:
    """Whether IPython finds a name of its history as it left it, or gone: else it lets go of all.

    It finds it so, too, when the notebook has bound the name and then shown that very object
    (`DisplayHook.update_user_ns`).
    """
    return bound is _DELETED or _object(kept) is _object(bound)


def _object(value: _Value) -> _Value:
    """What stands for the object: values that are shown again have it in common."""
    return value.again or value if isinstance(value, _Shown) else value


def _execution_counts(scripts: Sequence[Script], notebook: Notebook) -> list[int]:
    """The number of every script's cell: those that are not blank count, from 1."""
    numbers: list[int] = []
    number, before = 0, None
    for script in scripts:
        if script.cell is not None and script.cell != before:
            number += bool(notebook.cells[script.cell].source.strip())
        before = script.cell
        numbers.append(number)
    return numbers


def _without_indent(source: str) -> str:
    """As IPython cleans a cell: no blank lines at its start, and not the first line's indent."""
    lines = source.lstrip("\n").split("\n")
    while len(lines) > 1 and not lines[0].strip():
        lines.pop(0)
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return "\n".join(line.removeprefix(indent) for line in lines)


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _bound(statement: Statement) -> frozenset[str]:
    facts = statement.facts
    installed = {"_"} if "gettext.install" in facts.calls else EMPTY
    return facts.binds | facts.writes_late | installed


def _ends_in_magic(script: Script, cell: Cell) -> bool:
    """Whether a magic that has no translation, and may have a value, is all there is."""
    kinds = {output.kind for output in cell.outputs}
    return not script.statements and not kinds.isdisjoint({"execute_result", "display_data"})


# --- who reads it --------------------------------------------------------------------------

_MARKED = re.compile(
    _MARK + r"(?P<statement>\d+)_(?P<name>\w+)(?P<place>\s*\[\s*(?P<at>-?\d+)\s*\])?"
)


class _Reader:
    """Rewrites what one script reads of the history.

    The names are marked by a rename, which knows scopes, and the marks replaced by text: so
    `Out[3]` as a whole becomes a name.
    """

    def __init__(self, past: _Past, index: int, moments: Sequence[_Moment], log: Log) -> None:
        self.past, self.index, self.log = past, index, log
        self.moments = {moment.statement.index: moment for moment in moments}
        self.read: dict[int, str] = {}  # scripts whose value is read -> its name
        self.texts: list[tuple[_Moment, str, str]] = []  # where, what, and what it becomes
        self.warnings: list[tuple[_Moment, str]] = []

    def rewrite(self) -> Script:
        """The script, or what it becomes; the readers of values are recorded in the past."""
        script = self.past.scripts[self.index]
        marks = {i: self.marks(moment) for i, moment in self.moments.items()}
        renames = {i: Names(loads=names, late=names) for i, names in marks.items() if names}
        deletes = {i: names for i, m in self.moments.items() if (names := self.deleted(m))}
        if renames or deletes:
            marked = edit_cell(script.source, [RenameNames(renames), DropDeletes(deletes)])
            try:
                script = revise(script, _MARKED.sub(self.replace_mark, marked))
            except SourceError:  # a literal within an f-string, before Python 3.12
                self.read, self.texts = {}, []
                self.warn(next(iter(self.moments.values())), "what it reads of IPython's history")
        self.report(script)
        for source in self.read:
            self.past.readers.setdefault(source, []).append(script.cell or 0)
        return script

    def report(self, script: Script) -> None:
        if script.cell is None:
            return
        for moment, old, new in self.texts:
            line = script.line_in_cell(moment.statement.line)
            reason = f"`{old}` is IPython's history: here it is `{new}`"
            if new[0] in "'\"":
                reason = f"`{old}` is IPython's history: here it is this text"
            self.log.edit("replace", script.cell, reason, line=line, lines=1)
        for moment in self.moments.values():
            for name in sorted(self.deleted(moment)):
                reason = f"`{name}` is IPython's history: there is none to delete"
                line = script.line_in_cell(moment.statement.line)
                self.log.edit("drop", script.cell, reason, line=line, lines=1)
        for moment, message in self.warnings:
            self.log.warn(script.cell, message, script.line_in_cell(moment.statement.line))

    def warn(self, moment: _Moment, what: str) -> None:
        self.warnings.append((moment, f"{what} cannot be told without running the notebook"))

    def marks(self, moment: _Moment) -> dict[str, str]:
        """The names of a statement that are to be marked, and their marks."""
        statement = moment.statement
        found: dict[str, str] = {}
        for name in sorted(_history_names(statement)):
            if name not in _UNDERSCORES and name in self.past.bound:
                continue
            if name in statement.facts.binds and name not in statement.facts.reads:
                continue
            if name in statement.facts.deletes:
                continue
            if name in statement.facts.binds and (statement.augmented or not statement.simple):
                if not isinstance(moment.names[name], _Lost):
                    self.warn(moment, f"`{name}`, which is bound here too,")
                continue
            found[name] = f"{_MARK}{statement.index}_{name}"
        return found

    def deleted(self, moment: _Moment) -> frozenset[str]:
        """The names of the history that a `del` statement takes away: there are none here."""
        if moment.statement.kind != "delete":
            return EMPTY
        names = moment.statement.facts.deletes & _history_names(moment.statement)
        return frozenset(n for n in names if self.is_ours(moment, n))

    def is_ours(self, moment: _Moment, name: str) -> bool:
        if name in _UNDERSCORES:
            return not isinstance(moment.names[name], _Lost)
        return name not in self.past.bound

    def replace_mark(self, match: re.Match[str]) -> str:
        moment = self.moments[int(match["statement"])]
        name, place = match["name"], match["place"] or ""
        is_list = name in _OUTPUT_LISTS | _INPUT_LISTS
        at = int(match["at"]) if is_list and place else None
        value = self.find(moment, name, at)
        old = f"{name}{place}" if is_list else name
        if isinstance(value, _Unknown):
            self.warn(moment, f"`{old}`{self.hint(name, at)}")
        if isinstance(value, (_Lost, _Unknown)):
            return f"{name}{place}"
        new = self.text_of(moment, value, old)
        self.texts.append((moment, old, new))
        return new if is_list else f"{new}{place}"

    def text_of(self, moment: _Moment, value: _Text | _Shown, old: str) -> str:
        if isinstance(value, _Text):
            if not value.text:
                self.warnings.append((moment, f"`{old}` is empty: no cell above has it"))
            return repr(value.text)
        if not value.sure:
            cell = (self.past.scripts[value.script].cell or 0) + 1
            message = f"`{old}` is taken to be the value of cell {cell}: it must not be None"
            self.warnings.append((moment, message))
        return self.read.setdefault(value.script, self.past.value_name(value.script))

    def hint(self, name: str, at: int | None) -> str:
        """For a number without a value: the cell that had it when the notebook was saved."""
        numbered = _NUMBERED.fullmatch(name)
        number = int(numbered[2]) if numbered else at
        cells = self.past.notebook.cells
        saved = [c.index + 1 for c in cells if number and c.execution_count == number]
        return f" (when it was saved: cell {saved[0]})" if saved else ""

    def find(self, moment: _Moment, name: str, at: int | None) -> _Value:
        """What a name stands for."""
        later = name not in moment.statement.facts.loads  # by code that is called later
        numbered = _NUMBERED.fullmatch(name)
        if name in _UNDERSCORES:
            return self.past.find_when_called(moment, name) if later else moment.names[name]
        if name in _OUTPUT_LISTS or (numbered and not numbered[1]):
            number = int(numbered[2]) if numbered else at
            known = number is not None and (later or number < moment.number)
            return self.past.shown.get(number or 0, _UNKNOWN) if known else _UNKNOWN
        if name in _INPUTS:
            return _UNKNOWN if later else self.past.input(moment.number - len(name) + 1, raw=True)
        if numbered:
            return self.find_input(moment, int(numbered[2]), later, raw=True)
        return _UNKNOWN if at is None else self.find_input(moment, at, later, raw=False)

    def find_input(self, moment: _Moment, at: int, later: bool, *, raw: bool) -> _Value:
        if at < 0:
            at = -1 if later else moment.number + 1 + at
        known = at >= 0 and (later or at <= moment.number)
        return self.past.input(at, raw=raw) if known else _UNKNOWN
