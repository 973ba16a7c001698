"""Showing matplotlib figures where Jupyter shows them.

Jupyter's inline backend shows every open pyplot figure when a cell ends. marimo shows the value
of the last expression, which for many plotting calls is an artist, and then its figure; a figure
of a cell that ends otherwise would be lost, and `plt.show()` goes to the console. So: a cell that
surely draws one figure ends in `plt.gcf()`; where more than one figure, a loop or a function may
draw, the helper `show_figures` shows what is open.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from nbtools.analysis.facts import Facts, Statement
from nbtools.cells import Notebook, Output
from nbtools.convert.log import Log
from nbtools.convert.plotting import ACCESSORS, MAKERS, Plotting, find_plotting
from nbtools.convert.rewrite import ReplaceCalls, WrapExpression, edit_cell
from nbtools.convert.scripts import Script, ends_silent, revise, sole_call
from nbtools.convert.shown import find_displaying, name_last_value, part_last_value
from nbtools.convert.splice_text import Splice, Text, apply_splices
from nbtools.convert.tags import hides_output
from nbtools.convert.values import last_value_kind
from nbtools.syntax import dotted_name, parse_source, walk_nodes

_ARTISTS = frozenset(
    """plot scatter bar barh imshow contour contourf pcolor pcolormesh fill_between fill_betweenx
    step text title suptitle xlabel ylabel legend axvline axhline axvspan axhspan annotate gca gcf
    figure subplot axes quiver hexbin matshow semilogx semilogy loglog fill vlines hlines figtext
    boxplot violinplot arrow polar spy figlegend add_subplot""".split()
)
_AXES_ARTISTS = frozenset(
    """set_title set_xlabel set_ylabel set_zlabel legend annotate axhline axvline axhspan axvspan
    suptitle colorbar add_patch add_artist""".split()
)  # methods that only figures and axes have, and that give an artist back


def show_figures(
    scripts: Sequence[Script], notebook: Notebook, folder: Path | None, log: Log
) -> list[Script]:
    """Make every cell show the figures that Jupyter's inline backend would show.

    folder: Where the notebook lies: modules beside it may draw, too. Their text is read.
    """
    plotting = find_plotting(scripts, folder)
    displays = find_displaying(scripts)
    result: list[Script] = []
    ready: set[str] = set()  # names of pyplot bound so far
    for script in scripts:
        ready |= plotting.modules & _binds(script)
        result.extend(_show_in(script, notebook, plotting, displays, ready, log))
    return result


def _binds(script: Script) -> frozenset[str]:
    return frozenset[str]().union(*(s.facts.binds for s in script.statements))


def _show_in(
    script: Script,
    notebook: Notebook,
    plotting: Plotting,
    displays: frozenset[str],
    ready: Iterable[str],
    log: Log,
) -> list[Script]:
    if script.cell is None or not script.statements or hides_output(notebook.cells[script.cell]):
        return [script]
    outputs = notebook.cells[script.cell].outputs
    script = _draw_before_shows(script, plotting.shows)
    stored = plotting.in_outputs and any(map(_is_figure, outputs))
    shows = plotting.shows & {c for s in script.statements for c in _all_calls(s.facts)}
    cell = _Cell(script, plotting, displays, frozenset(ready), log)
    draws = stored or bool(cell.chained) or any(map(plotting.draws_in, script.statements))
    draws = draws and not _keeps_figures(script)
    return cell.show(draws) if draws or shows else [script]


def _chained_plots(script: Script, plotting: Plotting) -> Mapping[int, Sequence[str]]:
    """Methods that draw and are called on what another call gives: they have no dotted name.

    For each top-level statement that has any, by its index: `().plot.bar`. What is given axes
    (`ax=ax`) draws on a figure that there is.
    """
    if not any(word in script.source for word in ACCESSORS):
        return {}
    found: dict[int, list[str]] = {}
    for index, statement in enumerate(parse_source(script.source).body):
        for node in walk_nodes(statement):
            if isinstance(node, ast.Call) and not any(k.arg == "ax" for k in node.keywords):
                for name in filter(plotting.draws, _chained_name(node)):
                    found.setdefault(index, []).append(name)
    return found


def _gives_many_axes(node: ast.Call) -> bool:
    """`df.plot(subplots=True)` and `df.groupby("a")["x"].plot()`: pandas gives all of them."""
    if any(keyword.arg == "subplots" for keyword in node.keywords):
        return True
    of: ast.expr = node.func
    while isinstance(of, (ast.Attribute, ast.Subscript)):
        of = of.value
    return isinstance(of, ast.Call) and getattr(of.func, "attr", "") == "groupby"


def _chained_name(node: ast.expr) -> Iterator[str]:
    """`().plot.bar` of `f(x).plot.bar()`, `axs.plot` of `axs[0].plot(x)`; else nothing."""
    parts: list[str] = []
    items = False
    called = node.func if isinstance(node, ast.Call) else None
    while isinstance(called, (ast.Attribute, ast.Subscript)):
        items |= isinstance(called, ast.Subscript)
        parts += [called.attr] if isinstance(called, ast.Attribute) else []
        called = called.value
    root = called.id if isinstance(called, ast.Name) else "()"
    if parts and (items or root == "()"):
        yield ".".join([root, *reversed(parts)])


def _draw_before_shows(script: Script, shows: frozenset[str]) -> Script:
    """`plt.show(plot_acf(x))` as `plot_acf(x); plt.show()`: what it is given may draw."""
    if shows.isdisjoint(call for s in script.statements for call in s.facts.calls):
        return script
    text = Text(script.source)
    splices: list[Splice] = []
    for node in walk_nodes(parse_source(script.source)):
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call) or dotted_name(call.func) not in shows:
            continue
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Call):
            continue
        start, end, show = text.start(call), text.end(call), text.of(call.func) + b"()"
        if call.lineno == call.end_lineno:
            splices.append(Splice(start, end, text.of(call.args[0]) + b"; " + show))
        elif not call.keywords:  # its brackets hold the lines together
            splices.append(Splice(start, text.end(call.func), b""))
            splices.append(Splice(end, end, b"; " + show))
    return revise(script, apply_splices(text, splices)) if splices else script


def _keeps_figures(script: Script) -> bool:
    """Whether it is the body of a `%%capture`, which takes the figures that are left open."""
    return "capture_output" in script.helpers and "display=False" not in script.source


def _is_figure(output: Output) -> bool:
    """Whether a saved output looks like a figure."""
    picture = output.kind == "display_data" and "image/png" in output.mimes
    return picture and not {"text/latex", "text/html"} & set(output.mimes)


def _all_calls(facts: Facts) -> Iterable[str]:
    return [*facts.calls, *(call for code in facts.code.values() for call in code.calls)]


def _show_but_for(name: str, line: str) -> str:
    """The line that shows figures, but for that of a value which may be an artist and show it."""
    return f"show_figures({name})" if line == "show_figures()" else line


def _calls_anything(value: ast.expr) -> bool:
    return any(isinstance(node, (ast.Call, ast.Await)) for node in walk_nodes(value))


def _last_value(script: Script) -> ast.expr:
    """The expression that a cell ends in, and shows."""
    last = parse_source(script.source).body[-1]
    assert isinstance(last, ast.Expr)
    return last.value


class _Cell:
    """Decides how one cell shows its figures."""

    def __init__(
        self,
        script: Script,
        plotting: Plotting,
        displays: frozenset[str],
        ready: frozenset[str],
        log: Log,
    ) -> None:
        self.script, self.plotting, self.displays, self.log = script, plotting, displays, log
        self.chained = _chained_plots(script, plotting)
        self.last = script.statements[-1]
        self.ready = ready
        self.helper = False  # whether `show_figures` is called

    def show(self, draws: bool) -> list[Script]:
        script = self.script
        ends_in_show = self.is_show(self.last)
        if ends_in_show and self.is_simple():
            script = self.replace_shows(script, self.current_figure())
        elif self.plotting.shows & set(self.every_call()):
            script = self.replace_shows(script, "show_figures()")
        at_end = draws and not self.ends_shown() and not self.shows_itself()
        scripts = self.show_at_end(script) if at_end else [script]
        last = scripts[0].statements[-1].end_line if at_end else 0
        scripts[0] = replace(scripts[0], drawings=tuple(self.find_drawings(last)))
        if self.helper:
            return [replace(s, helpers=s.helpers | {"show_figures"}) for s in scripts]
        return [replace(scripts[0], ends_in_figure=scripts[0].shows), *scripts[1:]]

    def find_drawings(self, last: int) -> Iterator[tuple[int, int]]:
        """For each figure the lines that draw and show it.

        last: The line that was added to show what is open when the cell ends; 0: there is none.
        """
        start = end = 0
        for statement in self.script.statements:
            if self.draws_or_shows(statement):
                start, end = start or statement.line, statement.end_line
            if start and self.is_show(statement):
                yield start, end
                start = 0
        if start:
            yield start, last or end

    def draws_or_shows(self, statement: Statement) -> bool:
        if not self.plotting.shows.isdisjoint(statement.facts.calls):
            return True
        if statement.index in self.chained and statement.kind not in ("function", "class"):
            return True
        return self.plotting.draws_in(statement)

    def shows_more(self) -> bool:
        """Whether it displays something too: then its last value goes to a cell of its own."""
        calls = {call for s in self.script.statements for call in s.facts.calls}
        return not self.displays.isdisjoint(calls)

    def every_call(self) -> list[str]:
        return [call for s in self.script.statements for call in _all_calls(s.facts)]

    def ends_shown(self) -> bool:
        """Whether `plt.show()` comes after all that the cell draws."""
        calls = [call for s in self.script.statements for call in s.facts.calls]
        for call in reversed(calls):
            if call in self.plotting.shows:
                return True
            if self.plotting.draws(call):
                return False
        return False

    def is_show(self, statement: Statement) -> bool:
        calls = statement.facts.calls
        alone = statement.kind == "expression" and len(calls) == 1 and statement.simple
        return alone and calls[0] in self.plotting.shows

    def is_simple(self) -> bool:
        """Whether the cell surely draws one figure, made by pyplot in a straight line."""
        calls = [call for s in self.script.statements for call in s.facts.calls]
        pyplot = [name for call in calls if (name := self.plotting.in_pyplot(call))]
        shows = [s for s in self.script.statements if self.is_show(s)]
        closes = "close" in pyplot or pyplot.count("show") > len(shows)
        own = any(self.plotting.draws(c) for c in calls if self.plotting.in_pyplot(c))
        if self.module() is None or closes or not own or shows not in ([], [self.last]):
            return False
        return self.is_single() and not self.shows_more()

    def module(self) -> str | None:
        """The name of pyplot where this cell stands."""
        return min(self.plotting.modules & self.ready, default=None)

    def current_figure(self) -> str:
        return f"{self.module()}.gcf()"

    def shows_itself(self) -> bool:
        """Whether the last value makes marimo show the one figure there is."""
        if not self.script.shows or not self.is_single():
            return False
        if self.shows_more() and any(map(self.plotting.draws_in, self.script.statements[:-1])):
            return False
        value = _last_value(self.script)
        if isinstance(value, ast.Call) and _gives_many_axes(value):
            return False
        chained = list(_chained_name(value))
        calls = [*chained, *self.last.facts.calls]
        if self.last.bare_name:
            names = self.last.facts.loads
            made = [s for s in self.script.statements if names & s.facts.binds]
            return any(map(self.plotting.makes_figure, [c for s in made for c in s.facts.calls]))
        if not calls:
            return False
        pyplot = self.plotting.in_pyplot(calls[0])
        if pyplot is not None:
            return pyplot in _ARTISTS
        parts = calls[0].split(".")
        known = _AXES_ARTISTS | (_ARTISTS if parts[0] in self.axes() else frozenset())
        if len(parts) > 1 and parts[-1] in known:
            return bool(chained) or sole_call(self.script, self.last) is not None
        if parts[0] in self.plotting.seaborn:
            return not self.plotting.gives_none(calls[0])
        return parts[-1] == "plot" or parts[-2:-1] == ["plot"]

    def axes(self) -> frozenset[str]:
        """The names that the cell gives to what pyplot makes and what is made of that."""
        own: set[str] = set()
        for statement in self.script.statements:
            facts = statement.facts
            made = any(self.plotting.in_pyplot(call) in MAKERS for call in facts.calls)
            if statement.simple and (made or not own.isdisjoint(facts.loads)):
                own |= facts.binds  # `ax = Axes3D(fig)`
        return frozenset(own)

    def is_single(self) -> bool:
        """Whether no more than one figure can be open."""
        axes: set[str] = set()  # names of what the cell's one figure is drawn on
        makers = 0
        for statement in self.script.statements:
            every = (*statement.facts.calls, *self.chained.get(statement.index, ()))
            calls = [c for c in every if c.split(".")[0] not in axes]
            made = [c for c in calls if self.plotting.makes_figure(c)]
            if any(map(self.plotting.in_pyplot, calls)) and statement.simple:
                axes |= statement.facts.binds
            if any(call in self.plotting.drawing for call in calls):
                return False
            if made and not statement.simple:
                return False
            makers += len(made)
        return makers <= 1

    def show_at_end(self, script: Script) -> list[Script]:
        """The cell with a line that shows the figure; a value it ends in is shown apart."""
        simple = self.is_simple() and not self.may_end_in_artist()
        line = self.current_figure() if simple else "show_figures()"
        self.helper |= line == "show_figures()"
        self.report("add", f"`{line}` shows the figure, as Jupyter does when a cell ends")
        if not script.shows or self.gives_nothing():
            return [revise(script, f"{script.source.rstrip()}\n{line}")]
        if _calls_anything(_last_value(script)):  # it may draw: the figure is shown after it
            return name_last_value(script, lambda name: [_show_but_for(name, line)], self.log)
        if self.last.bare_name:
            line = _show_but_for(dotted_name(_last_value(script)) or "", line)
        return part_last_value(script, [line], self.log)

    def may_end_in_artist(self) -> bool:
        """Whether the value may be part of the figure, which marimo shows for it: not twice."""
        if not self.script.shows or self.gives_nothing():
            return False
        own = self.axes()
        facts = self.last.facts
        if _calls_anything(_last_value(self.script)) and not own.isdisjoint(facts.loads):
            return True  # `axs[0].set_title("a")`, too, whose call has no dotted name
        return any(map(self.plotting.in_pyplot, facts.calls))

    def gives_nothing(self) -> bool:
        """Whether the last expression surely has no value to show."""
        if last_value_kind(self.script) == "none":
            return True
        called = sole_call(self.script, self.last) or ""
        if self.plotting.gives_none(called):
            return True
        calls = (called, *_chained_name(_last_value(self.script)))
        return any(f"{root}.grid" in calls for root in self.axes())

    def replace_shows(self, script: Script, new: str) -> Script:
        self.helper |= new == "show_figures()"
        shows = self.plotting.shows
        self.report("replace", f"`{new}` shows below the cell; `plt.show()` would on the console")
        source = edit_cell(script.source, [ReplaceCalls(lambda name: name in shows, new)])
        if new == self.current_figure() and ends_silent(source):
            source = edit_cell(source, [WrapExpression(self.last.index, "", "")])
        return revise(script, source)

    def report(self, kind: Literal["add", "replace"], reason: str) -> None:
        if self.script.cell is not None:
            line = self.script.line_in_cell(self.last.line)
            lines = 1 if kind == "replace" else 0
            self.log.edit(kind, self.script.cell, reason, line=line, lines=lines)
