"""NB112: executions that the file does not show."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.saved_counts import read_counts


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, how many counts between 1 and the highest belong to no cell."""
    counts = {
        count: cell
        for cell in program.cells
        if (count := cell.cell.execution_count) is not None and count > 0
    }
    if not counts or not program.once(read_counts):
        return
    missing = max(counts) - len(counts)
    if missing > 0:
        after = next(n for n in sorted(counts) if n > 1 and n - 1 not in counts)
        number = "execution is" if missing == 1 else "executions are"
        message = f"{missing} {number} not in the file: cells were run again, changed or deleted"
        yield RULE.finding(message, counts[after].whole)


RULE = Rule(
    code="NB112",
    name="execution-gap",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="{n} executions are not in the file",
    why=(
        "The kernel ran code that the file no longer holds; the outputs may rest on it. Most "
        "notebooks with gaps run all the same."
    ),
    instead="Restart the kernel, run all cells, and save.",
    valid=(
        Example(("x = 1", "x"), counts=(1, 2)),
        Example(("x = 1", "x"), counts=(2, 1)),
        Example(("x = 1", "x")),
    ),
    invalid=(
        Example(("x = 1", "x", "x"), counts=(1, 4, 5), found=("2:1:1",)),
        Example(("x = 1", "x"), counts=(3, 4), found=("1:1:1",)),
    ),
    check=check,
    measured="says what the counts say; 166 findings in 774 public notebooks",
)
