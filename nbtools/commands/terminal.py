"""What every command does at the terminal: complaints, exit codes, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

import click

DONE, DIFFERENT, FAILED, INTERRUPTED = 0, 1, 2, 130

PROGRESS_FILES = 10
"""From so many notebooks on, a terminal shows a progress bar."""

_Item = TypeVar("_Item")


def complain(line: str) -> None:
    """Print a line on standard error."""
    click.echo(line, err=True)


def with_progress(
    items: Iterable[_Item],
    count: int,
    label: str,
    *,
    quiet: bool = False,
    keep: Callable[[_Item], _Item] | None = None,
) -> Iterable[_Item]:
    """Show a progress bar on many items; then all of them come after it is done.

    keep: What is to be kept of an item while the others are waited for.
    """
    if count < PROGRESS_FILES or quiet or not sys.stderr.isatty():
        return items
    with click.progressbar(items, count, label, file=sys.stderr) as bar:
        return [keep(item) if keep else item for item in bar]
