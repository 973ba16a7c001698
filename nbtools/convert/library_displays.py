"""What is shown through IPython's modules: by widgets, sympy's plots, `IPython.display`.

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

_DRAWING = r"\b(?:matplotlib|seaborn|pylab)\b"
_SETS_BACKEND = r"%(?:matplotlib|pylab)\b"
_WIDGETS = r"\binteract(?:ive|_manual|ive_output)?\b"
_PLOTS = r"plot(?:3d\w*|_\w+)?\("
_CLEARS = r"\.clear_output\("
_INTERACT = frozenset({"interact", "interact_manual"})


def show_library_displays(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Let what libraries display be shown as marimo shows it, wherever the notebook runs."""
    result = list(scripts)
    text = "\n".join(script.source for script in scripts)
    for index, script in enumerate(scripts):
        found = next((s for s in script.statements if _shows_itself(s, text)), None)
        if found is None:
            continue
        reason = "`show_displays()` shows what libraries display, which IPython would print"
        given = ["show_figures"] * _shows_figures_above(text)
        given += ["clear=clear_output"] * bool(re.search(_CLEARS, text))
        changed = insert_after(script, found, f"show_displays({', '.join(given)})", reason, log)
        named = {each.rpartition("=")[2] for each in given}
        helpers = script.helpers | {"show_displays", "get_ipython"} | named
        result[index] = replace(changed, helpers=helpers)
        return result
    return result


def _shows_figures_above(text: str) -> bool:
    """Whether figures that a widget's function draws stand above the widget.

    ipywidgets shows them at once where it knows the backend's name: that which Jupyter starts
    with, and not that which `%matplotlib inline` sets.
    """
    draws = re.search(_WIDGETS, text) and re.search(_DRAWING, text)
    return bool(draws) and not re.search(_SETS_BACKEND, text)


def names_of_interact(scripts: Sequence[Script]) -> frozenset[str]:
    """The dotted names of ipywidgets' functions that display a widget, and give another value."""
    statements = (statement for script in scripts for statement in script.statements)
    return frozenset(name for each in statements for name in _interact_in(each))


def _interact_in(statement: Statement) -> Iterator[str]:
    for each in statement.facts.imports:
        if each.module.partition(".")[0] != "ipywidgets":
            continue
        if each.name in _INTERACT:
            yield each.bound
        elif each.name in (None, "widgets"):
            yield from (f"{each.bound}.{name}" for name in _INTERACT)


def _shows_itself(statement: Statement, text: str) -> bool:
    """Whether a statement imports what the notebook's text has show something by itself."""
    return statement.kind == "import" and any(re.search(p, text) for p in _patterns(statement))


def _patterns(statement: Statement) -> Iterator[str]:
    """What is looked for in the text, for each name that the statement imports."""
    for each in statement.facts.imports:
        library, bound = each.module.partition(".")[0], re.escape(each.bound)
        if library == "ipywidgets":
            yield _WIDGETS
        elif library == "IPython" and each.name in (None, "display"):
            yield rf"\b{bound}(?:\.display)?{_CLEARS}"
        elif library == "sympy" and each.name is None:
            yield rf"\b{bound}\.(?:plotting\.)?{_PLOTS}"
        elif library == "sympy" and re.match(_PLOTS, f"{each.name}("):
            yield rf"(?<![\w.]){bound}\("
