"""Tables of pandas print as wide as in Jupyter.

When pandas is imported under Jupyter it sets `display.max_columns` to 20; elsewhere to 0, which
cuts every table to the width of a terminal, also in `print(df)` and `str(df)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbtools.analysis.facts import Statement
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, insert_after

_BRING_PANDAS = frozenset({"pandas", "geopandas", "statsmodels"})
"""Libraries that import pandas, and whose results are tables (seaborn's are figures)."""


def print_wide_tables(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Set Jupyter's default behind the first import of pandas, unless the notebook sets it."""
    result = list(scripts)
    if any("max_columns" in script.source for script in scripts):
        return result
    found = _find_import(scripts, _imports_pandas) or _find_import(scripts, _brings_pandas)
    if found is not None:
        index, statement, pandas = found
        line = f'{pandas}.set_option("display.max_columns", 20)'
        reason = f"`{line}` is what pandas sets when it is imported in Jupyter"
        result[index] = insert_after(scripts[index], statement, line, reason, log)
    return result


def _find_import(
    scripts: Sequence[Script], name_of: Callable[[Statement], str | None]
) -> tuple[int, Statement, str] | None:
    """The first import that gives a name: its script's index, the statement and the name."""
    imports = (
        (index, statement)
        for index, script in enumerate(scripts)
        for statement in script.statements
        if script.cell is not None and statement.kind == "import"
    )
    named = ((index, each, name_of(each)) for index, each in imports)
    return next(((index, each, name) for index, each, name in named if name), None)


def _imports_pandas(statement: Statement) -> str | None:
    """The name under which a statement imports pandas."""
    imports = statement.facts.imports
    return next((i.bound for i in imports if i.module == "pandas" and not i.name), None)


def _brings_pandas(statement: Statement) -> str | None:
    """What stands for pandas behind an import of a library that imports it."""
    roots = {each.module.partition(".")[0] for each in statement.facts.imports}
    return None if roots.isdisjoint(_BRING_PANDAS) else '__import__("pandas")'
