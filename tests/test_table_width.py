"""Jupyter's width of tables is set where pandas is first imported."""

from __future__ import annotations

import pytest
from plans import make_scripts

from nbtools.convert.log import Log
from nbtools.convert.table_width import print_wide_tables


def widen(*cells: str) -> tuple[list[str], Log]:
    _, scripts = make_scripts(cells)
    log = Log()
    return [script.source for script in print_wide_tables(scripts, log)], log


def line(name: str) -> str:
    return f'{name}.set_option("display.max_columns", 20)'


ANY = '__import__("pandas")'

CASES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "no pandas": (("import numpy as np",), ["import numpy as np"]),
    "imported": (("import pandas",), [f"import pandas\n{line('pandas')}"]),
    "under a name": (("import pandas as pd",), [f"import pandas as pd\n{line('pd')}"]),
    "among others": (
        ("import os\nimport pandas as pd\nx = 1",),
        [f"import os\nimport pandas as pd\n{line('pd')}\nx = 1"],
    ),
    "twice": (
        ("import pandas as pd", "import pandas as pd"),
        [f"import pandas as pd\n{line('pd')}", "import pandas as pd"],
    ),
    "only a part": (
        ("from pandas import DataFrame",),
        [f"from pandas import DataFrame\n{line(ANY)}"],
    ),
    "by a library": (
        ("import statsmodels.api as sm", "import geopandas"),
        [f"import statsmodels.api as sm\n{line(ANY)}", "import geopandas"],
    ),
    "by a library before": (
        ("import geopandas", "import pandas as pd"),
        ["import geopandas", f"import pandas as pd\n{line('pd')}"],
    ),
    "set by the notebook": (
        ("import pandas as pd", "pd.set_option('display.max_columns', 5)"),
        ["import pandas as pd", "pd.set_option('display.max_columns', 5)"],
    ),
    "in a block": (
        ("try:\n    import pandas as pd\nexcept ImportError:\n    pass",),
        ["try:\n    import pandas as pd\nexcept ImportError:\n    pass"],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CASES.values(), ids=CASES)
def test_tables_are_as_wide_as_in_jupyter(cells: tuple[str, ...], expected: list[str]) -> None:
    assert widen(*cells)[0] == expected


def test_it_is_reported_once() -> None:
    _, log = widen("x = 1\nimport pandas as pd", "import pandas as pd")
    assert [(e.kind, e.cell, e.line) for e in log.edits] == [("add", 0, 2)]
