"""Tables of pandas print as wide as in Jupyter.

When pandas is imported under Jupyter it sets `display.max_columns` to 20; elsewhere to 0, which
cuts every table to the width of a terminal, also in `print(df)` and `str(df)`.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, insert_after


def print_wide_tables(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Set Jupyter's default behind the first import of pandas, unless the notebook sets it."""
    if any("max_columns" in script.source for script in scripts):
        return list(scripts)
    result = list(scripts)
    for index, script in enumerate(scripts):
        for statement in script.statements:
            names = [
                i.bound for i in statement.facts.imports if i.module == "pandas" and not i.name
            ]
            if names and statement.kind == "import" and script.cell is not None:
                line = f'{names[0]}.set_option("display.max_columns", 20)'
                reason = f"`{line}` is what pandas sets when it is imported in Jupyter"
                result[index] = insert_after(script, statement, line, reason, log)
                return result
    return result
