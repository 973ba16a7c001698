"""The dataflow graph for people (text), for pages (Mermaid), for Graphviz, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from nbtools.report.printable import printable
from nbtools.rules.dataflow import Dataflow, Loop, Node

_TITLE = 60  # characters of a cell that are shown
_DEEPEST = 12  # how far a branch is indented; what is deeper stays there


# --- text ---------------------------------------------------------------------------------------


def format_text(graph: Dataflow, *, ascii_only: bool = False) -> Iterator[str]:
    """Every cell once, below the last of the cells that feed it."""
    yield printable(f"{graph.name}: {_summary(graph)}")
    if graph.nodes:
        yield ""
    marks = _Marks(ascii_only)
    notes = _collect_notes(graph)
    for node, lead in _walk_tree(graph.nodes, marks):
        note = "; ".join(notes.get(node.cell, ()))
        title = _shorten(node.title)
        text = printable(f"{lead}{node.cell + 1}  {title}")
        yield printable(f"{text}  {marks.note} {note}") if note else text.rstrip()
    problems = list(_problems(graph))
    if problems:
        yield ""
    yield from map(printable, problems)


def _summary(graph: Dataflow) -> str:
    parts = [
        _plural(len(graph.nodes), "code cell"),
        _plural(len(graph.links), "link"),
        _plural(len(graph.cycles), "cycle") if graph.cycles else "no cycle",
    ]
    if graph.mutations:
        parts.append(f"{_plural(len(graph.mutations), 'value')} changed by another cell")
    return ", ".join(parts)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class _Marks:
    def __init__(self, ascii_only: bool) -> None:
        words = (
            ("|- ", "`- ", "|  ", "> ", "<-") if ascii_only else ("├─ ", "└─ ", "│  ", "↓ ", "←")
        )
        self.branch, self.last, self.bar, self.only, self.note = words


def _walk_tree(nodes: Sequence[Node], marks: _Marks) -> Iterator[tuple[Node, str]]:
    """The nodes of the forest from the top, with what stands before each."""
    children: dict[int | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)
    stack = [(node, "", "", 0) for node in reversed(children.get(None, []))]
    while stack:
        node, lead, margin, depth = stack.pop()
        yield node, lead
        below = children.get(node.cell, [])
        if len(below) == 1 or depth >= _DEEPEST:  # a chain goes straight down
            stack += [(c, margin + marks.only, margin, depth) for c in reversed(below)]
            continue
        for number, child in enumerate(reversed(below)):
            mark, bar = (marks.branch, marks.bar) if number else (marks.last, "   ")
            stack.append((child, margin + mark, margin + bar, depth + 1))


def _collect_notes(graph: Dataflow) -> dict[int, list[str]]:
    """What is said of each cell behind its title."""
    notes: dict[int, list[str]] = {}
    for link in graph.links:
        words = f"{_names(link.names)} from {link.source + 1}"
        notes.setdefault(link.target, []).append(words)
    for each in graph.mutations:
        words = f"CHANGES {each.name} of {each.owner + 1} in place"
        notes.setdefault(each.cell, []).append(words)
    for cell in _cycle_members(graph.cycles):
        notes.setdefault(cell, []).append("IN A CYCLE")
    return notes


def _names(names: Sequence[str], most: int = 4) -> str:
    rest = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TITLE else text[: _TITLE - 3] + "..."


def _problems(graph: Dataflow) -> Iterator[str]:
    for loop in graph.cycles:
        names = ", ".join(f"`{name}`" for name in loop.names)
        path = " -> ".join(str(cell + 1) for cell in (*loop.cells, loop.cells[0]))
        yield f"cycle: cells {path} need each other via {names}"
    for each in graph.mutations:
        where = f"cell {each.cell + 1} changes `{each.name}` of cell {each.owner + 1} in place"
        yield f"change: {where}: no name tells the cells that read it"
    for name, cells in graph.repeated.items():
        numbers = ", ".join(str(cell + 1) for cell in cells)
        yield f"defined more than once: `{name}` by cells {numbers}"


# --- other formats ------------------------------------------------------------------------------


def format_mermaid(graph: Dataflow) -> Iterator[str]:
    """A flowchart, as Markdown on GitHub draws it."""
    yield "flowchart TD"
    for node in graph.nodes:
        yield f'    c{node.cell + 1}["{node.cell + 1}: {_mermaid_text(_shorten(node.title))}"]'
    for link in graph.links:
        names = _mermaid_text(_names(link.names))
        yield f'    c{link.source + 1} -->|"{names}"| c{link.target + 1}'
    for each in graph.mutations:
        name = _mermaid_text(each.name)
        yield f'    c{each.cell + 1} -.->|"changes {name}"| c{each.owner + 1}'
    members = _cycle_members(graph.cycles)
    if members:
        yield "    classDef cycle stroke:#c00,stroke-width:3px"
        yield f"    class {','.join(f'c{cell + 1}' for cell in members)} cycle"


def _mermaid_text(text: str) -> str:
    """Text in which nothing is markup: Mermaid reads `#code;`."""
    kept = frozenset(" _.,=()+-/:'")
    return "".join(c if c.isalnum() or c in kept else f"#{ord(c)};" for c in text)


def format_dot(graph: Dataflow) -> Iterator[str]:
    """Graphviz' language."""
    yield f"digraph {_dot_text(graph.name)} {{"
    yield '    node [shape=box, fontname="monospace"];'
    members = _cycle_members(graph.cycles)
    for node in graph.nodes:
        label = _dot_text(f"{node.cell + 1}: {_shorten(node.title)}")
        colour = ", color=red" if node.cell in members else ""
        yield f"    c{node.cell + 1} [label={label}{colour}];"
    for link in graph.links:
        label = _dot_text(_names(link.names))
        yield f"    c{link.source + 1} -> c{link.target + 1} [label={label}];"
    for each in graph.mutations:
        label = _dot_text(f"changes {each.name}")
        ends = f"c{each.cell + 1} -> c{each.owner + 1}"
        yield f"    {ends} [label={label}, style=dashed, constraint=false];"
    yield "}"


def _dot_text(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cycle_members(cycles: Sequence[Loop]) -> list[int]:
    return sorted({cell for loop in cycles for cell in loop.cells})


def format_json(graph: Dataflow) -> str:
    """The graph for programs; cells are numbered as people count them."""
    document: dict[str, Any] = {
        "version": 1,
        "name": graph.name,
        "kind": graph.kind,
        "cells": [
            {"cell": node.cell + 1, "title": node.title, "defines": list(node.defines)}
            for node in graph.nodes
        ],
        "links": [
            {"from": link.source + 1, "to": link.target + 1, "names": list(link.names)}
            for link in graph.links
        ],
        "mutations": [
            {"cell": each.cell + 1, "name": each.name, "of": each.owner + 1}
            for each in graph.mutations
        ],
        "cycles": [
            {"cells": [cell + 1 for cell in loop.cells], "names": list(loop.names)}
            for loop in graph.cycles
        ],
        "repeated": {name: [cell + 1 for cell in cells] for name, cells in graph.repeated.items()},
    }
    return json.dumps(document, indent=2)
