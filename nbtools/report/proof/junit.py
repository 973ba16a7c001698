"""Format `junit`: a suite for each notebook, a test case for each cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbtools.report.escapes import escape_lines, quote_attribute
from nbtools.report.proof.text import describe_cell
from nbtools.report.proof.words import headline, name_cell
from nbtools.verify.verdict import RED, TOLD_BY_CELLS, CellProof, Proof


def format_proofs(proofs: Sequence[Proof]) -> Iterator[str]:
    """All proofs as one document."""
    suites = [_Suite(proof) for proof in proofs]
    told = {
        "tests": sum(len(suite.cases) for suite in suites),
        "failures": sum(suite.failures for suite in suites),
        "errors": sum(suite.errors for suite in suites),
    }
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="nbtools verify" {_numbers(told)}>'
    for suite in suites:
        yield from suite.lines()
    yield "</testsuites>"


def _numbers(told: dict[str, int]) -> str:
    return " ".join(f'{name}="{number}"' for name, number in told.items())


class _Suite:
    """One notebook."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.failures = self.errors = self.skipped = 0
        stem = re.sub(r"\.(?:ipynb|py)$", "", proof.source)
        self.name = quote_attribute(proof.source)
        self.class_name = quote_attribute(stem)
        self.cases = [self.case(cell) for cell in proof.cells if cell.cells or cell.items]
        if proof.status not in TOLD_BY_CELLS or not self.cases:
            self.cases.append(self.whole())

    def lines(self) -> Iterator[str]:
        told = {
            "tests": len(self.cases),
            "failures": self.failures,
            "errors": self.errors,
            "skipped": self.skipped,
        }
        yield f'  <testsuite name={self.name} {_numbers(told)} time="{self.proof.seconds:.3f}">'
        for case in self.cases:
            yield from case
        yield "  </testsuite>"

    def case(self, cell: CellProof) -> list[str]:
        start = f"    <testcase name={quote_attribute(name_cell(cell))} classname={self.class_name}"
        text = "\n".join(describe_cell(self.proof, cell))
        words = quote_attribute(cell.verdict)
        if cell.verdict in RED:
            self.failures += 1
            message = quote_attribute(text.split("\n")[0])
            inner = f"<failure type={words} message={message}>{escape_lines(text)}</failure>"
        elif cell.verdict == "not-compared":
            self.skipped += 1
            inner = f"<skipped message={quote_attribute(cell.note or 'not compared')} />"
        elif cell.verdict == "unstable":
            inner = f"<system-out>{escape_lines(text)}</system-out>"
        else:
            return [f"{start} />"]
        return [f"{start}>", f"      {inner}", "    </testcase>"]

    def whole(self) -> list[str]:
        """What is to be said of the notebook as a whole."""
        start = f"    <testcase name={self.name} classname={self.class_name}"
        if self.proof.status in TOLD_BY_CELLS:
            return [f"{start} />"]
        self.errors += 1
        kind, message = quote_attribute(self.proof.status), quote_attribute(headline(self.proof))
        inner = f"<error type={kind} message={message}>{escape_lines(self.proof.bug or '')}</error>"
        return [f"{start}>", f"      {inner}", "    </testcase>"]
