"""NB507: an import of a module that is nowhere to be found."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.modules import find_module_file, known_modules
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.undeclared import find_undeclared


def check(program: Program) -> Iterator[Finding]:
    """Report imports of what is neither installed, nor declared, nor in the project."""
    if "sys.path" in program.text or "%%writefile" in program.text or "%cd" in program.text:
        return  # the module may be elsewhere, or made here
    for each in program.once(find_undeclared):
        if each.module in known_modules() or find_module_file(each.module, program.folder):
            continue
        cell = program.cells[each.position]
        message = f"`{each.module}` is neither installed, nor declared, nor beside the notebook"
        span = cell.first_line(cell.node_of(each.statement))
        yield RULE.finding(message, span, symbol=each.module)


RULE = Rule(
    code="NB507",
    name="missing-local-module",
    severity="error",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{module}` is neither installed, nor declared, nor beside the notebook",
    why=(
        "A module of the author's own that was not committed stops the notebook at its import. "
        "Whether a module is installed depends on where nbtools runs: turn the rule on where the "
        "notebook's own environment is active."
    ),
    instead="Commit the module beside the notebook, or declare the package that gives it.",
    valid=(
        Example(("import my_helpers",), files={"my_helpers.py": "x = 1"}),
        Example(("import my_helpers",), files={"requirements.txt": "my-helpers"}),
        Example(("import json, pandas",), note="A library: NB506 says whether it is declared."),
        Example(("import sys\nsys.path.append('..')", "import my_helpers")),
    ),
    invalid=(Example(("x = 1", "import my_helpers"), found=("2:1:1",)),),
    check=check,
    measured="depends on the environment; 150 findings in 774 public notebooks",
    words=("import",),
)
