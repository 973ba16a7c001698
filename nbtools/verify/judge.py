"""From traces to verdicts: what each group of cells showed, held against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from nbtools.run.trace import CellRun, Trace
from nbtools.verify.compare import Standards, compare_displays
from nbtools.verify.display import Display, Restore, collect_display
from nbtools.verify.groups import Group
from nbtools.verify.values import Endings, Values, compare_values
from nbtools.verify.verdict import RED, CellProof, Item, Verdict, worst_of

_BAD = {
    "timed-out": "it takes too long",
    "interrupted": "it was interrupted",
    "died": "the process died in it",
    "not-run": "the run ended before its turn",
}


NO_ENDINGS = Endings()
"""Only what is shown is compared."""


class Run(Struct, frozen=True):
    """One run, and how to undo what it did to texts."""

    trace: Trace
    restore: Restore

    def of(self, cells: Sequence[int]) -> list[CellRun]:
        """What became of some cells, in the order given."""
        runs = {run.cell: run for run in self.trace.cells}
        return [runs[cell] for cell in cells if cell in runs]


def judge_groups(
    groups: Sequence[Group],
    references: Sequence[Run],
    found: Run,
    standards: Standards,
    endings: Endings = NO_ENDINGS,
    *,
    by_part: bool = False,
) -> tuple[CellProof, ...]:
    """A verdict for each group.

    Args:
        groups: The cells that belong together.
        references: Runs of the original, or of the reactive notebook itself.
        found: The run that is compared with them.
        standards: How strictly.
        endings: Where the values are that names have in the end.
        by_part: The references are runs of the reactive notebook, too.
    """
    cells = tuple(_judge(group, groups, references, found, standards, by_part) for group in groups)
    if any(cell.verdict in RED for cell in cells):
        return cells  # values would say once more that something is wrong, and less well where
    values = compare_values(endings, [run.trace for run in references], found.trace)
    pairs = zip(groups, cells, strict=True)
    return tuple(_add_values(cell, values.get(group, Values())) for group, cell in pairs)


def _add_values(cell: CellProof, values: Values) -> CellProof:
    if cell.verdict == "not-compared":
        return cell
    items = (*cell.items, *values.items)
    return replace(
        cell,
        items=items,
        verdict=worst_of((cell.verdict, *(item.verdict for item in values.items))),
        values=values.same,
        code=values.code,
    )


def _judge(
    group: Group,
    groups: Sequence[Group],
    references: Sequence[Run],
    found: Run,
    standards: Standards,
    by_part: bool,
) -> CellProof:
    cells = group.parts if by_part else group.cells
    wanted = [run.of(cells) for run in references]
    runs = found.of(group.parts)
    problem = _why_not_compared(wanted[0], references[0].trace)
    if problem:
        return CellProof(group.cells, group.parts, "not-compared", note=problem)
    expected = [
        collect_display(each, run.restore) for each, run in zip(wanted, references, strict=True)
    ]
    shown = collect_display(runs, found.restore)
    cancelled = [run for run in runs if run.status == "cancelled"]
    if cancelled and expected[0].failure is None:
        note = _name_cause(cancelled[0].because, groups)
        return CellProof(group.cells, group.parts, "cancelled", note=note)
    broken = next((run for run in runs if run.status in _BAD), None)
    if broken is not None:
        note = _BAD[broken.status]
        return CellProof(group.cells, group.parts, "failed", note=note)
    items = _ignore_silence(compare_displays(expected, shown, standards), group)
    verdict = worst_of(tuple(item.verdict for item in items))
    shows = not (expected[0].is_empty and shown.is_empty)
    return CellProof(group.cells, group.parts, verdict, tuple(items), shows=shows)


def _name_cause(part: int | None, groups: Sequence[Group]) -> str:
    """Why a cell was cancelled: the cell of the notebook that a reactive cell stands for."""
    if part is None:
        return ""
    cells = next((group.cells for group in groups if part in group.parts), ())
    if not cells:
        return f"it needs cell {part + 1} of the conversion, which failed"
    return f"it needs cell {cells[-1] + 1}, which failed"


def _ignore_silence(items: list[Item], group: Group) -> list[Item]:
    """What nbtools added shows nothing; warnings of an import that was moved are no difference."""
    return [
        item for item in items if group.cells or item.verdict != "extra" or item.what != "stderr"
    ]


def _why_not_compared(wanted: Sequence[CellRun], trace: Trace) -> str:
    """Why there is no reference for some cells; "" if there is one."""
    left_out = next((run for run in wanted if run.status == "not-run"), None)
    if left_out is None:
        ended = next(
            (run for run in wanted if run.status in ("timed-out", "died", "interrupted")), None
        )
        return _BAD[ended.status] if ended else ""
    if trace.ending.cell is None:
        return "the original ended before its turn"
    return f"the original ended in cell {trace.ending.cell + 1}"


def judge_recorded(
    recorded: Mapping[int, CellRun], references: Sequence[Run], standards: Standards
) -> tuple[CellProof, ...]:
    """A verdict for each code cell: what was saved, against fresh runs of the original."""
    return tuple(_judge_saved(run, references, standards) for _, run in sorted(recorded.items()))


def _judge_saved(saved: CellRun, references: Sequence[Run], standards: Standards) -> CellProof:
    at = (saved.cell,)
    fresh = [run.of(at) for run in references]
    if saved.status == "not-run":
        note = "it was not run when the file was saved"
        return CellProof(at, (), "not-compared", note=note, shows=False)
    problem = _why_not_compared(fresh[0], references[0].trace)
    if problem:
        return CellProof(at, (), "not-compared", note=problem, shows=bool(saved.outputs))
    wanted = [
        collect_display(each, run.restore) for each, run in zip(fresh, references, strict=True)
    ]
    shown = _without_lines(collect_display([saved], str))
    found = compare_displays([_without_lines(each) for each in wanted], shown, standards)
    items = tuple(_turned(item) for item in found)
    verdict = worst_of(tuple(item.verdict for item in items))
    return CellProof(at, (), verdict, items, shows=not (shown.is_empty and wanted[0].is_empty))


def _without_lines(display: Display) -> Display:
    """A saved exception does not say which line raised it."""
    if display.failure is None:
        return display
    return replace(display, failure=replace(display.failure, line="", function=""))


_OPPOSITE: Mapping[Verdict, Verdict] = {"missing": "extra", "extra": "missing"}


def _turned(item: Item) -> Item:
    """The item with the saved output as what was expected."""
    verdict = _OPPOSITE.get(item.verdict, item.verdict)
    return replace(
        item,
        verdict=verdict,
        expected=item.found,
        found=item.expected,
    )
