"""NB206: a name with a leading underscore that another cell reads."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword

from nbtools.convert.names import is_private
from nbtools.rules.definitions import Read, cross_reads
from nbtools.rules.edits import edits_to
from nbtools.rules.finding import Finding, Fix, Related, Severity
from nbtools.rules.program import Program
from nbtools.rules.renaming import (
    fresh_name,
    name_versions,
    rename_values,
    renamed_alike,
    trace_cells,
)
from nbtools.rules.rule import Example, Rule, unsafe_fix


def check(program: Program) -> Iterator[Finding]:
    """Report each such name once, where another cell first reads it."""
    for name, read in _private_reads(program):
        cell, source = program.cells[read.reader], program.cells[read.definer]
        message = f"`{name}` of cell {source.index + 1} is read here: "
        message += "in marimo a name with a leading underscore belongs to its cell; "
        if program.kind == "jupyter":
            message += "`nbtools convert` takes the underscore away"
        else:
            message += "take the underscore away"
        related = (Related(source.name_span(name, store=True), f"`{name}` is defined here"),)
        severity: Severity = "warning" if program.kind == "jupyter" else "error"
        yield RULE.finding(
            message, cell.name_span(name), symbol=name, related=related, severity=severity
        )


def _private_reads(program: Program) -> Iterator[tuple[str, Read]]:
    if program.kind == "jupyter":
        for name, reads in program.once(cross_reads).items():
            if is_private(name) and name.strip("_"):
                yield name, reads[0]
        return
    seen: set[str] = set()
    for position, cell in enumerate(program.cells):
        facts = cell.facts
        for name in sorted((facts.reads | facts.late) - facts.binds - seen):
            definers = [p for p in program.binders.get(name, ()) if p != position]
            if is_private(name) and definers:
                seen.add(name)
                yield name, Read(position, definers[0])


def mend(program: Program, finding: Finding) -> Fix | None:
    """Take the underscore away, or give the name a number where the rest is taken."""
    name = finding.symbol
    plain = name.lstrip("_")
    if plain in program.once(trace_cells).words or not plain.isidentifier() or iskeyword(plain):
        plain = fresh_name(program, plain if plain.isidentifier() else "value")
    if program.kind == "reactive":
        sources = renamed_alike(program, name, plain)
    else:
        sources = rename_values(program, name, _shared(program, name, plain))
    if not sources:
        return None
    return unsafe_fix(f"Rename `{name}` to `{plain}`", *edits_to(program, sources))


def _shared(program: Program, name: str, plain: str) -> dict[int, str]:
    """Other names for the values that other cells read; the rest stays local to its cell."""
    chosen: dict[int, str] = {}
    naming = program.once(name_versions)
    for number in program.once(trace_cells).of(name):
        if naming.readers.of_version[number]:
            chosen[number] = fresh_name(program, plain, chosen.values()) if chosen else plain
    return chosen


RULE = Rule(
    code="NB206",
    name="private-name-across-cells",
    severity="error",
    default="reactive",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}` of cell {cell} is read here, but belongs to its cell in marimo",
    why=(
        "marimo keeps names that start with an underscore within their cell: any other cell that "
        "reads one stops with a NameError."
    ),
    instead="Take the underscore away.",
    measured="2 of 2 findings right in 774 public notebooks, 4 of 4 in 433 held-out ones",
    valid=(
        Example(("_x = 1\nprint(_x)",)),
        Example(("_x = 1", "_x = 2\nprint(_x)")),
        Example(("x = 1", "x")),
        Example(("_x = 1\n_x",), kind="reactive"),
    ),
    invalid=(
        Example(("_x = 1", "print(_x)"), found=("2:1:7",), fixed=("x = 1", "print(x)")),
        Example(
            ("_x = 1", "def f(x):\n    return _x", "f(2)"),
            found=("2:2:12",),
            fixed=("x_1 = 1", "def f(x):\n    return x_1", "f(2)"),
        ),
        Example(
            ("_x = 1", "print(_x)"),
            found=("2:1:7",),
            kind="reactive",
            fixed=("x = 1", "print(x)"),
        ),
    ),
    check=check,
    mend=mend,
    fix="unsafe",
    words=("_",),
)
