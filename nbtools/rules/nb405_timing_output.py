"""NB405: an output that says how long something took."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_TIMING = frozenset("time timeit prun lprun mprun memit autotime snakeviz".split())


def check(program: Program) -> Iterator[Finding]:
    """Report the magics that print times or sizes."""
    for cell in program.cells:
        for magic in cell.plain.magics:
            if magic.name.lstrip("%") in _TIMING and magic.name.startswith("%"):
                message = f"The output of `{magic.name}` differs in every run"
                yield RULE.finding(message, cell.line_span(magic.line), symbol=magic.name)


RULE = Rule(
    code="NB405",
    name="timing-output",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="the output of `{magic}` differs in every run",
    why="A comparison of two runs of the notebook finds a difference where there is none.",
    instead="Leave the measurement out of what is compared, or keep it in a notebook of its own.",
    words=("%",),
    valid=(
        Example(("%matplotlib inline",)),
        Example(("x = 5 % 3",)),
    ),
    invalid=(
        Example(("%timeit sum(range(9))",), found=("1:1:1",)),
        Example(("%%time\nx = 1",), found=("1:1:1",)),
        Example(("x = %timeit -o f()",), found=("1:1:1",)),
    ),
    measured="exact; 388 findings in 774 public notebooks",
    check=check,
)
