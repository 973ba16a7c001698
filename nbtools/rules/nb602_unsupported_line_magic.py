"""NB602: a line magic that works nowhere but in Jupyter."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.magic_effects import lost_magics
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_ONLY_SHOWS = frozenset(
    "%precision %who %whos %who_ls %history %hist %notebook %qtconsole %connect_info "
    "%killbgscripts %pprint %bookmark %dhist %recall %tb %debug %save %pastebin %dirs".split()
)
"""Magics without which the notebook computes the same."""


def check(program: Program) -> Iterator[Finding]:
    """Report the line magics that `nbtools convert` turns into a comment."""
    for cell, magic, note in lost_magics(program):
        if magic.name.startswith("%%"):
            continue
        text = magic.text.strip()
        mild = magic.name in _ONLY_SHOWS
        message = f"`{text[:60]}` has no reactive form: it would become a comment"
        if magic.name == "%precision":
            message += "; round what you show: `f'{x:.3f}'`"
        elif "history" in note.message:
            message += "; it needs Jupyter's history"
        yield RULE.finding(
            message,
            cell.line_span(magic.line),
            symbol=magic.name,
            severity="warning" if mild else None,
        )


RULE = Rule(
    code="NB602",
    name="unsupported-line-magic",
    severity="error",
    default="reactive",
    kinds=frozenset({"jupyter"}),
    summary="`{magic}` has no reactive form",
    why=(
        "The magic belongs to Jupyter's session. In a reactive notebook the line does nothing. "
        "Those that only show something are warnings. Magics that extensions or the notebook "
        "itself add are another matter: IPython runs them there as well."
    ),
    instead="Write what the line does in Python, or leave it out.",
    words=("%", "get_ipython"),
    valid=(
        Example(("%matplotlib inline",), note="Nothing is lost."),
        Example(("%time x = 1",)),
        Example(("%load_ext autoreload\n%autoreload 2",)),
        Example(("%cd data",), note="It becomes a call."),
        Example(("%pip install numpy",)),
        Example(("%load_ext rpy2.ipython\n%R x <- 1",), note="IPython runs them."),
    ),
    invalid=(
        Example(("%store x",), found=("1:1:1",)),
        Example(("%precision %.3f",), found=("1:1:1",)),
    ),
    measured="7 of 7 findings right in 774 public notebooks",
    check=check,
)
