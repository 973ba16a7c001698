"""SymPy's `init_session()`: Jupyter's namespace gets names that it has a shell bind there.

marimo has no such shell; there the function would open a console and end the notebook. The
statements that it runs, which its documentation lists, take its place.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Import
from nbtools.analysis.line_magics import PYLAB_MODULES
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, replace_lines
from nbtools.syntax import dotted_name, parse_source

_FUNCTION = "init_session"
_STATEMENTS = (
    "from sympy import *",
    "x, y, z, t = symbols('x y z t')",
    "k, m, n = symbols('k m n', integer=True)",
    "f, g, h = symbols('f g h', cls=Function)",
)
_OF_PRINTING = frozenset(
    "pretty_print order use_unicode use_latex str_printer pretty_printer latex_printer".split()
)
_WITHOUT_EFFECT = frozenset({"ipython", "argv", "quiet"})
_BANNER = ("from sympy.interactive.session import _make_message", "print(_make_message())")


def open_sympy_sessions(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Write out what `init_session()` runs, where a cell calls it as a statement of its own."""
    if not any(_FUNCTION in script.source for script in scripts):
        return list(scripts)
    statements = [statement for script in scripts for statement in script.statements]
    imports = [bound for statement in statements for bound in statement.facts.imports]
    stars = {module for statement in statements for module in statement.facts.stars}
    names = {name for bound in imports if (name := _name_in(bound))}
    names |= {_FUNCTION for module in stars if _is_sympy(module)}
    return [_open_session(script, names, log) for script in scripts]


def _is_sympy(module: str) -> bool:
    return module.partition(".")[0] == "sympy"


def _name_in(bound: Import) -> str | None:
    """What an import makes of the function: `init_session`, `sp.init_session`."""
    if not _is_sympy(bound.module):
        return None
    if bound.name is None:
        return f"{bound.module if bound.dotted else bound.bound}.{_FUNCTION}"
    return bound.bound if bound.name == _FUNCTION else f"{bound.bound}.{_FUNCTION}"


def _open_session(script: Script, names: set[str], log: Log) -> Script:
    if script.cell is None or _FUNCTION not in script.source:
        return script
    body = parse_source(script.source).body
    for index in reversed(range(len(body))):  # from the bottom up: the lines above stay
        call = _call_of(body[index], names)
        if call is None or not _is_alone(body, index):
            continue
        start, end = call.lineno - 1, body[index].end_lineno or call.lineno
        author = script.lines[start]
        reason = f"`{_FUNCTION}()` binds these names by Jupyter's shell, which marimo has not"
        log.edit("replace", script.cell, reason, line=author, lines=end - start)
        changed = replace_lines(script, start, end, _write_session(call))
        script = replace(changed, offers=script.offers | {author})
    return script


def _call_of(statement: ast.stmt, names: set[str]) -> ast.Call | None:
    """The call, if the statement is nothing else and all its options are known here."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or dotted_name(call.func) not in names or call.args:
        return None
    known = all(option.arg in _OF_PRINTING | _WITHOUT_EFFECT for option in call.keywords)
    return call if known else None


def _is_alone(body: Sequence[ast.stmt], index: int) -> bool:
    """Whether no other statement stands on the lines of one."""
    before = body[index - 1].end_lineno or 0 if index else 0
    after = body[index + 1].lineno if index + 1 < len(body) else None
    end = body[index].end_lineno or 0
    return before < body[index].lineno and (after is None or after > end)


def _write_session(call: ast.Call) -> list[str]:
    given = [ast.unparse(option) for option in call.keywords if option.arg in _OF_PRINTING]
    printing = f"init_printing({', '.join(given)})"
    return [*PYLAB_MODULES, *_STATEMENTS, printing, *_banner(call)]


def _banner(call: ast.Call) -> Sequence[str]:
    """What is printed: an empty line, where it is told to be quiet."""
    quiet = next((option.value for option in call.keywords if option.arg == "quiet"), None)
    if quiet is None or (isinstance(quiet, ast.Constant) and not quiet.value):
        return _BANNER
    return ("print()",)
