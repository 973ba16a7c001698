"""marimo's `.py` format: reactive notebooks as text, and marimo's view of one cell."""

from __future__ import annotations

from nbtools.formats.reactive_names import CellNames, cell_names
from nbtools.formats.reactive_reader import (
    IgnoredStatement,
    ReactiveFile,
    is_reactive,
    parse_reactive,
    read_reactive,
)
from nbtools.formats.reactive_writer import MARIMO_VERSION, write_reactive
from nbtools.formats.safe_source import safe_source

__all__ = [
    "MARIMO_VERSION",
    "CellNames",
    "IgnoredStatement",
    "ReactiveFile",
    "cell_names",
    "is_reactive",
    "parse_reactive",
    "read_reactive",
    "safe_source",
    "write_reactive",
]
