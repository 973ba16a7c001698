"""Errors the user can mend. Anything else that is raised is a bug of nbtools."""

from __future__ import annotations

from nbtools.cells import Place


class NbtoolsError(Exception):
    """The user can mend this: it is shown as one line, without a traceback."""


class InvalidNotebookError(NbtoolsError):
    """The file is not a notebook that can be read; the text says what was expected and found."""


class NotPythonError(NbtoolsError):
    """The notebook is written in another language, or in Python 2."""


class CellSyntaxError(NbtoolsError):
    """A code cell is not Python, even with its IPython magics set aside."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(place, reason)  # every argument, or unpickling fails
        self.place, self.reason = place, reason

    def __str__(self) -> str:
        return f"cell {self.place.cell + 1}, line {self.place.line}: {self.reason}"


def describe_os_error(error: OSError) -> str:
    """What went wrong, without number and file name: the line that shows it begins with one."""
    return error.strerror or str(error)
