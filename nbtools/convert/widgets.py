"""Widgets, which show themselves through IPython.

`interact(f, x=3)` of ipywidgets calls IPython's `display`. marimo's editor shows what comes that
way; a script has no Jupyter, and there IPython prints it. So the import of ipywidgets is followed
by a call of the helper `show_displays`, which makes both the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Statement
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, insert_after

_SHOWS_ITSELF = re.compile(r"\binteract(?:ive|_manual|ive_output)?\b")


def show_widgets(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Let what widgets display be shown as marimo shows it, wherever the notebook runs."""
    result = list(scripts)
    if not any(_SHOWS_ITSELF.search(script.source) for script in scripts):
        return result
    for index, script in enumerate(scripts):
        found = next(filter(_imports_widgets, script.statements), None)
        if found is None:
            continue
        changed = insert_after(script, found, "show_displays()")
        result[index] = replace(changed, helpers=script.helpers | {"show_displays"})
        if script.cell is not None:
            reason = "`show_displays()` shows what widgets display, which IPython would print"
            log.edit("add", script.cell, reason, line=script.line_in_cell(found.end_line))
        return result
    return result


def _imports_widgets(statement: Statement) -> bool:
    modules = [each.module for each in statement.facts.imports] + list(statement.facts.stars)
    found = any(module.partition(".")[0] == "ipywidgets" for module in modules)
    return found and statement.kind == "import"
