"""NB403: a result that depends on when the notebook runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.imported import full_name
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.receivers import find_imported
from nbtools.rules.rule import Example, Rule
from nbtools.syntax import dotted_name

_CLOCKS = frozenset(
    "datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today "
    "pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow pandas.to_datetime "
    "pandas.datetime.now pandas.datetime.today time.time time.time_ns time.localtime time.gmtime "
    "time.ctime time.asctime time.strftime numpy.datetime64 time.perf_counter time.clock "
    "time.process_time timeit.default_timer time.monotonic".split()
)
_OF_NOW = frozenset(("now", "today"))
_WITHOUT_ARGUMENTS = frozenset("time.localtime time.gmtime time.ctime time.asctime".split())
_NEED_NOW = frozenset(("pandas.to_datetime", "numpy.datetime64"))
_TIMERS = frozenset("perf_counter clock process_time default_timer monotonic time".split())


def check(program: Program) -> Iterator[Finding]:
    """Report the first reading of the clock in each cell."""
    imported = program.once(find_imported)
    for cell in program.cells:
        for node in cell.nodes(ast.Call):
            name = full_name(node.func, imported)
            if name not in _CLOCKS or not _reads_clock(name or "", node):
                continue
            call = dotted_name(node.func) or name
            what = "the time that a run takes" if _is_timer(name or "") else "the time of the run"
            message = f"`{call}()` makes the result depend on {what}"
            yield RULE.finding(message, cell.span(node), symbol=call or "")
            break


def _is_timer(name: str) -> bool:
    return name.rpartition(".")[2] in _TIMERS


def _reads_clock(name: str, node: ast.Call) -> bool:
    if name in _NEED_NOW:
        first = node.args[0] if node.args else None
        return isinstance(first, ast.Constant) and first.value in _OF_NOW
    if name == "time.strftime":
        return len(node.args) < 2
    return not (name in _WITHOUT_ARGUMENTS and node.args)


RULE = Rule(
    code="NB403",
    name="clock",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{call}` makes the result depend on the time of the run",
    why="The next run gives another result, so the saved one cannot be reproduced.",
    instead="Write the date down as a value, where the result is to stay the same.",
    words=("time", "now", "today"),
    valid=(
        Example(("import time\ntime.sleep(1)",)),
        Example(("import datetime\ndatetime.datetime(2020, 1, 1)",)),
        Example(("import time\ntime.strftime('%Y', time.struct_time(t))",)),
    ),
    invalid=(
        Example(
            ("from datetime import datetime", "a = datetime.now()\nb = datetime.now()"),
            found=("2:1:5",),
        ),
        Example(("import time\nstart = time.time()",), found=("1:2:9",)),
        Example(("import pandas as pd\npd.to_datetime('today')",), found=("1:2:1",)),
    ),
    measured="12 of 12 sampled findings right; 19 findings in 774 public notebooks",
    check=check,
)
