"""NB407: a cell that waits for somebody to type."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.file_calls import imported_names, qualify
from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.rule import Example, Rule
from nbtools.rules.sure_calls import find_sure_calls

_ASKS = frozenset(
    "input raw_input builtins.input getpass.getpass breakpoint pdb.set_trace IPython.embed "
    "IPython.core.debugger.set_trace ipdb.set_trace click.prompt click.confirm".split()
)
_WORDS = ("input", "getpass", "breakpoint", "set_trace", "embed", "debug", "prompt", "confirm")


def check(program: Program) -> Iterator[Finding]:
    """Report what a run from the top asks for, in cells and in the functions that they call."""
    imports = imported_names(each for cell in program.cells for each in cell.facts.imports)
    for cell in program.cells:
        if "%debug" in cell.cell.source and not _is_left_out(cell):
            for magic in cell.plain.magics:
                if magic.name == "%debug":
                    message = "`%debug` waits for input: it blocks runs that nobody attends"
                    yield RULE.finding(message, cell.line_span(magic.line), symbol="%debug")
    asking = {name for name in _ASKS if name not in program.binders}
    for position, node in find_sure_calls(program, _WORDS):
        name = qualify(node.func, imports)
        cell = program.cells[position]
        if name in asking and not _is_left_out(cell):
            message = f"`{name}()` waits for input: it blocks runs that nobody attends"
            yield RULE.finding(message, cell.span(node), symbol=name)


def _is_left_out(cell: CodeCell) -> bool:
    return skips(cell.cell) or "raises-exception" in cell.cell.tags


RULE = Rule(
    code="NB407",
    name="interactive-input",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{call}` waits for input: it blocks runs that nobody attends",
    why=(
        "nbconvert, papermill, CI and `nbtools verify` have nobody who types: the cell stops "
        "with a StdinNotImplementedError."
    ),
    instead=(
        "Put the value in a cell tagged `parameters`, read it from the environment, or use a "
        "widget with a default."
    ),
    valid=(
        Example(("def ask():\n    return input()",), note="Nobody calls it."),
        Example(("def input():\n    return 'a'", "input()"), note="The notebook's own."),
        Example(("import sys\nif sys.stdin.isatty():\n    input()",)),
        Example(("try:\n    name = input()\nexcept Exception:\n    name = 'x'",)),
        Example(("form.input()",)),
    ),
    invalid=(
        Example(("name = input('Name? ')",), found=("1:1:8",)),
        Example(("def ask():\n    return int(input())", "n = ask()"), found=("1:2:16",)),
        Example(("from getpass import getpass\ntoken = getpass()",), found=("1:2:9",)),
        Example(("1 / 0", "%debug"), found=("2:1:1",)),
        Example(("breakpoint()",), found=("1:1:1",)),
    ),
    check=check,
    measured=(
        "8 of 8 findings stop the runs of 313 notebooks, 4 of 4 held-out ones right; 8 findings "
        "in 774 public notebooks"
    ),
    words=_WORDS,
)
