"""NB604: names are made or read by code that is made while it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule
from nbtools.syntax import dotted_name

_WORDS = ("exec", "eval", "globals", "locals", "vars", "execfile", "sys.modules")


def check(program: Program) -> Iterator[Finding]:
    """Report the first statement of each cell that may bind or read names nobody can list."""
    for cell in program.cells:
        if not cell.facts.open or not any(word in cell.cell.source for word in _WORDS):
            continue
        for statement in cell.statements:
            node = _culprit(cell, cell.node_of(statement)) if statement.facts.open else None
            if node is None:
                continue
            word = dotted_name(node.func if isinstance(node, ast.Call) else node) or "exec"
            call = f"{word}()" if isinstance(node, ast.Call) else word
            message = (
                f"`{call}` hides which names this cell uses and makes: no tool and no reactive "
                "notebook can order it; keep the values in a dictionary"
            )
            yield RULE.finding(message, cell.span(node), symbol=word)
            break


def _culprit(cell: CodeCell, statement: ast.stmt) -> ast.expr | None:
    """The call or attribute in a statement that makes it open, if its author wrote one."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _WORDS and node.func.id in _author_text(cell, node):
                return node
        elif isinstance(node, ast.Attribute) and dotted_name(node) == "sys.modules":
            return node
    return None


def _author_text(cell: CodeCell, node: ast.expr) -> str:
    return cell.author_lines[cell.span(node).line - 1]


RULE = Rule(
    code="NB604",
    name="dynamic-namespace",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{call}` hides which names the cell uses and makes",
    why=(
        "What a string of code binds is known only when it runs. No tool can tell which cells "
        "depend on it, and the undefined names of the cells below cannot be told from defined "
        "ones."
    ),
    instead="Keep the values in a dictionary, and call functions with arguments.",
    words=_WORDS,
    valid=(
        Example(("eval('1 + 2')",), note="The code can be read."),
        Example(("globals()['x'] = 1", "x"), note="The name can be read."),
        Example(("'x' in globals()",)),
        Example(("%run setup.py",)),
    ),
    invalid=(
        Example(("code = input()\nexec(code)",), found=("1:2:1",)),
        Example(("for k in 'abc':\n    globals()[k] = 1",), found=("1:2:5",)),
        Example(("globals().update(load())",), found=("1:1:1",)),
    ),
    measured="3 of 3 findings right in 774 public notebooks",
    check=check,
)
