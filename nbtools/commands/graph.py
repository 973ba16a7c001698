"""`nbtools graph`: the dataflow graph of a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbtools.commands.terminal import DONE
from nbtools.convert.recursion import allow_deep_trees
from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.lint.reading import Unread, read_file
from nbtools.report.dataflow import format_dot, format_json, format_mermaid, format_text
from nbtools.rules.dataflow import Dataflow, find_dataflow

STDIN = "-"


@click.command("graph")
@click.argument("file", metavar="FILE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot", "json"]),
    default="text",
    show_default=True,
    help="How to print the graph.",
)
def graph_command(file: str, form: str) -> int:
    """Print which cell of a notebook feeds which, and through which names.

    FILE is a Jupyter notebook, a reactive notebook (marimo's .py), a script with # %% cells, or -
    for standard input. Of a Jupyter notebook the graph is that of a run from the top.
    Cells that need each other, and cells that change a value of another cell in place, are marked.
    No code of the notebook is run.
    """
    graph = _read_graph(file)
    if form == "json":
        click.echo(format_json(graph))
        return DONE
    if form == "text":
        encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
        lines = format_text(graph, ascii_only=not encoding.startswith("utf"))
    else:
        lines = format_mermaid(graph) if form == "mermaid" else format_dot(graph)
    for line in lines:
        click.echo(line)
    return DONE


def _read_graph(file: str) -> Dataflow:
    path = Path(file)
    try:
        data = sys.stdin.buffer.read() if file == STDIN else path.read_bytes()
    except OSError as error:
        raise NbtoolsError(f"{file}: {describe_os_error(error)}") from None
    name, folder = ("stdin", None) if file == STDIN else (path.name, path.parent)
    with allow_deep_trees():
        found = read_file(data, name=name, folder=folder)
        if isinstance(found, Unread):
            reason = (
                found.reason or "not a notebook: neither .ipynb nor marimo's .py nor # %% cells"
            )
            raise NbtoolsError(f"{file}: {reason}")
        return find_dataflow(found.program)
