from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.formats.ipynb import read_notebook
from nbtools.formats.ipynb_text import read_text, replace_sources, scan_ipynb, write_text


def code(source: object, **fields: object) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, **fields, "outputs": [], "source": source}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def places(text: str, cell: int, line: int, column: int) -> str:
    """The rest of the physical line at the place that was found."""
    row, at = scan_ipynb(text).place(cell, line, column)
    return text.removeprefix("\ufeff").split("\n")[row - 1][at - 1 :]


def test_a_list_of_lines_has_a_line_of_the_file_each() -> None:
    text = json.dumps(notebook(code([]), code(["x = 1\n", 'print("y")'])), indent=1)

    assert places(text, 1, 1, 1) == 'x = 1\\n",'
    assert places(text, 1, 2, 7) == '\\"y\\")"'
    assert places(text, 1, 2, 8) == 'y\\")"'
    assert places(text, 1, 2, 99) == '"'
    assert places(text, 0, 1, 1) == "[]"


def test_one_string_is_one_line_of_the_file() -> None:
    text = json.dumps(notebook(code("a\tb\r\ncaf\u00e9 \U0001f600!\n\nlast")), indent=1)

    assert places(text, 0, 1, 3).startswith("b\\r\\n")
    assert places(text, 0, 2, 4).startswith("\\u00e9 \\ud83d")
    assert places(text, 0, 2, 7).startswith("!\\n")
    assert places(text, 0, 2, 50).startswith("\\n\\nlast")
    assert places(text, 0, 3, 1).startswith("\\nlast")
    assert places(text, 0, 4, 2).startswith("ast")


def test_a_byte_order_mark_is_no_column() -> None:
    text = "\ufeff" + json.dumps(notebook(code("xy")))

    assert places(text, 0, 1, 2).startswith("y")


@pytest.mark.parametrize("field", ["input", "source"])
def test_nbformat_3_keeps_its_cells_in_worksheets(field: str) -> None:
    cell = {"cell_type": "code", "outputs": [{"text": ["}]"]}], field: ["a\n", "b"]}
    document = {"worksheets": [{"cells": [cell]}, {"cells": [cell]}], "nbformat": 3}
    text = json.dumps(document, indent=2)

    assert [scan_ipynb(text).source(i) for i in (0, 1)] == ["a\nb", "a\nb"]
    assert replace_sources(text, {1: "c"}).count("b") == text.count("b") - 1


def test_what_a_file_says_twice_counts_the_last_time() -> None:
    text = '{"cells": [], "cells": [{"source": "a", "source": "b"}], "nbformat": 4}'

    assert scan_ipynb(text).source(0) == "b"


def test_odd_values_are_passed_over() -> None:
    digits = "9" * 5000
    deep = "[" * 2000 + "]" * 2000
    text = (
        f'{{"metadata": {{"n": {digits}, "x": NaN, "deep": {deep}}}, "nbformat": 4,'
        f' "cells": [{{"outputs": [{digits}, {deep}, "\\"]}}"], "source": "a"}}, {{}}]}}'
    )
    found = scan_ipynb(text)

    assert found.source(0) == "a"
    assert found.cells[1].value is None
    assert replace_sources(text, {1: "new"}) == text


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cells": [{"source": "a', "3", '{"cells": 3}'])
def test_what_is_no_notebook_has_no_cells(text: str) -> None:
    assert scan_ipynb(text).cells == ()


INDENTED = notebook(code(["a = 1\n", "b = 2\n", "c = 3"]), code([]), code("s\nt"), code(["one"]))


@pytest.mark.parametrize(
    "layout", [{"indent": 1}, {"indent": "\t"}, {}, {"separators": (",", ":")}]
)
def test_new_lines_are_laid_out_as_the_others(layout: dict[str, Any]) -> None:
    text = json.dumps(INDENTED, **layout)
    new = ["a = 1\n", "x\n", "c = 3\n", "d"], ["p\n", "q"], "t\nu", ["one\n", "two"]
    wanted = json.dumps(notebook(*map(code, new)), **layout)
    sources = {i: "".join(source) for i, source in enumerate(new)}

    assert replace_sources(text, sources) == wanted
    assert replace_sources(text, {0: ""}) == json.dumps(
        notebook(code([]), *INDENTED["cells"][1:]), **layout
    )


