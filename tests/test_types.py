"""Which types are inferred from defining assignments, and which changes in place are seen."""

from __future__ import annotations

import ast

import pytest

from nbtools.cells import Cell, Notebook
from nbtools.rules.mutations import find_all_changes
from nbtools.rules.program import Program, read_program
from nbtools.rules.receivers import find_imported, find_types
from nbtools.rules.removed_apis import load_removals

_SETUP = """
import collections, copy
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import networkx as nx
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
df = pd.read_csv("a.csv")
xs = [1, 2]
def load():
    table = pd.DataFrame()
    return table.dropna()
def either(flag):
    if flag:
        return []
    return {}
"""


def program_of(*sources: str) -> Program:
    return read_program(Notebook(tuple(Cell(i, "code", s) for i, s in enumerate(sources))))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = [1]\nx", "list"),
        ("x = {}\nx", "dict"),
        ("x = {1}\nx", "set"),
        ("x = dict(a=1)\nx", "dict"),
        ("x = collections.deque()\nx", "deque"),
        ("df", "pandas.DataFrame"),
        ("df.copy()", "pandas.DataFrame"),
        ("df['a']", "pandas.Series"),
        ("df[['a']]", "pandas.DataFrame"),
        ("df[df['a'] > 1]", "pandas.DataFrame"),
        ("df['a'] + 1", "pandas.Series"),
        ("df.iloc[:, 1:3].head()", "pandas.DataFrame"),
        ("df.loc[df['a'] > 1]", "pandas.DataFrame"),
        ("df.loc[df['a'] > 1, ['a', 'b']]", "pandas.DataFrame"),
        ("df.loc[df['a'] > 1, 'a']", "pandas.Series"),
        ("df.iloc[0, :]", "pandas.Series"),
        ("df.loc[0, 'a']", None),
        ("df.loc[key]", None),
        ("df.loc[key, 'a']", None),
        ("df.groupby('a').mean()", "pandas.DataFrame"),
        ("df.groupby('a')[['b', 'c']].sum()", "pandas.DataFrame"),
        ("df.groupby('a')['b'].nlargest(3)", "pandas.Series"),
        ("df.groupby('a')['b'].mean().unstack()", "pandas.DataFrame"),
        ("df.groupby('a').agg(f)", None),
        ("df.columns", "pandas.Index"),
        ("df.a", None),
        ("df.dropna(inplace=True)", None),
        ("load()", "pandas.DataFrame"),
        ("either(1)", None),
        ("copy.deepcopy(xs)", "list"),
        ("xs + [3]", "list"),
        ("xs * 2", "list"),
        ("xs * np.array([1])", "numpy.ndarray"),
        ("'a %s' % 1", "str"),
        ("'a b'.split()", "list"),
        ("fig, ax = plt.subplots()\nax", "matplotlib.axes.Axes"),
        ("fig, ax = plt.subplots(2)\nax", None),
        ("m = LinearRegression().fit(df, df)\nm", "sklearn.linear_model.LinearRegression"),
        ("a, b = train_test_split(df)\nb", "pandas.DataFrame"),
        ("g = nx.Graph()\ng", "networkx.Graph"),
        ("x = 1\nx = unknown()\nx", None),
        ("for x in xs:\n    pass\nx", None),
        ("[xs for xs in (1, 2)][0]", None),
        ("x = x_of(x)\nx", None),
    ],
)
def test_the_type_of_a_last_expression(source: str, expected: str | None) -> None:
    program = program_of(_SETUP, source)
    last = program.cells[1].tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert program.once(find_types).of(last.value, 1) == expected


def test_a_name_in_a_function_is_not_the_global_of_that_name() -> None:
    program = program_of("xs = []", "def f(xs):\n    xs\ndef g():\n    xs = {}\n    xs")
    types = program.once(find_types)
    found = [each for each in program.cells[1].nodes(ast.Expr) if isinstance(each.value, ast.Name)]
    assert [types.of(each.value, 1) for each in found] == [None, "dict"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("xs[0] = 1", [("xs", "item", True)]),
        ("xs[0].a = 1", [("xs", "attribute", True)]),
        ("df.loc[0, 'a'] = 1", [("df", "item", True)]),
        ("xs[0] += 1", [("xs", "augmented", True)]),
        ("xs += [1]", [("xs", "augmented", True)]),
        ("n += 1", []),
        ("del xs[0]", [("xs", "delete-item", True)]),
        ("a, xs[0] = 1, 2", [("xs", "item", True)]),
        ("for xs[0] in range(3):\n    pass", [("xs", "item", True)]),
        ("with open('a') as xs[0]:\n    pass", [("xs", "item", True)]),
        ("xs.append(1)", [("xs", "call", True)]),
        ("thing.append(1)", [("thing", "call", False)]),
        ("thing = thing.append(1)", []),
        ("thing.update(1)", []),
        ("np.append(xs, 1)", []),
        ("np.random.shuffle(xs)", [("xs", "function", True)]),
        ("np.add(1, 2, out=xs)", [("xs", "function", True)]),
        ("df.drop('a', inplace=True)", [("df", "inplace", True)]),
        ("df.drop('a', inplace=False)", []),
        ("df.insert(0, 'a', 1)", [("df", "call", True)]),
        ("[xs.append(1) for xs in []]", []),
    ],
)
def test_changes_in_place(source: str, expected: list[tuple[str, str, bool]]) -> None:
    changes = program_of(_SETUP, source).once(find_all_changes)[1]
    assert [(each.name, each.how, each.sure) for each in changes] == expected


def test_imported_names_have_one_meaning() -> None:
    program = program_of(
        "import numpy as np\nimport os.path\nfrom a import b as c, d", "d = 1", "import e as np2"
    )
    assert program.once(find_imported) == {"np": "numpy", "os": "os", "c": "a.b", "np2": "e"}


def test_the_table_of_removals_is_sound() -> None:
    table = load_removals()
    assert len(table.names) > 60
    for name, each in table.names.items():
        assert all(part.isidentifier() for part in name.split(".")), name
        assert each.library, name
        assert each.instead != name, name
