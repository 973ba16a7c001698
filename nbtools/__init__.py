"""nbtools: the way out of Jupyter's hidden state.

The public names are found here and loaded when they are first used, so that `import nbtools`
costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # without `typing`, whose import takes longer than all the rest here

if TYPE_CHECKING:
    from nbtools.convert.api import Outcome, convert_file, convert_paths
    from nbtools.convert.conversion import convert_source
    from nbtools.convert.edits import Conversion, Edit, Options, Warning  # noqa: A004
    from nbtools.errors import InvalidNotebookError, NbtoolsError, NotPythonError

__version__ = "0.1.0"

__all__ = [
    "Conversion",
    "Edit",
    "InvalidNotebookError",
    "NbtoolsError",
    "NotPythonError",
    "Options",
    "Outcome",
    "Warning",
    "__version__",
    "convert_file",
    "convert_paths",
    "convert_source",
]

_HOMES = {
    "Conversion": "nbtools.convert.edits",
    "Edit": "nbtools.convert.edits",
    "InvalidNotebookError": "nbtools.errors",
    "NbtoolsError": "nbtools.errors",
    "NotPythonError": "nbtools.errors",
    "Options": "nbtools.convert.edits",
    "Outcome": "nbtools.convert.api",
    "Warning": "nbtools.convert.edits",
    "convert_file": "nbtools.convert.api",
    "convert_paths": "nbtools.convert.api",
    "convert_source": "nbtools.convert.conversion",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
