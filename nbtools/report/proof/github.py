"""Format `github`: commands that make GitHub Actions annotate the notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.report.escapes import escape_data, escape_property
from nbtools.report.findings.places import slashed
from nbtools.report.printable import printable
from nbtools.report.proof.text import describe_cell
from nbtools.report.proof.words import headline
from nbtools.verify.verdict import RED, TOLD_BY_CELLS, CellProof, Proof


def format_proofs(proofs: Sequence[Proof]) -> Iterator[str]:
    """An error for each cell that differs, and for each notebook that is not proved.

    The line is that of the file itself, where the annotation is to appear; the message has the
    cell.
    """
    for proof in proofs:
        if proof.status not in TOLD_BY_CELLS:
            yield _command(proof, 1, headline(proof))
        for cell in proof.cells:
            if cell.verdict in RED:
                text = "\n".join(describe_cell(proof, cell))
                yield _command(proof, _line(proof, cell), text)


def _line(proof: Proof, cell: CellProof) -> int:
    first = cell.cells[0] if cell.cells else 0
    return proof.lines[first] if first < len(proof.lines) else 1


def _command(proof: Proof, line: int, text: str) -> str:
    file = escape_property(printable(slashed(proof.source)))
    return f"::error title=nbtools verify,file={file},line={line}::{escape_data(text)}"
