"""NB406: data that is fetched while the notebook runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from nbtools.analysis.file_calls import READ_CALLS, imported_names, qualify, read_path
from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.constant_paths import Value, evaluate
from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.rule import Example, Rule
from nbtools.rules.sure_calls import find_sure_calls

_FETCHES = lazy_pattern(
    r"requests\.(?:get|post|put|head|request)|urllib\.request\.(?:urlopen|urlretrieve)|"
    r"urllib2?\.(?:urlopen|urlretrieve)|wget\.download|gdown\.\w+|httpx\.(?:get|post)|"
    r"sklearn\.datasets\.(?:fetch_\w+)|seaborn\.load_dataset|nltk\.download|yfinance\.download|"
    r"datasets\.load_dataset|kagglehub\.\w+|pandas\.read_html|pandas_datareader\.\S+|"
    r"sklearn\.datasets\.base\.fetch_\w+|tensorflow_datasets\.load|statsmodels\S*\.get_rdataset"
)
_LOCAL_FORMATS = ("json", "csv", "text", "parquet", "imagefolder", "audiofolder", "arrow")
_COMMAND = lazy_pattern(r"\s*!+\s*(?:sudo\s+)?(wget|curl|git\s+clone|gdown|kaggle\s+\w+)\b(.*)")
_URL = lazy_pattern(r"(?:https?|ftp|s3|gs)://[^\s'\"\\)>]+")
_WORDS = (
    "http",
    "read",
    "ftp:",
    "s3:",
    "gs:",
    "fetch",
    "load",
    "download",
    "urlopen",
    "urlretrieve",
    "request",
    "read_html",
    "wget",
    "curl",
    "clone",
    "DataReader",
    "kaggle",
    "get_rdataset",
)


def check(program: Program) -> Iterator[Finding]:
    """Report calls and commands that every run makes, with the address where it is constant."""
    imports = imported_names(each for cell in program.cells for each in cell.facts.imports)
    values = _constants(program, imports)
    for position, node in find_sure_calls(program, _WORDS):
        name = qualify(node.func, imports)
        cell = program.cells[position]
        if name is None or skips(cell.cell) or (cell.plain.magics and name.startswith("shell")):
            continue
        address = _address(name, node, values, imports)
        if address is not None:
            shown = f"reads {address[:120]}" if address else f"`{name}()` reads from the network"
            message = f"{' '.join(shown.split())} at run time"
            yield RULE.finding(message, cell.span(node), symbol=address or name)
    for cell in program.cells:
        if not skips(cell.cell):
            yield from _in_commands(cell)


def _address(
    name: str, node: ast.Call, values: Mapping[str, Value], imports: Mapping[str, str]
) -> str | None:
    """What a call reads from the network: an address, "" if unknown; None if nothing."""
    path = read_path(node) if name in READ_CALLS or _FETCHES.fullmatch(name) else None
    found = evaluate(path, values, imports) if path is not None else None
    if isinstance(found, str) and (match := _URL.match(found)):
        return match[0]
    if not _FETCHES.fullmatch(name) or name == "pandas.read_html" or found in _LOCAL_FORMATS:
        return None
    return ""


def _constants(program: Program, imports: Mapping[str, str]) -> dict[str, Value]:
    """Names that one statement binds, to a constant."""
    found: dict[str, Value] = {}
    for cell in program.cells:
        if "://" in cell.cell.source:
            for node in cell.tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    value = evaluate(node.value, found, imports)
                    if value is not None and len(program.binders[node.targets[0].id]) == 1:
                        found[node.targets[0].id] = value
    return found


def _in_commands(cell: CodeCell) -> Iterator[Finding]:
    for magic in cell.plain.magics:
        indented = magic.text[:1].isspace()
        if magic.name in ("!", "!!") and (match := _COMMAND.match(magic.text)) and not indented:
            address = _URL.search(match[2])
            if address is None and match[1].startswith("git") and "@" not in match[2]:
                continue  # a copy of a folder
            shown = address[0] if address else f"`{match[1]}` reads from the network"
            message = f"reads {shown[:120]} at run time" if address else f"{shown} at run time"
            yield RULE.finding(message, cell.line_span(magic.line), symbol=shown)


RULE = Rule(
    code="NB406",
    name="network-read",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="reads {address} at run time",
    why="Addresses move and data behind them changes: the result depends on the day.",
    instead="Keep a copy of the data in the project, or cache it and check its hash.",
    valid=(
        Example(("import pandas as pd\npd.read_csv('a.csv')",)),
        Example(("url = 'https://example.org'\nprint(url)",)),
        Example(("import requests\ndef get(u):\n    return requests.get(u)",)),
        Example(("import os\nif not os.path.exists('a'):\n    !wget https://example.org/a",)),
    ),
    invalid=(
        Example(("import pandas as pd\npd.read_csv('https://example.org/a')",), found=("1:2:1",)),
        Example(
            ("import pandas as pd", "u = 'http://x.org/'", "pd.read_csv(u + 'a')"),
            found=("3:1:1",),
        ),
        Example(("!wget https://example.org/a.csv",), found=("1:1:1",)),
        Example(("import seaborn as sns\nsns.load_dataset('tips')",), found=("1:2:1",)),
        Example(
            ("from sklearn.datasets import fetch_openml as fetch\nfetch('mnist')",),
            found=("1:2:1",),
        ),
    ),
    check=check,
    measured=(
        "19 of 20 sampled findings right, the other since mended; 104 findings in 774 public "
        "notebooks"
    ),
    words=_WORDS,
)
