"""Format `text`: for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from nbtools.report.printable import printable
from nbtools.report.proof.words import (
    count_values,
    describe_item,
    headline,
    name_cell,
    summarize,
)
from nbtools.report.run import format_seconds
from nbtools.verify.verdict import GREEN, RED, CellProof, Item, Proof

_MOST_LINES = 12  # of a difference
_WIDEST = 200  # characters of a line of one: a picture is one line
_TEXT = ("text/", "application/json", "image/svg+xml")


def format_proofs(proofs: Sequence[Proof], *, verbose: bool = False) -> Iterator[str]:
    """All proofs, and what they come to if there are several."""
    for proof in proofs:
        yield from format_proof(proof, verbose=verbose)
    if len(proofs) > 1:
        yield ""
        yield from summarize(proofs)


def format_proof(proof: Proof, *, verbose: bool = False) -> Iterator[str]:
    """One proof: the headline, and what is not as it should be below it."""
    yield headline(proof)
    if proof.bug:
        yield from proof.bug.rstrip().split("\n")
    for cell in proof.cells:
        if verbose or cell.verdict in RED:
            yield from describe_cell(proof, cell)
    yield from _format_other_orders(proof)
    yield from _format_recorded(proof, verbose=verbose)
    for note in proof.notes:
        yield printable(f"{proof.source}: {note}")
    if proof.marimo == "stand-in":
        yield printable(
            f"{proof.source}: marimo is not installed there: nbtools' stand-in was used"
        )
    if verbose and proof.python:
        runs = proof.references + sum(check.runs for check in proof.checks if proof.references)
        where = f"Python {proof.python}, {proof.engine}"
        yield printable(f"{proof.source}: {runs} runs in {format_seconds(proof.seconds)} ({where})")


def _format_other_orders(proof: Proof) -> Iterator[str]:
    for check in proof.checks[1:]:
        for cell in check.wrong:
            yield from describe_cell(proof, cell, f" in {check.name}")
        if check.note:
            yield printable(f"{proof.source}: {check.name}: {check.note}")
    if proof.order_dependent:
        words = f"`nbtools graph {proof.source}` marks the cells that change what others read"
        yield printable(f"{proof.source}: {words}")


def describe_cell(proof: Proof, cell: CellProof, where: str = "") -> Iterator[str]:
    """What became of a cell, and below it what is not the same."""
    words = cell.verdict.replace("-", " ")
    note = f": {cell.note}" if cell.note else ""
    values = count_values([cell]) if cell.verdict in GREEN else ""
    more = f", {values}" if values else ""
    yield printable(f"{proof.source}:{name_cell(cell)}: {words}{more}{where}{note}")
    for item in cell.items:
        yield printable(f"    {describe_item(item)}")
        if item.verdict not in GREEN and item.verdict != "unstable":
            yield from _format_difference(item)


def _format_difference(item: Item) -> Iterator[str]:
    """The lines that differ; a picture has none."""
    if not item.mime.startswith(_TEXT) or item.expected is None or item.found is None:
        return
    lines = [
        line
        for line in unified_diff(
            item.expected.split("\n"), item.found.split("\n"), lineterm="", n=1
        )
        if not line.startswith(("---", "+++", "@@"))
    ]
    for line in lines[:_MOST_LINES]:
        shown = printable(line.expandtabs())
        yield f"        {shown if len(shown) <= _WIDEST else f'{shown[:_WIDEST]}...'}"
    if len(lines) > _MOST_LINES:
        yield f"        ... {len(lines) - _MOST_LINES:,} more lines"


def _format_recorded(proof: Proof, *, verbose: bool) -> Iterator[str]:
    if proof.recorded is None or proof.kind == "recorded":
        return
    shown = [cell for cell in proof.recorded.cells if cell.shows]
    if not shown:
        yield printable(f"{proof.source}: no outputs are saved in it")
        return
    same = [cell for cell in shown if cell.verdict in GREEN]
    rules = sorted({rule for cell in same for item in cell.items for rule in item.rules})
    told = f" (rules: {', '.join(rules)})" if rules else ""
    line = f"{proof.source}: saved outputs: {len(same)} of {len(shown)} cells as saved{told}"
    yield printable(line)
    if verbose:
        for cell in shown:
            if cell.verdict not in GREEN:
                yield from describe_cell(proof, cell, " from what is saved")
