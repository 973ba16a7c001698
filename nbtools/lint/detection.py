"""What a file is, told from its content at next to no cost: most Python files are no notebooks."""

from __future__ import annotations

import re
from typing import Literal

FileKind = Literal["ipynb", "reactive", "percent"]

_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[\s\0]*\{[\s\0]*[\"}]")
_PYTHON_NAMES = (".py", ".pyi", ".pyw")


def detect_kind(data: bytes, name: str) -> FileKind | None:
    """The kind of notebook, or None for a Python file that is none.

    The name only decides where the content does not: what is neither Python by its name nor one
    of the notebooks in Python is for the reader of .ipynb files, which says what is wrong with it.
    """
    is_python = name.lower().endswith(_PYTHON_NAMES)
    if _JSON.match(data) and (not is_python or b'"cells"' in data or b'"worksheets"' in data):
        return "ipynb"
    if b"import marimo" in data and b".App" in data:
        from nbtools.formats.reactive_reader import is_reactive  # slow to import

        if is_reactive(data):
            return "reactive"
    if b"%%" in data and not name.lower().endswith(".ipynb"):
        from nbtools.formats.percent import is_percent

        if is_percent(data):
            return "percent"
    return None if is_python else "ipynb"