@pytest.mark.parametrize("ascii_only", [True, False])
def test_letters_are_spelled_as_the_file_does(ascii_only: bool) -> None:
    old, new = notebook(code(["é\n", "x"])), notebook(code(["é\n", "ü\u2028\x1b"]))
    text = json.dumps(old, indent=1, ensure_ascii=ascii_only)

    assert replace_sources(text, {0: "é\nü\u2028\x1b"}) == json.dumps(
        new, indent=1, ensure_ascii=ascii_only
    )


def test_newlines_stay_those_of_the_file_and_of_the_source() -> None:
    text = json.dumps(notebook(code(["a\r\n", "b"])), indent=1).replace("\n", "\r\n") + "\r\n"

    assert replace_sources(text, {0: "a\nc\nd"}) == text.replace('"b"', '"c\\r\\n",\r\n    "d"')


def test_spelling_that_is_odd_stays_where_the_line_stays() -> None:
    text = r'{"cells": [{"source": ["\u0061\/\n", "\u0062"]}], "nbformat": 4}'

    assert replace_sources(text, {0: "a/\nc"}) == text.replace(r"\u0062", "c")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_bytes_come_back_from_any_encoding(encoding: str) -> None:
    data = json.dumps(notebook(code(["é"])), ensure_ascii=False).encode(encoding)

    assert write_text(*read_text(data)) == data
    assert scan_ipynb(read_text(data)[0]).source(0) == "é"


def test_a_latin_1_file_stays_as_it_is_and_gets_no_new_bytes_above_127() -> None:
    data = json.dumps(notebook(code(["é\n", "x"])), ensure_ascii=False).encode("latin-1")
    text, encoding = read_text(data)

    changed = write_text(replace_sources(text, {0: "é\nü"}), encoding)
    assert read_notebook(changed).cells[0].source == "é\nü"
    assert changed.replace(rb"\u00fc", b"x").replace(rb"\u00e9", b"\xe9") == data


def test_a_large_output_costs_little() -> None:
    output = {"output_type": "stream", "text": "x\\\n" * 5_000_000}
    document = notebook(code(["a\n", "b"]), code("c"))
    document["cells"][0]["outputs"] = [output]
    text = json.dumps(document)
    start = time.process_time()
    found = scan_ipynb(text)

    assert found.source(1) == "c"
    assert time.process_time() - start < 2


LINES = st.text(st.sampled_from("ab \n\r\t\"\\\u2028é\U0001f600'#\x1b/"), max_size=12)
SOURCES = LINES | st.lists(LINES, max_size=5)
LAYOUTS = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 1, 2, "\t"]),
        "ensure_ascii": st.booleans(),
        "sort_keys": st.booleans(),
    }
)


def read(text: str) -> list[str]:
    return [cell.source for cell in read_notebook(text.encode()).cells]


@given(st.lists(SOURCES, max_size=4), LAYOUTS)
def test_a_source_replaced_by_itself_changes_nothing(sources: list[Any], layout: Any) -> None:
    text = json.dumps(notebook(*map(code, sources)), **layout)

    assert replace_sources(text, dict(enumerate(read(text)))) == text


@given(st.lists(SOURCES, min_size=1, max_size=4), st.data(), LAYOUTS)
def test_only_the_sources_change(sources: list[Any], data: st.DataObject, layout: Any) -> None:
    document = notebook(*map(code, sources))
    text = json.dumps(document, **layout)
    old = read(text)
    new = data.draw(st.fixed_dictionaries({0: LINES.map(lambda s: s.replace("\r", ""))}))
    changed = replace_sources(text, new)

    assert read(changed) == [new[0], *old[1:]]
    loaded = json.loads(changed)
    assert isinstance(loaded["cells"][0]["source"], type(sources[0]))
    loaded["cells"][0]["source"] = sources[0]
    assert json.dumps(loaded, **layout) == text


@given(st.lists(SOURCES, min_size=1, max_size=3), LAYOUTS)
def test_every_character_is_found(sources: list[Any], layout: Any) -> None:
    text = json.dumps(notebook(*map(code, sources)), **layout)
    found = scan_ipynb(text)
    rows = text.split("\n")
    for cell, source in enumerate(read(text)):
        for number, line in enumerate(source.split("\n"), start=1):
            for column, character in enumerate(line, start=1):
                row, at = found.place(cell, number, column)
                spelled = rows[row - 1][at - 1 : at + 11]
                assert spelled.startswith((character, json.dumps(character)[1:-1]))
