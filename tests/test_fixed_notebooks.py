"""Whatever notebook is drawn: mended, it does the same, and nothing new is found in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest
from executor import find_differences, run_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from strategies import Written, notebooks

from nbtools.lint.engine import check_source
from nbtools.lint.outcome import Outcome
from nbtools.lint.settings import Settings

RENAMING = ("NB201", "NB202", "NB204", "NB205", "NB206")
ALL = Settings(select=("ALL",), unsafe_fixes=True, outputs="strip")
check = partial(check_source, path="n.ipynb", folder=None)


def to_bytes(cells: Sequence[str], *, indent: int | None = 1) -> bytes:
    code: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"execution": {}},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for source in cells
    ]
    document = {"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, indent=indent).encode()


def sources_of(data: bytes) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(data)["cells"]]


def without_sources(data: bytes) -> list[str]:
    """The lines of a file outside of its sources."""
    document = json.loads(data)
    for cell in document["cells"]:
        cell["source"] = []
    return json.dumps(document, indent=1).split("\n")


def count(outcome: Outcome) -> Counter[str]:
    return Counter(reported.finding.code for reported in outcome.found)


def mend(cells: Sequence[str], wanted: Settings) -> tuple[bytes, Outcome]:
    data = to_bytes(cells)
    before = check(data, settings=wanted)
    outcome = check(data, settings=wanted, mend="fixes")
    assert outcome.bug == before.bug == ""
    assert count(outcome) <= count(before)
    assert outcome.fixed <= len(before.found) + 10 * len(cells)
    text = data if outcome.text is None else outcome.text
    assert check(text, settings=wanted, mend="fixes").text is None, sources_of(text)
    return text, outcome


def assert_same(cells: Sequence[str], after: Sequence[str]) -> None:
    linear = run_linear(cells)
    if linear.errors:  # where one goes wrong, so does the other
        assert run_linear(after).errors == linear.errors, after
        return
    aspects = ("stdout", "shown", "errors")
    assert find_differences(linear, run_linear(after), aspects=aspects) == [], after


@given(notebooks())
@settings(max_examples=60)
def test_all_fixes_together_come_to_rest(notebook: Written) -> None:
    mend(notebook.cells, ALL)


@given(notebooks())
@settings(max_examples=60)
def test_a_notebook_whose_names_are_told_apart_does_the_same(notebook: Written) -> None:
    text, _ = mend(notebook.cells, replace(ALL, select=RENAMING))

    assert without_sources(text) == without_sources(to_bytes(notebook.cells))
    assert_same(notebook.cells, sources_of(text))


@given(notebooks(), st.booleans())
@settings(max_examples=60)
def test_safe_fixes_change_no_result(notebook: Written, empty: bool) -> None:
    cells = ["", *notebook.cells] if empty else list(notebook.cells)
    text, outcome = mend(cells, replace(ALL, unsafe_fixes=False))

    assert json.loads(text)["cells"][0]["metadata"] == {}
    assert len(sources_of(text)) == len(cells) - empty
    assert outcome.fixed
    assert_same(cells, sources_of(text))


@given(notebooks())
@settings(max_examples=60)
def test_new_values_keep_what_is_shown(notebook: Written) -> None:
    """Other names for one object are an exception, which the fix leaves alone."""
    text, _ = mend(notebook.cells, replace(ALL, select=("NB301", "NB303")))

    assert_same(notebook.cells, sources_of(text))


MADE = "import pandas as pd\ndf = pd.DataFrame({'a': [3, 1, 2, 1]})\nd = {}\nxs = [1]"
CHANGES = (
    "df['b'] = df.a * 2",
    "df['a'] = (df.a\n    + 1)\ndf['c d'] = 'x'\nprint(df.shape)",
    "df.loc[0, 'a'] = 7",
    "df.columns = [c.upper() for c in df.columns]",
    "df.sort_values('a', inplace=True)",
    "df.drop_duplicates(inplace=True)\ndf",
    "if len(df) > 3:\n    df.drop(index=0, inplace=True)  # once\ndf",
    "d['k'] = len(d)\nd['l'] = d['k']",
    "d |= {len(d): 2}",
    "xs += [len(xs)]",
    "for i in range(2):\n    xs[0] += i",
    "del xs[0]",
    "df = df.assign(z=1)",
    "xs = [*xs, 5]",
)
READS = (
    "print(df)",
    "df.a if 'a' in df else 0",
    "d, xs",
    "def f():\n    return len(df), xs",
    "f()",
)


@given(st.lists(st.sampled_from(CHANGES) | st.sampled_from(READS), max_size=6))
@settings(max_examples=60)
def test_new_values_are_what_changes_in_place_left(cells: list[str]) -> None:
    cells = [MADE, *cells, "print(df, d, xs)"]
    text, _ = mend(cells, replace(ALL, select=("NB301", "NB303")))

    assert_same(cells, sources_of(text))


@pytest.mark.parametrize(
    "cells",
    [
        ("x = 1", "def f():\n    return x\nf()", "x = 2\nf()"),  # called under both
        ("x = 1", "exec(open('a').read())\nprint(x)", "x = 3"),  # code that nobody can read
        ("x = 1\n'x' in globals()", "x = 2"),
        ("x = 1\n!echo {x}", "x = 2\n!echo {x}"),
        ("import numpy as np", "np = 1", "np"),
        ("def f():\n    pass\nprint(f)", "def f():\n    return 1\nprint(f)"),  # its name shows
    ],
)
def test_what_cannot_be_renamed_has_no_fix(cells: tuple[str, ...]) -> None:
    shown = check(to_bytes(cells), settings=replace(ALL, select=("NB201",), show_fixes=True))

    assert [reported.finding.fix for reported in shown.found] == [None]
    assert [reported.finding.offer for reported in shown.found] == [None]


def test_a_fix_is_worked_out_only_when_it_is_wanted() -> None:
    cells = ("x = 1", "x = 2")
    outcome = check(to_bytes(cells), settings=replace(ALL, select=("NB201",)))

    (reported,) = outcome.found
    assert (reported.finding.fix, reported.finding.offer) == (None, "unsafe")


def test_magics_stay_as_they_are() -> None:
    cells = ("x = 1", "%matplotlib inline\n%time x = x + 1", "%%time\nx = x * 2\nx")
    text, _ = mend(cells, replace(ALL, select=("NB201",)))

    assert sources_of(text) == [
        "x = 1",
        "%matplotlib inline\n%time x_1 = x + 1",
        "%%time\n_x = x_1 * 2\n_x",
    ]
