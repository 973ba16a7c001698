"""What every format says of a proof in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nbtools.report.printable import printable
from nbtools.verify.verdict import GREEN, RED, CellProof, Item, Proof, Status

_MOST_CELLS = 8  # that are listed in one line


def number_cells(cells: Sequence[int]) -> str:
    """Cells as people count them: "cell 3", "cells 3, 4"."""
    numbers = [str(cell + 1) for cell in cells[:_MOST_CELLS]]
    more = f" and {len(cells) - _MOST_CELLS} more" if len(cells) > _MOST_CELLS else ""
    return f"{'cell' if len(cells) == 1 else 'cells'} {', '.join(numbers)}{more}"


def name_cell(cell: CellProof) -> str:
    """The cells of a group, or of the conversion if the notebook has none."""
    if cell.cells:
        return number_cells(cell.cells)
    return f"{number_cells(cell.parts)} of the conversion"


def headline(proof: Proof) -> str:
    """The first line: what a person wants to know."""
    return printable(f"{proof.source}: {_verdict(proof)}")


def _verdict(proof: Proof) -> str:
    if proof.status in ("failed", "empty"):
        return proof.reason
    cells = [cell for cell in proof.cells if cell.cells or cell.parts]
    total = sum(max(len(cell.cells), 1) for cell in cells if cell.cells)
    same = sum(len(cell.cells) for cell in cells if cell.verdict in GREEN)
    if proof.status == "ended":
        return f"not proved: {proof.reason}"
    if proof.status == "inconclusive":
        return f"not proved: {proof.reason}"
    told = [f"{same} of {total} cells {_same_words(proof)}", *_unstable_words(cells)]
    told += _value_words(cells)
    if proof.status == "differs":
        wrong = [cell for cell in cells if cell.verdict in RED]
        verb = "does not reproduce" if proof.kind != "recorded" else "differs from what is saved"
        return f"{verb}: {_list_wrong(wrong)} ({', '.join(told)})"
    if proof.status == "raises":
        verb = "reproduces up to there" if proof.kind != "recorded" else "as saved up to there"
        return f"{proof.reason}; it {verb} ({', '.join(told)})"
    if proof.status == "unstable":
        return f"does not show the same in each run ({', '.join(told)})"
    if proof.status == "order-dependent":
        words = _order_words(proof)
        return f"does not reproduce in another order: {words} ({', '.join(told)})"
    verb = "reproduces" if proof.kind != "recorded" else "as saved"
    line = f"{verb} ({', '.join(told)})"
    return f"{line}, but {_order_words(proof)}" if proof.order_dependent else line


def _order_words(proof: Proof) -> str:
    cells = {cell for each in proof.order_dependent for cell in each.cells or each.parts}
    verb = "depends" if len(cells) == 1 else "depend"
    return f"{number_cells(sorted(cells))} {verb} on the order of unlinked cells"


def _value_words(cells: Sequence[CellProof]) -> Iterator[str]:
    """What a proof rests on that compares nothing of what is shown."""
    values = count_values(cells)
    shown = {cell.verdict for cell in cells if cell.shows}
    seeded = any(cell.seeded for cell in cells)
    if values and shown <= {"unstable", "not-compared"} and not seeded:
        yield "all that is shown varies" if shown else "nothing is shown"
        yield values


def count_values(cells: Sequence[CellProof]) -> str:
    """How many names mean in the end what they meant in the original; "" if none."""
    values, code = sum(cell.values for cell in cells), sum(cell.code for cell in cells)
    told = [f"{values} value{'s' * (values > 1)}"] * bool(values)
    told += [f"{code} function{'s' * (code > 1)} or module{'s' * (code > 1)}"] * bool(code)
    verb = "is" if values + code == 1 else "are"
    return f"{' and '.join(told)} {verb} compared" if told else ""


def _same_words(proof: Proof) -> str:
    return "as saved" if proof.kind == "recorded" else "the same"


def _unstable_words(cells: Sequence[CellProof]) -> Iterator[str]:
    unstable = [cell for cell in cells if cell.verdict == "unstable"]
    if len(unstable) == 1:
        cause = next((item.cause for item in unstable[0].items if item.cause), "")
        words = cause.removeprefix("it ") if cause.startswith("it ") else f"({cause})"
        yield f"1 unstable: {name_cell(unstable[0])} {words}".rstrip()
    elif unstable:
        numbers = [each for cell in unstable for each in cell.cells or cell.parts]
        seeded = all(cell.seeded for cell in unstable)
        words = " (the same where random numbers are the same)" if seeded else ""
        yield f"{len(unstable)} unstable: {number_cells(numbers)}{words}"
    left = [cell for cell in cells if cell.verdict == "not-compared" and cell.cells]
    if left:
        count = sum(len(cell.cells) for cell in left)
        yield f"{count} not compared"


def _list_wrong(wrong: Sequence[CellProof]) -> str:
    counts = Counter(cell.verdict for cell in wrong)
    parts = [f"{name_cell(cell)} {_state(cell)}" for cell in wrong[:2]]
    if len(wrong) > 2:
        numbers = sorted({each for cell in wrong for each in cell.cells or cell.parts})
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        return f"{number_cells(numbers)} ({kinds})"
    return " and ".join(parts)


def _state(cell: CellProof) -> str:
    wrong = [item for item in cell.items if item.verdict in RED]
    if wrong and all(item.is_value for item in wrong):
        return "ends with another value" if cell.verdict == "different" else "lacks a value"
    return _STATES[cell.verdict]


_STATES = {
    "different": "shows something else",
    "missing": "does not show all it showed",
    "extra": "shows more than it showed",
    "failed": "fails",
    "cancelled": "is cancelled",
}


def describe_item(item: Item) -> str:
    """One thing that is not the same, in one line."""
    words = item.what if item.mime == "text/plain" else f"{item.what} ({item.mime})"
    if item.verdict == "same-by-rule":
        return f"{words}: the same, but for {', '.join(item.rules)}"
    if item.verdict == "unstable":
        detail = f" ({item.detail})" if item.detail else ""
        return f"{words}: unstable, {item.cause}{detail}"
    return f"{words}: {item.verdict}: {item.detail}" if item.detail else f"{words}: {item.verdict}"


def summarize(proofs: Sequence[Proof]) -> Iterator[str]:
    """Many notebooks, in the terms of the literature on reproducibility."""
    total = len(proofs)
    read = [proof for proof in proofs if proof.status not in ("failed", "empty")]
    clean = [proof for proof in read if proof.status not in ("raises", "ended")]
    conversions = [proof for proof in read if proof.kind == "conversion"]
    proved = [proof for proof in conversions if proof.status == "reproduces"]
    saved = [cells for proof in clean if (cells := _saved_cells(proof))]
    as_saved = [cells for cells in saved if all(cell.verdict in GREEN for cell in cells)]
    noun = "notebook" if total == 1 else "notebooks"
    yield f"{total} {noun}: {len(read)} could be run, {len(clean)} ran without error"
    if saved:
        yield f"{len(as_saved)} of {len(saved)} gave the results that are saved in them"
    if conversions:
        yield f"{len(proved)} of {len(conversions)} conversions reproduce"
    counts = Counter(proof.status for proof in proofs if proof.status != "reproduces")
    if counts:
        told = [f"{count} {_STATUS[status][count > 1]}" for status, count in sorted(counts.items())]
        yield ", ".join(told)


def _saved_cells(proof: Proof) -> list[CellProof]:
    """The cells whose outputs are saved, as a run compares with them."""
    return [cell for cell in proof.recorded.cells if cell.shows] if proof.recorded else []


_STATUS: Mapping[Status, tuple[str, str]] = {
    "empty": ("has no code", "have no code"),
    "differs": ("differs", "differ"),
    "order-dependent": ("depends on the order of cells", "depend on the order of cells"),
    "unstable": ("varies", "vary"),
    "failed": ("could not be read or proved", "could not be read or proved"),
    "raises": ("raises an exception", "raise an exception"),
    "ended": ("was ended by a limit or a signal", "were ended by a limit or a signal"),
    "inconclusive": ("shows nothing that can be compared", "show nothing that can be compared"),
}
"""What is said of one notebook, and of several."""
