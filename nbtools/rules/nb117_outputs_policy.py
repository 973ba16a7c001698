"""NB117: outputs that the project wants in its files, or does not."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.whole_file import holds_code, is_ipynb, span_of_file


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, outputs that are there, or runs that are not."""
    if not is_ipynb(program):
        return
    if program.outputs == "strip":
        kept = [c for c in program.cells if c.cell.outputs or c.cell.execution_count]
        if kept:
            cells = "1 cell has" if len(kept) == 1 else f"{len(kept)} cells have"
            message = f'{cells} outputs or counts, and the project sets outputs = "strip"'
            yield RULE.finding(message, kept[0].whole)
    elif program.outputs == "keep":
        coded = [cell for cell in program.cells if holds_code(cell)]
        if coded and not any(cell.cell.outputs or cell.cell.execution_count for cell in coded):
            message = (
                'the notebook was saved without outputs, and the project sets outputs = "keep"'
            )
            yield RULE.finding(message, span_of_file(program))


RULE = Rule(
    code="NB117",
    name="outputs-policy",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary='outputs are saved or missing against the setting outputs = "{policy}"',
    why=(
        "Some teams keep outputs for readers, others strip them for small diffs and for secrecy. "
        "A file that does otherwise shows up in every review."
    ),
    instead=(
        "Clear all outputs before you commit (`jupyter nbconvert --clear-output --inplace`), or "
        "run all cells, as the setting `outputs` of the project says."
    ),
    valid=(
        Example(("1",), counts=(1,), note="Without the setting nothing is wrong."),
        Example(("1",), counts=(1,), outputs="keep"),
        Example(("1",), outputs="strip"),
        Example(("%%md Text", ""), outputs="keep"),
    ),
    invalid=(
        Example(("x = 1", "x"), counts=(None, 2), outputs="strip", found=("2:1:1",)),
        Example(("1",), outputs="keep", found=("1:1:1",)),
    ),
    check=check,
)
