"""What a rule is: its words for people, its examples, and the check itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from msgspec import Struct, field

from nbtools.rules.finding import DocumentEdit, Edit, Finding, Fix, Related, Safety, Severity, Span
from nbtools.rules.program import Kind, OutputsPolicy, Program

Default = Literal["on", "reactive", "opt-in"]
"""Where a rule is on without being asked for: always; when the notebook is to be reactive (the
default target, or a file that is reactive already); never."""


class Example(Struct, frozen=True):
    """Cells that a rule reports, or does not. They are its tests and stand on its page."""

    cells: tuple[str, ...] = ()  # sources; one that starts with "%%md " is a markdown cell
    found: tuple[str, ...] = ()  # "2:1:7": cell, line and column of each finding, 1-based
    fixed: tuple[str, ...] | None = None  # the cells after the fix, where the rule has one
    kind: Kind = "jupyter"
    counts: tuple[int | None, ...] = ()  # execution counts, cell by cell; () for none
    ids: tuple[str, ...] = ()  # of the cells; in a reactive notebook their names
    files: Mapping[str, str] = field(default_factory=dict)  # beside the notebook
    document: Mapping[str, object] = field(default_factory=dict)  # the .ipynb, in place of cells
    fixed_document: Mapping[str, object] | None = None  # the .ipynb after the fix
    outputs: OutputsPolicy | None = None  # the project's policy for saved outputs
    note: str = ""  # what the example shows


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. `check` is a pure function, and is called once per notebook."""

    code: str  # "NB101"
    name: str  # "undefined-name"
    severity: Severity
    default: Default
    kinds: frozenset[Kind]  # the notebooks it can say something about
    summary: str  # the message's shape, with {braces} for what varies
    why: str  # why it matters: one paragraph
    instead: str  # what to do
    fix: Safety | None = None  # whether it has a fix, and of which kind
    valid: tuple[Example, ...]
    invalid: tuple[Example, ...]
    check: Callable[[Program], Iterator[Finding]]
    mend: Callable[[Program, Finding], Fix | None] | None = None  # makes a fix when it is wanted
    measured: str = ""  # "19 of 20 sampled findings right; 63 findings in 774 public notebooks"
    runs_last: bool = False  # it asks what became of the findings of the others: `Program.usage`
    words: tuple[str, ...] = ()  # if any: a notebook without one of them has no finding

    def finding(
        self,
        message: str,
        span: Span,
        *,
        symbol: str = "",
        related: tuple[Related, ...] = (),
        severity: Severity | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule, of the rule's own severity unless another is given."""
        offer = self.fix if self.mend is not None else None
        own = severity or self.severity
        return Finding(self.code, message, span, own, related, fix, symbol, offer)


def unsafe_fix(message: str, *edits: Edit) -> Fix:
    """A fix that may change what the notebook does."""
    return Fix("unsafe", message, edits)


def safe_fix(message: str, *edits: Edit) -> Fix:
    """A fix after which the notebook does the same."""
    return Fix("safe", message, edits)


def file_fix(message: str, *edits: DocumentEdit) -> Fix:
    """A fix of the .ipynb file beside its code, after which the notebook does the same."""
    return Fix("safe", message, (), edits)
