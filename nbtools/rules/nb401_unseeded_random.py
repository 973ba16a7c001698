"""NB401: random numbers without a seed."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.facts import dotted_name
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.randomness import find_draws
from nbtools.rules.rule import Example, Rule

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
        Example(("import numpy as np", "x = np.random.rand(3)"), found=("2:1:5",)),
        Example(
            (
                "from random import choice",
                "choice([1])\nchoice([2])",
                "import random\nrandom.seed(1)",
            ),
            found=("2:1:1",),
        ),
        Example(("import numpy as np\nrng = np.random.default_rng()",), found=("1:2:7",)),
        Example(("from scipy.stats import norm\nnorm.rvs(size=3)",), found=("1:2:1",)),
    ),
    measured="13 of 13 sampled findings right; 293 findings in 774 public notebooks",
    check=check,
)
