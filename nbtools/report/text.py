"""Outcomes as lines for people. Cells and lines are counted from 1 here, as ruff counts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.convert.api import Outcome
from nbtools.convert.edits import Conversion, Edit
from nbtools.report.counts import count_edits
from nbtools.report.printable import printable


def format_outcome(outcome: Outcome, *, explain: bool = False) -> Iterator[str]:
    """What became of one notebook: a summary, then its warnings, then every edit if asked."""
    if outcome.conversion is None or outcome.status == "error":
        return
    name = printable(str(outcome.source))
    yield f"{_heading(outcome)}: {_summary(outcome, outcome.conversion)}"
    if outcome.note:
        yield f"{name}: {printable(outcome.note)}"
    for warning in outcome.conversion.warnings:
        place = format_place(warning.cell, warning.line)
        yield f"{name}:{place}: {printable(warning.message)}"
    if explain:
        yield from _explain(outcome.conversion)


def format_error(outcome: Outcome) -> str:
    """The one line that says why a notebook has no result."""
    return f"{printable(str(outcome.source))}: {printable(outcome.error or '')}"


def format_place(cell: int, line: int | None) -> str:
    """A 0-based cell and a 1-based line as people count: `cell 3:2`, or `cell 3`."""
    return f"cell {cell + 1}" if line is None else f"cell {cell + 1}:{line}"


def format_totals(outcomes: Sequence[Outcome]) -> str:
    """How many notebooks went which way: `3 written, 1 unchanged, 1 failed`."""
    words = {
        "written": "converted",
        "unchanged": "unchanged",
        "would-change": "would change",
        "error": "failed",
    }
    counted = ((sum(o.status == status for o in outcomes), word) for status, word in words.items())
    parts = ", ".join(f"{number} {word}" for number, word in counted if number)
    return f"{_plural(len(outcomes), 'notebook')}: {parts}"


def format_diff(outcome: Outcome) -> Iterator[str]:
    """A unified diff from the target as it stands to what the notebook gives now."""
    if outcome.conversion is None or outcome.status != "would-change":
        return
    import difflib  # 7 ms, for --diff alone

    name = printable(str(outcome.target))
    before = (outcome.previous or "").splitlines(keepends=True)
    after = outcome.conversion.text.splitlines(keepends=True)
    old_name = "/dev/null" if outcome.previous is None else name
    for line in difflib.unified_diff(before, after, old_name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _heading(outcome: Outcome) -> str:
    source = printable(str(outcome.source))
    return f"{source} -> {printable(str(outcome.target))}" if outcome.target else source


def _summary(outcome: Outcome, conversion: Conversion) -> str:
    if outcome.status == "unchanged":
        return "unchanged"
    changes = _changes(conversion)
    if outcome.status == "would-change":
        state = "missing" if outcome.previous is None else "not what the notebook gives now"
        return f"{state} ({changes})"
    return changes


def _changes(conversion: Conversion) -> str:
    """The counts that are not zero, in words."""
    counts = count_edits(conversion)
    parts = [
        (counts.renamed, "name", "renamed"),
        (counts.merged, "merge", "of cells"),
        (counts.split, "cell", "split"),
        (counts.moved, "statement", "moved"),
        (counts.reordered, "cell", "reordered"),
        (counts.dropped, "statement", "dropped"),
        (counts.replaced_lines, "line", "replaced"),
        (counts.warnings, "warning", ""),
    ]
    told = [f"{_plural(number, noun)} {verb}".rstrip() for number, noun, verb in parts if number]
    return ", ".join([_plural(counts.cells, "cell"), *told])


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _explain(conversion: Conversion) -> Iterator[str]:
    if not conversion.edits:
        yield "  nothing had to be changed"
    for edit in sorted(conversion.edits, key=_position):
        yield f"  {format_place(edit.cell, edit.line)}: {_describe_edit(edit)}"


def _position(edit: Edit) -> tuple[int, int]:
    return edit.cell, edit.line or 0


def _describe_edit(edit: Edit) -> str:
    if edit.kind == "rename":
        return printable(f"{edit.name} -> {edit.new_name}: {edit.reason}")
    return printable(f"{edit.kind}: {edit.reason}")
