"""Whatever plain notebook is drawn: its conversion prints, shows and leaves the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

from executor import Rename, find_differences, lost_names, run_linear, run_reactive
from hypothesis import assume, given, settings
from strategies import Written, notebooks

from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion
from nbtools.formats.reactive import read_reactive, write_reactive


def notebook_bytes(cells: Sequence[str]) -> bytes:
    """The cells as an `.ipynb`."""
    code: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(cells)
    ]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def convert(cells: Sequence[str]) -> Conversion:
    return convert_source(notebook_bytes(cells))


def find_renames(conversion: Conversion) -> list[Rename]:
    return [
        Rename(each.cell, each.name, each.new_name)
        for each in conversion.edits
        if each.name and each.new_name
    ]


@given(notebooks())
@settings(max_examples=100)
def test_what_is_drawn_runs(notebook: Written) -> None:
    assert run_linear(notebook.cells).errors == ()


@given(notebooks())
@settings(max_examples=300)
def test_the_reactive_notebook_does_what_the_linear_one_does(notebook: Written) -> None:
    linear = run_linear(notebook.cells)
    assume(not linear.errors)
    conversion = convert(notebook.cells)
    reactive = run_reactive(conversion.text)
    renames = find_renames(conversion)
    assert find_differences(linear, reactive, renames) == [], conversion.text
    assert lost_names(linear, reactive, renames) == set(), conversion.text


@given(notebooks())
@settings(max_examples=60)
def test_the_text_is_canonical_and_the_same_each_time(notebook: Written) -> None:
    text = convert(notebook.cells).text
    compile(text, "converted.py", "exec", dont_inherit=True)
    assert convert(notebook.cells).text == text
    assert write_reactive(read_reactive(text)) == text


@given(notebooks())
@settings(max_examples=60)
def test_a_cell_without_an_edit_is_byte_identical(notebook: Written) -> None:
    conversion = convert(notebook.cells)
    edited = {each.cell for each in conversion.edits}
    kept = [cell.source for cell in read_reactive(conversion.text).cells]
    untouched = [cell for number, cell in enumerate(notebook.cells) if number not in edited]
    assert [cell for cell in untouched if cell not in kept] == [], conversion.text


@given(notebooks())
@settings(max_examples=100)
def test_the_order_of_unlinked_cells_does_not_matter(notebook: Written) -> None:
    """Where nothing is changed in place, the graph alone says what must run before what."""
    if notebook.mutates:
        return
    text = convert(notebook.cells).text
    forwards, backwards = run_reactive(text), run_reactive(text, "reverse")
    cells = sorted(backwards.cells, key=lambda cell: cell.position)
    assert sorted(forwards.cells, key=lambda cell: cell.position) == cells, text
