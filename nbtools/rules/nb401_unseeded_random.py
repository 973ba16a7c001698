"""NB401: random numbers without a seed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.facts import Statement
from nbtools.rules.finding import Edit, Finding, Fix, Span
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.randomness import Draw, find_draws
from nbtools.rules.rule import Example, Rule, unsafe_fix
from nbtools.syntax import dotted_name

_SEED = {
    "numpy": "`rng = np.random.default_rng(0)`",
    "random": "`random.seed(0)`",
    "torch": "`torch.manual_seed(0)`",
    "tensorflow": "`tf.random.set_seed(0)`",
}


def check(program: Program) -> Iterator[Finding]:
    """Report the first draw of each cell from each generator that has no seed above."""
    seen: set[tuple[int, str]] = set()
    for draw in program.once(find_draws):
        if draw.seeded_above or (draw.position, draw.source) in seen:
            continue
        seen.add((draw.position, draw.source))
        cell = program.cells[draw.position]
        call = dotted_name(draw.node.func) or draw.name
        message = (
            f"`{call}()` gives other numbers in every run: no seed is set above it; "
            f"use {_SEED[draw.source]}"
        )
        yield RULE.finding(message, cell.span(draw.node), symbol=call)


def mend(program: Program, finding: Finding) -> Fix | None:
    """A number for a generator; else a seed right below the imports of the library."""
    draw = next(
        (
            each
            for each in program.once(find_draws)
            if program.cells[each.position].span(each.node) == finding.span
        ),
        None,
    )
    if draw is None:
        return None
    if draw.name.rpartition(".")[2] in _GENERATORS:
        return _number(program.cells[draw.position], draw.node)
    return _seed(program, draw)


_GENERATORS = ("default_rng", "RandomState", "Random")
_CALLS = {
    "numpy": "{}.random.seed(0)",
    "random": "{}.seed(0)",
    "torch": "{}.manual_seed(0)",
    "tensorflow": "{}.random.set_seed(0)",
}


def _number(cell: CodeCell, node: ast.Call) -> Fix | None:
    span = cell.span(node)
    line = cell.author_lines[span.end_line - 1]
    if line[: span.end_column - 1][-2:] != "()":
        return None
    place = Span(cell.index, span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
    return unsafe_fix("Give the generator the seed 0", Edit(place, "0"))


def _seed(program: Program, draw: Draw) -> Fix | None:
    """Where the module is imported: who draws there comes after it in any order of the cells."""
    for position, cell in enumerate(program.cells[: draw.position + 1]):
        for statement in cell.statements:
            bound = _bound_module(statement, draw.source)
            if bound is None:
                continue
            last = _last_import(cell, statement, _first_draw(program, draw, position))
            return _insert_below(cell, last, _CALLS[draw.source].format(bound))
    return None


def _first_draw(program: Program, draw: Draw, position: int) -> int | None:
    """The line of the cell that first draws from the same generator."""
    draws = program.once(find_draws)
    lines = [d.node.lineno for d in draws if (d.position, d.source) == (position, draw.source)]
    return min(lines, default=None)


def _bound_module(statement: Statement, module: str) -> str | None:
    """The name under which a statement imports a module: `np` of `import numpy as np`."""
    if statement.kind != "import":
        return None
    whole = (each for each in statement.facts.imports if each.name is None)
    return next((each.bound for each in whole if each.module == module), None)


def _last_import(cell: CodeCell, statement: Statement, end: int | None) -> Statement:
    """The last import of the cell, or the last above a line: a seed among imports is in the way."""
    for each in cell.statements[statement.index :]:
        if end is not None and each.end_line >= end:
            break
        statement = each if each.kind == "import" else statement
    return statement


def _insert_below(cell: CodeCell, statement: Statement, text: str) -> Fix | None:
    plain = cell.plain.source.split("\n")[statement.end_line - 1]
    line = cell.plain.lines[statement.end_line - 1]
    if cell.author_lines[line - 1] != plain or plain.rstrip().endswith("\\"):
        return None
    end = len(plain) + 1
    edit = Edit(Span(cell.index, line, end, line, end), f"\n{text}")
    return unsafe_fix(f"Set the seed where the module is imported: `{text}`", edit)


RULE = Rule(
    code="NB401",
    name="unseeded-random",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{call}` without a seed above it",
    why="Every run gives other numbers, so nobody can tell whether a result was reproduced.",
    instead="Make one seeded generator, and draw all random numbers from it.",
    words=("rand", "rvs", "rng"),
    valid=(
        Example(("import numpy as np\nnp.random.seed(0)", "np.random.rand()")),
        Example(("import numpy as np\nrng = np.random.default_rng(0)\nrng.random()",)),
        Example(("import random", "random.seed(1)", "random.choice([1, 2])")),
        Example(("def rand():\n    return 4\nrand()",)),
        Example(("import random\nr = random.Random(3)",)),
    ),
    invalid=(
        Example(
            ("import numpy as np\nimport os  # both", "x = np.random.rand(3)", "np.random.rand()"),
            found=("2:1:5", "3:1:1"),
            fixed=(
                "import numpy as np\nimport os  # both\nnp.random.seed(0)",
                "x = np.random.rand(3)",
                "np.random.rand()",
            ),
        ),
        Example(
            (
                "from random import choice",
                "choice([1])\nchoice([2])",
                "import random\nrandom.seed(1)",
            ),
            found=("2:1:1",),
        ),
        Example(
            ("import numpy as np\nrng = np.random.default_rng()",),
            found=("1:2:7",),
            fixed=("import numpy as np\nrng = np.random.default_rng(0)",),
        ),
        Example(("from scipy.stats import norm\nnorm.rvs(size=3)",), found=("1:2:1",)),
    ),
    measured="13 of 13 sampled findings right; 293 findings in 774 public notebooks",
    check=check,
    mend=mend,
    fix="unsafe",
)
