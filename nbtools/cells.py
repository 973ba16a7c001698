"""The nouns of every stage: what a notebook is made of. No I/O, no libcst, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

CellKind = Literal["code", "markdown", "raw"]


class Place(Struct, frozen=True, order=True):
    """Where something stands in a notebook."""

    cell: int  # 0-based, among all cells of the file; no stage renumbers it
    line: int = 1  # 1-based, inside that cell's own source
    column: int = 1  # 1-based, in characters


class Output(Struct, frozen=True):
    """What the file says of one saved output; its data stays in the file."""

    kind: str  # "stream", "execute_result", "display_data", "error" (nbformat 4's words)
    mimes: tuple[str, ...] = ()  # mime types of its bundle, in file order
    execution_count: int | None = None
    error_name: str | None = None  # the exception's class, for kind "error"
    size: int = 0  # of its data or text, in bytes of JSON


class Cell(Struct, frozen=True):
    """One cell of a Jupyter notebook."""

    index: int  # 0-based, among all cells of the file
    kind: CellKind
    source: str  # newlines are "\n"
    id: str | None = None
    execution_count: int | None = None
    tags: tuple[str, ...] = ()
    hidden: bool = False  # source_hidden / hide_input: the code is folded away
    attachments: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # name -> mime -> b64
    outputs: tuple[Output, ...] = ()
    noise: tuple[str, ...] = ()  # see `Notebook.noise`


class Kernel(Struct, frozen=True):
    """What the file says of its kernel; None stands for what it does not say."""

    name: str | None = None  # metadata.kernelspec.name, e.g. "python3"
    language: str | None = None  # metadata.kernelspec.language
    info: str | None = None  # metadata.language_info.name


class Notebook(Struct, frozen=True):
    """A Jupyter notebook, whatever nbformat it was read from."""

    cells: tuple[Cell, ...]
    language: str = "python"  # lower case
    language_version: str | None = None  # as metadata.language_info says, e.g. "3.11.7"
    nbformat: tuple[int, int] = (4, 5)  # as found in the file, before any upgrade
    title: str | None = None  # metadata.title
    ignored: tuple[str, ...] = ()  # metadata.nbtools.ignore: rules that are not to hold here
    kernel: Kernel = Kernel()
    noise: tuple[str, ...] = ()  # metadata that tells of one session


class ReactiveCell(Struct, frozen=True):
    """One cell of a reactive notebook, as marimo's editor shows it."""

    source: str  # newlines are "\n"
    name: str = "_"  # "setup" is the setup cell
    hide_code: bool = False
    disabled: bool = False
    column: int | None = None
    expand_output: bool = False


class ReactiveNotebook(Struct, frozen=True):
    """A reactive notebook: marimo's `.py` format without its text."""

    cells: tuple[ReactiveCell, ...]
    header: str = ""  # what stands before `import marimo`: comments, PEP 723 block, docstring
    options: tuple[tuple[str, object], ...] = ()  # marimo.App(...), only what is not the default
