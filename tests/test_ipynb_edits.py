"""Changing values, cells and the format of an .ipynb: what is meant changes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.formats.cell_ids import make_cell_ids
from nbtools.formats.ipynb_edits import (
    Change,
    DeleteValue,
    MoveCell,
    SetValue,
    change_document,
    upgrade_text,
)
from nbtools.formats.ipynb_text import scan_ipynb

VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["", "a\n", 'é"\\', "]}", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", 'c"', "é"]), inner, max_size=3)
    ),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "m", 'z"', "é"]), VALUES, max_size=4)
CELLS = st.fixed_dictionaries(
    {
        "cell_type": st.just("code"),
        "metadata": OBJECTS,
        "source": st.sampled_from(["x", ["a\n", "b"]]),
    }
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    cells = draw(st.lists(CELLS, max_size=4))
    fields = {"cells": cells, "metadata": draw(OBJECTS), "nbformat": 4}
    order = draw(st.permutations(list(fields)))
    return {name: fields[name] for name in order}


@st.composite
def styles(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "indent": draw(st.sampled_from([None, 0, 1, 4, "\t"])),
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ": ")])),
    }


KEYS = st.sampled_from(["a", "b", "k", 'z"', "é"])


@st.composite
def changes(draw: st.DrawFn, count: int) -> list[Change]:
    """At most one change for each value, none within another."""
    found: dict[tuple[int | None, tuple[str, ...]], Change] = {}
    for _ in range(draw(st.integers(0, 4))):
        cell = draw(st.none() | st.integers(0, max(count - 1, 0)))
        path = ("metadata", draw(KEYS))
        if draw(st.booleans()):
            found[cell, path] = DeleteValue(cell, path)
        else:
            found[cell, path] = SetValue(cell, path, json.dumps(draw(VALUES)))
    for cell in draw(st.sets(st.integers(0, count - 1))) if count else ():
        found[cell, ()] = DeleteValue(cell)
    return list(found.values())


def change_values(document: dict[str, Any], wanted: list[Change]) -> dict[str, Any]:
    """The same, done to the values: what `change_document` has to come to."""
    changed: dict[str, Any] = json.loads(json.dumps(document))
    gone = {each.cell for each in wanted if not each.path}
    for each in wanted:
        if not each.path or each.cell in gone:
            continue
        if each.cell is not None and each.cell >= len(changed["cells"]):
            continue
        holder = changed if each.cell is None else changed["cells"][each.cell]
        inner = holder["metadata"]
        if isinstance(each, SetValue):
            inner[each.path[-1]] = json.loads(each.value)
        else:
            inner.pop(each.path[-1], None)
    changed["cells"] = [cell for i, cell in enumerate(changed["cells"]) if i not in gone]
    return changed


@given(st.data(), documents(), styles(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_meant_changes(
    data: st.DataObject, document: dict[str, Any], style: dict[str, Any], newline: str
) -> None:
    text = json.dumps(document, **style).replace("\n", newline)
    wanted = data.draw(changes(len(document["cells"])))
    file = scan_ipynb(text)
    after = change_document(file, {}, wanted)

    assert json.loads(after) == change_values(document, wanted)
    if not wanted:
        assert after == text
    if not any(isinstance(each, SetValue) for each in wanted):
        assert is_shorter(after, text)


def is_shorter(after: str, before: str) -> bool:
    """Whether a text is another one with some characters left out."""
    rest = iter(before)
    return all(character in rest for character in after)


@given(documents(), styles())
def test_deleting_what_was_added_gives_the_same_bytes(
    document: dict[str, Any], style: dict[str, Any]
) -> None:
    document["metadata"].pop("k", None)
    text = json.dumps(document, **style)
    path = ("metadata", "k")
    added = change_document(scan_ipynb(text), {}, [SetValue(None, path, "[1]")])
    if document["metadata"]:
        assert change_document(scan_ipynb(added), {}, [DeleteValue(None, path)]) == text


@pytest.mark.parametrize(
    ("wanted", "after"),
    [
        ([DeleteValue(0, ("metadata", "b"))], {'"b": 1,\n     ': ""}),
        ([DeleteValue(0, ("metadata", "c"))], {',\n     "c": 2': ""}),
        (
            [DeleteValue(0, ("metadata", "b")), DeleteValue(0, ("metadata", "c"))],
            {'{\n     "b": 1,\n     "c": 2\n   }': "{}"},
        ),
        ([SetValue(0, ("metadata", "bb"), "null")], {'"c": 2': '"bb": null,\n     "c": 2'}),
        ([SetValue(0, ("metadata", "d"), "0")], {'"c": 2': '"c": 2,\n     "d": 0'}),
        ([SetValue(0, ("id",), '"i"')], {'"metadata"': '"id": "i",\n   "metadata"'}),
    ],
)
def test_the_layout_of_a_change(wanted: list[Change], after: dict[str, str]) -> None:
    text = '{\n "cells": [\n  {\n   "a": 1,\n   "metadata": {\n     "b": 1,\n     "c": 2\n   },\n'
    text += '   "source": []\n  }\n ],\n "nbformat": 4\n}\n'
    expected = text
    for old, new in after.items():
        assert old in text
        expected = expected.replace(old, new)

    assert change_document(scan_ipynb(text), {}, wanted) == expected


def test_sources_and_values_change_together() -> None:
    cells = [{"metadata": {"a": 1}, "source": s} for s in ("x", "", "y")]
    text = json.dumps({"cells": cells, "nbformat": 4}, indent=1)
    wanted = [DeleteValue(1), DeleteValue(2, ("metadata", "a"))]
    after = change_document(scan_ipynb(text), {0: "X", 1: "lost", 2: "Y"}, wanted)

    assert json.loads(after)["cells"] == [
        {"metadata": {"a": 1}, "source": "X"},
        {"metadata": {}, "source": "Y"},
    ]


@given(st.data(), documents(), styles())
def test_a_moved_cell_and_all_others_stay_as_they_are(
    data: st.DataObject, document: dict[str, Any], style: dict[str, Any]
) -> None:
    count = len(document["cells"])
    text = json.dumps(document, **style)
    if count < 2:
        return
    cell = data.draw(st.integers(1, count - 1))
    before = data.draw(st.integers(0, cell - 1))
    after = change_document(scan_ipynb(text), {before: "new"}, [MoveCell(cell, before)])

    order = [*range(before), cell, *(n for n in range(before, count) if n != cell)]
    source = "new" if isinstance(document["cells"][before]["source"], str) else ["new"]
    document["cells"][before] = document["cells"][before] | {"source": source}
    document["cells"] = [document["cells"][number] for number in order]
    assert json.loads(after) == document
    if all(isinstance(each["source"], str) for each in document["cells"]):
        assert after == json.dumps(document, **style)


OLD = {
    "metadata": {"name": "old"},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Titel é"]},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["x = 1\n", "x"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [
                        {
                            "metadata": {},
                            "output_type": "pyout",
                            "prompt_number": 2,
                            "text": ["1"],
                        }
                    ],
                    "prompt_number": 2,
                },
            ],
            "metadata": {},
        }
    ],
}


@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_upgrade_is_valid_and_laid_out_as_before(
    indent: int | str | None, ascii_only: bool, end: str, newline: str
) -> None:
    text = (json.dumps(OLD, indent=indent, ensure_ascii=ascii_only) + end).replace("\n", newline)
    after = upgrade_text(text, make_cell_ids(["a", "b"]))
    document = json.loads(after)

    nbformat.validate(document)
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert ["".join(cell["source"]) for cell in document["cells"]] == ["## Titel é", "x = 1\nx"]
    assert document["cells"][1]["outputs"][0]["data"] == {"text/plain": ["1"]}
    assert document["metadata"] == {}
    assert after.isascii() == ascii_only
    assert after.endswith("}" + end.replace("\n", newline))
    if indent is None:
        assert "\n" not in after.rstrip()
    else:
        blank = indent if isinstance(indent, str) else " " * indent
        assert after.startswith(f'{{{newline}{blank}"cells": [')
    assert after == upgrade_text(text, make_cell_ids(["a", "b"]))


@pytest.mark.parametrize("text", ["{}", "[]", "nothing", '{"nbformat": 3, "worksheets": 3}'])
def test_what_nbformat_cannot_read_is_not_upgraded(text: str) -> None:
    with pytest.raises(ValueError, match="nbformat"):
        upgrade_text(text, [])


@given(st.lists(st.sampled_from(["", "x", "\ud800"])), st.sets(st.sampled_from(["", "x"])))
def test_ids_are_valid_and_all_different(sources: list[str], taken: set[str]) -> None:
    ids = make_cell_ids(sources, before := make_cell_ids(sorted(taken)))

    assert len({*ids, *before}) == len(ids) + len(before)
    assert all(len(each) == 8 and each.isalnum() for each in ids)
    assert ids == make_cell_ids(sources, before)
