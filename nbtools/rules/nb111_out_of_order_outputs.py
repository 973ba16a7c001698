"""NB111: outputs that were saved after the cells had been run in another order."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.saved_counts import read_counts


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, the first cell that ran before one above it."""
    highest = None
    found = []
    for cell, count in program.once(read_counts):
        if highest is not None and count < highest[1]:
            found.append((cell, count, highest))
        if highest is None or count > highest[1]:
            highest = (cell, count)
    if not found:
        return
    cell, count, (above, later) = found[0]
    more = f" ({len(found)} cells like this)" if len(found) > 1 else ""
    message = (
        f"saved outputs come from another order: this cell ran as [{count}], "
        f"cell {above.index + 1} above it as [{later}]{more}"
    )
    related = (Related(above.whole, f"ran as [{later}]"),)
    yield RULE.finding(message, cell.whole, related=related)


RULE = Rule(
    code="NB111",
    name="out-of-order-outputs",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="saved outputs come from another order: cell ran as [{count}], one above as [{later}]",
    why=(
        "What readers see may not be what the cells give from top to bottom. It does not say that "
        "the notebook fails: only a run from the top does."
    ),
    instead="Restart the kernel, run all cells, and save.",
    valid=(
        Example(("x = 1", "x"), counts=(1, 2)),
        Example(("x = 1", "x"), counts=(3, 7), note="Gaps are NB112's."),
        Example(("x = 1", "", "x"), counts=(2, 1, 3), note="An empty cell shows nothing."),
        Example(("x = 1", "x"), counts=(4, 4), note="See NB114."),
    ),
    invalid=(
        Example(("x = 1", "x", "x + 1"), counts=(2, 1, 3), found=("2:1:1",)),
        Example(("x = 1", "%%md Text", "x", "x"), counts=(9, None, 3, 4), found=("3:1:1",)),
    ),
    check=check,
    measured="12 of 12 sampled held-out findings right; 64 findings in 774 public notebooks",
)
