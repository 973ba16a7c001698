"""`nbtools graph`: who feeds whom, and how it is printed."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nbtools import cli
from nbtools.cells import Cell, Notebook
from nbtools.report.dataflow import format_dot, format_json, format_mermaid, format_text
from nbtools.rules.dataflow import Dataflow, Loop, Mutation, find_dataflow
from nbtools.rules.program import read_program


def graph_of(*sources: str, kind: Any = "jupyter") -> Dataflow:
    cells = tuple(Cell(i, "code", source) for i, source in enumerate(sources))
    return find_dataflow(read_program(Notebook(cells), kind=kind, name="nb"))


def links(graph: Dataflow) -> set[tuple[int, int, str]]:
    return {(link.source, link.target, name) for link in graph.links for name in link.names}


CHAIN = ("import math", "x = math.pi", "y = x", "z = x + y", "print('alone')")


@pytest.mark.parametrize("kind", ["jupyter", "reactive"])
def test_links_carry_the_names(kind: str) -> None:
    graph = graph_of(*CHAIN, kind=kind)
    assert links(graph) == {(0, 1, "math"), (1, 2, "x"), (1, 3, "x"), (2, 3, "y")}
    assert [node.parent for node in graph.nodes] == [None, 0, 1, 2, None]


def test_a_jupyter_notebook_is_read_from_the_top() -> None:
    graph = graph_of("x = 1", "print(x)", "x = 2", "print(x)")
    assert links(graph) == {(0, 1, "x"), (2, 3, "x")}
    assert graph.repeated == {"x": (0, 2)}


def test_a_reactive_notebook_is_read_by_names() -> None:
    graph = graph_of("print(x)", "x = 1", "del x", kind="reactive")
    assert links(graph) == {(1, 0, "x"), (1, 2, "x"), (0, 2, "x")}
    assert [node.parent for node in graph.nodes] == [1, None, 0]


def test_cycles_and_mutations_are_marked() -> None:
    graph = graph_of("def f():\n    return limit", "limit = f\nf()", "xs = []", "xs.append(1)")
    assert graph.cycles == (Loop((0, 1), ("limit", "f")),)
    assert graph.mutations == (Mutation(3, "xs", 2),)
    text = "\n".join(format_text(graph))
    assert "cycle: cells 1 -> 2 -> 1 need each other via `limit`, `f`" in text
    assert "4  xs.append(1)  ← xs from 3; CHANGES xs of 3 in place" in text
    assert "class c1,c2 cycle" in "\n".join(format_mermaid(graph))
    assert 'label="changes xs", style=dashed' in "\n".join(format_dot(graph))


def test_a_cell_that_is_no_python_stands_alone() -> None:
    graph = graph_of("x = 1", "x = = 2", "x", kind="reactive")
    assert links(graph) == {(0, 2, "x")}


def test_text_is_a_tree() -> None:
    graph = graph_of("# first\na = 1", "b = a", "c = b", "d = a", "print(d)")
    assert list(format_text(graph)) == [
        "nb: 5 code cells, 4 links, no cycle",
        "",
        "1  a = 1",
        "├─ 2  b = a  ← a from 1",
        "│  ↓ 3  c = b  ← b from 2",
        "└─ 4  d = a  ← a from 1",
        "   ↓ 5  print(d)  ← d from 4",
    ]
    assert list(format_text(graph, ascii_only=True))[3] == "|- 2  b = a  <- a from 1"


def test_every_cell_is_in_the_tree_once_however_deep() -> None:
    sources = ["x0 = 0"] + [f"x{i} = x{i - 1}; y{i} = x{i - 1}" for i in range(1, 400)]
    sources += [f"print(y{i})" for i in range(1, 400)]
    lines = list(format_text(graph_of(*sources)))
    assert len(lines) == len(sources) + 2
    assert max(map(len, lines)) < 160


def test_nothing_in_a_cell_is_markup_or_steers_the_terminal() -> None:
    graph = graph_of('print("<b>\x1b[2J]#`|")', kind="reactive")
    text, mermaid = "\n".join(format_text(graph)), "\n".join(format_mermaid(graph))
    assert "\x1b" not in text + mermaid
    assert '"<' not in mermaid.replace('["1: ', "")
    assert '\\"<b>' in "\n".join(format_dot(graph))


def test_json_counts_cells_as_people_do() -> None:
    document = json.loads(format_json(graph_of("x = 1", "x")))
    assert document["links"] == [{"from": 1, "to": 2, "names": ["x"]}]
    assert document["cells"][0] == {"cell": 1, "title": "x = 1", "defines": ["x"]}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(["graph", *arguments])
    return int(stop.value.code or 0)


PERCENT = "# %%\nx = 1\n# %%\nprint(x)\n"


def test_the_command_reads_files_and_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nb.py"
    path.write_text(PERCENT)
    assert run(str(path), "--format", "dot") == 0
    assert 'c1 -> c2 [label="x"];' in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PERCENT.encode())))
    assert run("-") == 0
    assert "stdin: 2 code cells, 1 link, no cycle" in capsys.readouterr().out


def test_what_is_no_notebook_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.py"
    path.write_text("x = 1\n")
    assert run(str(path)) == 2
    assert capsys.readouterr().err.endswith(
        "not a notebook: neither .ipynb nor marimo's .py nor # %% cells\n"
    )
    assert run(str(tmp_path / "none.ipynb")) == 2
    assert capsys.readouterr().err.count("\n") == 1
