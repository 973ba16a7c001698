"""What only a Jupyter session has: `display`, `get_ipython` and its shell, and `clear_output`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Import, Statement
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, insert_after

_EVERYWHERE = frozenset({"display", "get_ipython"})  # without an import
SESSION_NAMES = (*sorted(_EVERYWHERE), "clear_output")
_REGISTER = re.compile(r"register_(?:line|cell|line_cell)_magic")


def is_given(bound: Import) -> bool:
    """Whether an import takes one of the names from IPython."""
    if (bound.module, bound.name) == ("IPython", "display"):
        return False  # a module of that name
    return bound.name in SESSION_NAMES and bound.module.startswith("IPython")


def imported_as(given: str, statement: Statement) -> frozenset[str]:
    """Names under which a statement imports one of the names that Jupyter gives."""
    imports = statement.facts.imports
    return frozenset(i.bound for i in imports if i.name == given and is_given(i))


def names_of_display(scripts: Sequence[Script]) -> frozenset[str]:
    """The names under which a notebook calls Jupyter's `display`."""
    statements = (statement for script in scripts for statement in script.statements)
    return frozenset({"display"}).union(*(imported_as("display", each) for each in statements))


def define_session_names(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Cells that mean what Jupyter gives, builtin or imported from IPython, call our helpers."""
    asked = any("IPython.get_ipython" in script.source for script in scripts)
    scripts = [_start_shell(script, asked, log) for script in scripts]
    for given in SESSION_NAMES:
        binders = [st for s in scripts for st in s.statements if given in st.facts.binds]
        if not binders and given not in _EVERYWHERE:
            continue
        if all(given in imported_as(given, statement) for statement in binders):
            scripts = [_with_helper(script, given) for script in scripts]
    return scripts


def _with_helper(script: Script, name: str) -> Script:
    if any(name in _mentioned(statement) for statement in script.statements):
        return replace(script, helpers=script.helpers | {name})
    return script


def _mentioned(statement: Statement) -> frozenset[str]:
    return statement.facts.loads | statement.facts.late | statement.facts.binds


def _start_shell(script: Script, asked: bool, log: Log) -> Script:
    """Make IPython's shell behind an import of what fails where there is none."""
    found = next((s for s in script.statements if _needs_shell(s, asked)), None)
    if found is None:
        return script
    reason = "`get_ipython()` makes IPython's shell, which Jupyter has from the start"
    return insert_after(script, found, "_shell = get_ipython()", reason, log)


def _needs_shell(statement: Statement, asked: bool) -> bool:
    """Whether it imports what registers magics or, where it is `asked`, the module IPython."""
    if statement.kind != "import":
        return False
    facts = statement.facts
    registers = any(_REGISTER.fullmatch(i.name or "") for i in facts.imports)
    module = asked and any(i.name is None and i.bound == "IPython" for i in facts.imports)
    return registers or module or "IPython.core.magic" in facts.stars
