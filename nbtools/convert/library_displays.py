"""What libraries show by themselves, through IPython: widgets, and sympy's plots.

`interact(f, x=3)` of ipywidgets calls IPython's `display`, and sympy's `plot` has matplotlib's
inline backend call it. marimo's editor shows what comes that way; a script has no Jupyter, and
there IPython prints it. So the import of such a library is followed by a call of the helper
`show_displays`, which makes both the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Statement
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, insert_after

_WIDGETS = r"\binteract(?:ive|_manual|ive_output)?\b"
_PLOTS = r"plot(?:3d\w*|_\w+)?\("


def show_library_displays(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Let what libraries display be shown as marimo shows it, wherever the notebook runs."""
    result = list(scripts)
    text = "\n".join(script.source for script in scripts)
    for index, script in enumerate(scripts):
        found = next((s for s in script.statements if _shows_itself(s, text)), None)
        if found is None:
            continue
        reason = "`show_displays()` shows what libraries display, which IPython would print"
        changed = insert_after(script, found, "show_displays()", reason, log)
        helpers = script.helpers | {"show_displays", "get_ipython"}
        result[index] = replace(changed, helpers=helpers)
        return result
    return result


def _shows_itself(statement: Statement, text: str) -> bool:
    """Whether a statement imports what the notebook's text has show something by itself."""
    return statement.kind == "import" and any(re.search(p, text) for p in _patterns(statement))


def _patterns(statement: Statement) -> Iterator[str]:
    """What is looked for in the text, for each name that the statement imports."""
    for each in statement.facts.imports:
        library, bound = each.module.partition(".")[0], re.escape(each.bound)
        if library == "ipywidgets":
            yield _WIDGETS
        elif library == "sympy" and each.name is None:
            yield rf"\b{bound}\.(?:plotting\.)?{_PLOTS}"
        elif library == "sympy" and re.match(_PLOTS, f"{each.name}("):
            yield rf"(?<![\w.]){bound}\("
