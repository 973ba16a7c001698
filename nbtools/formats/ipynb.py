"""Read Jupyter notebooks: nbformat 1 to 4, well-formed or nearly so.

The fast path is a typed msgspec decoder that steps over saved outputs without copying them.
What it refuses (another encoding, NaN, old nbformats, wrong types ...) goes to the tolerant path:
the standard library's json, after which both build their cells with the same functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NoReturn, TypeVar

import msgspec

from nbtools.cells import Cell, CellKind, Kernel, Notebook, Output, Place
from nbtools.errors import InvalidNotebookError, NotPythonError
from nbtools.lazy_patterns import lazy_pattern
from nbtools.syntax import parse_source

_ABSENT = msgspec.Raw()


class _Output(msgspec.Struct, gc=False):
    output_type: Any = None
    data: dict[str, msgspec.Raw] | None = None  # Raw is a view of the file: 500 MB cost nothing
    text: msgspec.Raw = _ABSENT
    execution_count: Any = None
    ename: Any = None


_CELL_NOISE = ("ExecuteTime", "execution", "executionInfo", "outputId", "papermill", "pycharm")
_NOTEBOOK_NOISE = ("interpreter", "papermill", "varInspector", "vscode", "widgets")
"""Metadata that tells of one session or one machine: programs leave it, and it changes."""


class _CellMetadata(msgspec.Struct, gc=False):
    tags: Any = None
    jupyter: Any = None
    hide_input: Any = None
    ExecuteTime: msgspec.Raw = _ABSENT
    execution: msgspec.Raw = _ABSENT
    executionInfo: msgspec.Raw = _ABSENT
    outputId: msgspec.Raw = _ABSENT
    papermill: msgspec.Raw = _ABSENT
    pycharm: msgspec.Raw = _ABSENT


class _Cell(msgspec.Struct, gc=False):
    cell_type: Any = None
    source: Any = None
    id: Any = None
    execution_count: Any = None
    metadata: _CellMetadata | None = None
    attachments: Any = None
    outputs: list[_Output] | None = None


class _NotebookMetadata(msgspec.Struct, gc=False):
    kernelspec: Any = None
    language_info: Any = None
    language: Any = None  # nbformat 3
    title: Any = None
    nbtools: Any = None
    interpreter: msgspec.Raw = _ABSENT
    papermill: msgspec.Raw = _ABSENT
    varInspector: msgspec.Raw = _ABSENT
    vscode: msgspec.Raw = _ABSENT
    widgets: msgspec.Raw = _ABSENT


class _Document(msgspec.Struct, gc=False):
    cells: list[_Cell]
    nbformat: Any = None
    nbformat_minor: Any = None
    metadata: _NotebookMetadata | None = None


_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_FAST = msgspec.json.Decoder(_Document)


def read_notebook(data: bytes) -> Notebook:
    """Read a notebook from the bytes of an .ipynb file; nbformat 1 to 3 are upgraded.

    Newlines of sources become LF, lone surrogates U+FFFD; a missing or null field has its
    default; a cell type that nbformat does not know is raw. Raises InvalidNotebookError, whose
    one line says what was expected and found, for what cannot be read.
    """
    document = _decode_fast(data)
    if document is None:
        document = _decode_tolerant(data)
    metadata = document.metadata or _NotebookMetadata()
    language, version = _read_language(metadata)
    return Notebook(
        cells=tuple(_build_cell(index, cell) for index, cell in enumerate(document.cells)),
        language=language,
        language_version=version,
        nbformat=(document.nbformat, _int_or_none(document.nbformat_minor) or 0),
        title=_str_or_none(metadata.title),
        ignored=_read_ignored(metadata.nbtools),
        kernel=_read_kernel(metadata),
        noise=_find_noise(metadata, _NOTEBOOK_NOISE),
    )


def _decode_fast(data: bytes) -> _Document | None:
    bom = b"\xef\xbb\xbf"
    try:
        document = _FAST.decode(memoryview(data)[len(bom) :] if data.startswith(bom) else data)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None
    return document if _int_or_none(document.nbformat) == 4 else None


def _read_ignored(settings: object) -> tuple[str, ...]:
    found = settings.get("ignore") if isinstance(settings, dict) else None
    words = [found] if isinstance(found, str) else found if isinstance(found, list) else ()
    return tuple(_repair_text(word) for word in words if isinstance(word, str))


# --- from a decoded document to cells -------------------------------------------------------


def _build_cell(index: int, cell: _Cell) -> Cell:
    metadata = cell.metadata or _CellMetadata()
    jupyter = metadata.jupyter if isinstance(metadata.jupyter, dict) else {}
    tags = metadata.tags if isinstance(metadata.tags, list) else []
    kind = _cell_kind(cell)
    return Cell(
        index=index,
        kind=kind,
        source=_read_source(index, cell.source),
        id=_str_or_none(cell.id),
        execution_count=_int_or_none(cell.execution_count),
        tags=tuple(_repair_text(tag) for tag in tags if isinstance(tag, str)),
        hidden=jupyter.get("source_hidden") is True or metadata.hide_input is True,
        attachments=_read_attachments(cell.attachments),
        outputs=tuple(_build_outputs(cell)) if kind == "code" else (),
        noise=_find_noise(metadata, _CELL_NOISE),
    )


def _find_noise(metadata: msgspec.Struct, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if getattr(metadata, name) is not _ABSENT)


def _cell_kind(cell: _Cell) -> CellKind:
    if cell.cell_type == "code" or (cell.cell_type is None and cell.outputs is not None):
        return "code"
    return "markdown" if cell.cell_type == "markdown" else "raw"


def _read_source(index: int, source: object) -> str:
    lines: list[Any] = source if isinstance(source, list) else [source]
    try:
        text = "".join(lines)
    except TypeError:
        text = "".join(filter(None, map(partial(_check_line, index), lines)))
    text = _repair_text(text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _check_line(index: int, line: object) -> str | None:
    if line is None or isinstance(line, str):
        return line
    return _refuse(f"cell {index + 1}: expected `source` to be text, found {_describe(line)}")


def _read_attachments(attachments: object) -> dict[str, dict[str, str]]:
    if not isinstance(attachments, dict):
        return {}
    return {
        name: {mime: "".join(data) for mime, data in bundle.items() if _is_text(data)}
        for name, bundle in attachments.items()
        if isinstance(bundle, dict)
    }


def _is_text(value: object) -> bool:
    """Tell whether it is what nbformat calls multi-line text: a string or a list of strings."""
    lines = value if isinstance(value, list) else [value]
    return all(isinstance(line, str) for line in lines)


def _build_outputs(cell: _Cell) -> Iterator[Output]:
    for output in cell.outputs or ():
        if isinstance(output.output_type, str):
            yield Output(
                kind=output.output_type,
                mimes=tuple(output.data or ()),
                execution_count=_int_or_none(output.execution_count),
                error_name=_str_or_none(output.ename),
                size=_measure_output(output),
            )


def _measure_output(output: _Output) -> int:
    return sum(map(_measure, (output.text, *(output.data or {}).values())))


def _measure(value: Any) -> int:
    """Bytes of JSON, without the quotes and commas on the tolerant path; nothing is decoded."""
    if isinstance(value, msgspec.Raw):
        return len(memoryview(value))
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_measure, value.values()))
    return sum(map(_measure, value)) if isinstance(value, list) else 0


_SURROGATE = lazy_pattern("[\ud800-\udfff]")


def _repair_text(text: str) -> str:
    """Join surrogate pairs; a lone surrogate, which no UTF-8 file can hold, becomes U+FFFD."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _str_or_none(value: object) -> str | None:
    return _repair_text(value) if isinstance(value, str) else None


def _int_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- the tolerant path ----------------------------------------------------------------------


def read_document(data: bytes) -> dict[str, Any]:
    """The whole file as JSON, outputs included, in the shape of nbformat 4; its values are any.

    Raises InvalidNotebookError if it is no JSON object with a list of cells.
    """
    document = _parse_json(_decode_text(data))
    if not isinstance(document, dict):
        _refuse(f"expected a notebook (a JSON object with `cells`), found {_describe(document)}")
    if _read_major(document) < 4:
        document = _upgrade_document(document)
    if "cells" not in document:
        _refuse("expected a notebook (a JSON object with `cells`), found an object without `cells`")
    if not isinstance(document["cells"], list):
        _refuse(f"expected `cells` to be a list, found {_describe(document['cells'])}")
    return document


def _decode_tolerant(data: bytes) -> _Document:
    document = read_document(data)
    major, cells = _read_major(document), document["cells"]
    return _Document(
        cells=[_cell_from(index, cell) for index, cell in enumerate(cells)],
        nbformat=major,
        nbformat_minor=document.get("nbformat_minor"),
        metadata=_struct_from(_NotebookMetadata, document.get("metadata")),
    )


def _read_major(document: dict[str, Any]) -> int:
    found = document.get("nbformat")
    if found is None:
        return 3 if "worksheets" in document else 4
    major = int(found) if isinstance(found, str) and re.fullmatch("[0-9]{1,9}", found) else found
    if not isinstance(major, int | float) or major is True or major not in range(1, 5):
        _refuse(f"expected nbformat 1, 2, 3 or 4, found {_describe(found)}")
    return int(major)


def _cell_from(index: int, value: object) -> _Cell:
    if not isinstance(value, dict):
        _refuse(f"cell {index + 1}: expected a JSON object, found {_describe(value)}")
    cell = _struct_from(_Cell, value)
    cell.metadata = _struct_from(_CellMetadata, cell.metadata)
    if cell.outputs is not None:
        outputs = cell.outputs if isinstance(cell.outputs, list) else []
        cell.outputs = [_output_from(output) for output in outputs]
    return cell


def _output_from(value: object) -> _Output:
    output = _struct_from(_Output, value)
    output.data = output.data if isinstance(output.data, dict) else None
    return output


def _struct_from(kind: type[_Struct], value: object) -> _Struct:
    fields = value if isinstance(value, dict) else {}
    return kind(**{name: fields[name] for name in kind.__struct_fields__ if name in fields})


_FORMATS = (  # what else people's .ipynb files turn out to hold
    (b"version https://git-lfs", "a Git LFS pointer: run `git lfs pull`"),
    (b"<!", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
)


def _decode_text(data: bytes) -> str:
    import json

    start = data[:1000].strip(b"\0\t\n\r ")
    if not start and not data.strip(b"\0\t\n\r "):
        found = "NUL bytes" if b"\0" in data else "no text"
        _refuse(f"expected a notebook (JSON), found {found}")
    for prefix, name in _FORMATS:
        if start.startswith(prefix):
            _refuse(f"expected a notebook (JSON), found {name}")
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and data.decode("utf-8", "ignore").isascii():
            return _decode_windows(data)  # no character of the file is valid UTF-8
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x} ({error.reason})"
        _refuse(f"line {line}: expected {encoding.upper()} text, found {found}")


def _decode_windows(data: bytes) -> str:
    """Decode Latin-1 as browsers do: as its superset cp1252, where that has the characters."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_json(text: str) -> object:
    import json

    text = text.removeprefix("\ufeff").rstrip("\0\t\n\r ")
    decoder = json.JSONDecoder(strict=False, parse_int=_parse_int)
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        _refuse_json(text, error.msg, error.pos)
    except RecursionError:
        shallow = _cut_deep_values(text)
    try:
        return decoder.decode(shallow)
    except json.JSONDecodeError as error:
        deep = f"brackets nested more than {_DEPTH} deep ({error.msg.lower()})"
        _refuse(f"expected a notebook (JSON), found {deep}")


def _parse_int(digits: str) -> float:
    return int(digits) if len(digits) <= 4000 else math.inf  # int() refuses more than 4300


_TOKEN = lazy_pattern(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_DEPTH = 100  # cells' fields stand at depth 5; deeper is the payload of some output or widget


def _cut_deep_values(text: str) -> str:
    """Put null in the place of every list and object nested more than _DEPTH deep."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _DEPTH:
                kept += text[start : token.start()], "null"
        elif token[0] in "]}":
            depth -= 1
            if depth == _DEPTH - 1:
                start = token.end()
    if depth < _DEPTH:
        kept.append(text[start:])
    return "".join(kept)


_CONFLICT = lazy_pattern(r"^<{7}(?: .*)?$", re.MULTILINE)


def _refuse_json(text: str, message: str, position: int) -> NoReturn:
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        _refuse(f"line {line}: expected JSON, found a Git merge conflict ({_quote(conflict[0])})")
    line = text.count("\n", 0, position) + 1
    if text[:1] not in "{[":
        _refuse(f"expected a notebook (JSON), found text that begins with {_quote(text)}")
    if message.startswith("Unterminated string"):
        _refuse(f"line {line}: expected the end of a string, found the end of the file (truncated)")
    if position >= len(text):
        _refuse(f"line {line}: expected more JSON, found the end of the file (truncated)")
    expected = "the end of the file" if message == "Extra data" else "JSON"
    if message.startswith("Expecting "):
        expected = message.removeprefix("Expecting ")
    _refuse(f"line {line}: expected {expected}, found {_quote(text[position : position + 200])}")


def _quote(text: str) -> str:
    first = text[:200].lstrip().split("\n", 1)[0]
    return repr(first if len(first) <= 30 else first[:30] + "...")


def _describe(value: object) -> str:
    import json

    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:40] + "..."


def _refuse(message: str) -> NoReturn:
    raise InvalidNotebookError(message) from None


# --- nbformat 1 to 3 ------------------------------------------------------------------------

_OLD_KINDS = {"html": "markdown", "text": "markdown", "heading": "markdown"}
_OLD_OUTPUTS = {"pyout": "execute_result", "pyerr": "error"}
_OLD_MIMES = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}


def _upgrade_document(document: dict[str, Any]) -> dict[str, Any]:
    """Give an nbformat 1, 2 or 3 document the shape of nbformat 4."""
    sheets = document.get("worksheets")
    holders = [document, *(sheets if isinstance(sheets, list) else [])]
    lists = [
        h["cells"] for h in holders if isinstance(h, dict) and isinstance(h.get("cells"), list)
    ]
    if not lists and sheets != []:
        return document
    cells = [_upgrade_cell(c) if isinstance(c, dict) else c for each in lists for c in each]
    metadata = document.get("metadata")
    languages = (cell.get("language") for cell in cells if isinstance(cell, dict))
    said = {"language": next(filter(None, languages), None)}
    return document | {
        "cells": cells,
        "metadata": said | metadata if isinstance(metadata, dict) else said,
    }


def _upgrade_cell(cell: dict[str, Any]) -> dict[str, Any]:
    kind = cell.get("cell_type")
    outputs = cell.get("outputs")
    upgraded = {
        "cell_type": _OLD_KINDS.get(kind, kind) if isinstance(kind, str) else kind,
        "source": _upgrade_source(cell),
        "execution_count": cell.get("prompt_number"),
    }
    if isinstance(outputs, list):
        upgraded["outputs"] = [_upgrade_output(o) for o in outputs if isinstance(o, dict)]
    return cell | upgraded


def _upgrade_source(cell: dict[str, Any]) -> object:
    names = [name for name in ("source", "input", "code", "text") if name in cell]
    source = cell[names[0]] if names else None
    if cell.get("cell_type") != "heading" or not _is_text(source):
        return source
    level = _int_or_none(cell.get("level")) or 1
    return "#" * min(max(level, 1), 6) + " " + " ".join("".join(source or ()).splitlines())


def _upgrade_output(output: dict[str, Any]) -> dict[str, Any]:
    kind = output.get("output_type")
    mimes = _OLD_MIMES if kind in ("pyout", "display_data") else {}
    return {
        "output_type": _OLD_OUTPUTS.get(kind, kind) if isinstance(kind, str) else kind,
        "data": {mime: output[name] for name, mime in mimes.items() if name in output},
        "text": output.get("text") if kind == "stream" else None,
        "execution_count": output.get("prompt_number"),
        "name": output.get("stream"),
        "ename": output.get("ename"),
        "evalue": output.get("evalue"),
    }


# --- which language -------------------------------------------------------------------------

_PYTHON = lazy_pattern(
    r"(ipython|xpython|pyspark|pyodide|pyolite|pypy|python)(kernel)?[ \d.-]*(raw)?"
)
_KERNEL = lazy_pattern(  # a kernel's name tells where no other field does; other names: Python
    "bash|deno|evcxr|gophernotes|haskell|ihaskell|ijavascript|javascript|ir$|julia|kotlin|matlab"
    "|octave|perl|ruby|rust|sagemath|scala|spylon|sparkkernel|tslab|xcpp|.net-"
)


def _read_language(metadata: _NotebookMetadata) -> tuple[str, str | None]:
    """The language in lower case, and its version where the file says one."""
    kernel = metadata.kernelspec if isinstance(metadata.kernelspec, dict) else {}
    info = metadata.language_info if isinstance(metadata.language_info, dict) else {}
    name = (_str_or_none(kernel.get("name")) or "").lower()
    # Sage's kernel calls its language python, but `2^3` is 8 there: its name comes first.
    said = [kernel.get("language"), info.get("name"), metadata.language, _kernel_language(name)]
    if name.startswith("sage"):
        said.insert(0, "sage")
    language = next(word for word in said if isinstance(word, str) and word.strip()).strip().lower()
    language = "python" if _PYTHON.fullmatch(language) else language
    version = _str_or_none(info.get("version"))
    if version is None and name.startswith("python2"):
        version = "2"
    return _repair_text(language), version


def _read_kernel(metadata: _NotebookMetadata) -> Kernel:
    kernel = metadata.kernelspec if isinstance(metadata.kernelspec, dict) else {}
    info = metadata.language_info if isinstance(metadata.language_info, dict) else {}
    return Kernel(
        name=_str_or_none(kernel.get("name")),
        language=_str_or_none(kernel.get("language")),
        info=_str_or_none(info.get("name")),
    )


def _kernel_language(name: str) -> str:
    found = _KERNEL.match(name)
    return "r" if name == "ir" else found[0] if found else "python"


def require_python(notebook: Notebook) -> None:
    """Refuse a notebook that no Python 3 can run, whatever is done to it.

    Many notebooks still name a Python 2 kernel although all their cells are Python 3 too: those
    pass. Under a Python 3 kernel a cell of Python 2 is but a broken cell. Raises NotPythonError
    for another language, and for a Python 2 kernel with a cell of Python 2.
    """
    if notebook.language != "python":
        found = _quote(notebook.language)
        raise NotPythonError(f"expected a Python notebook, found the language {found}")
    place = find_python2(notebook)
    if place is not None:
        where = f"cell {place.cell + 1}, line {place.line}"
        raise NotPythonError(f"{where}: expected Python 3, found a statement of Python 2")


def find_python2(notebook: Notebook) -> Place | None:
    """The first line that is clearly Python 2, in a notebook whose kernel may be Python 2."""
    if not _may_be_python2(notebook):
        return None
    for cell in notebook.cells:
        if cell.kind == "code" and (line := _python2_line(cell.source)):
            return Place(cell.index, line)
    return None


def _may_be_python2(notebook: Notebook) -> bool:
    version = notebook.language_version
    if version is None:
        return notebook.nbformat < (4, 0)  # older than kernelspecs: nearly all were Python 2
    return version.startswith("2")


_PYTHON2 = lazy_pattern(
    r"""^[^#"'\n]*(?:
        \bprint[ \t]+(?:["'`]|>>|[A-Za-z_]\w*[ \t]*(?:$|[#,.%\[(+*/;-]))
      | \bexec[ \t]+(?:["']|[A-Za-z_]\w*[ \t]*(?:$|in[ \t]|[.;]))
      | \bexcept[ \t]+(?:[\w.]+|\([\w., ]+\))[ \t]*,[ \t]*\w+[ \t]*:
      | \braise[ \t]+[\w.]+[ \t]*,
      | `[^`"'#\n]+`
      | \b[uU][rR]["']
      | (?<![\w.])(?:0[0-7]+|[0-9]+[lL])\b(?!\.)
      | \w[ \t]*<>[ \t]*\w
      | \bdef[ \t]+\w+\([^()\n]*\(
      | \blambda[ \t]*\(
    )""",
    re.VERBOSE | re.MULTILINE,
)
_MAGIC = lazy_pattern(r"^([ \t]*)(?:[%!?].*|\w+[ \t]*=[ \t]*[%!].*|[\w.]+\?+[ \t]*$)", re.MULTILINE)
_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


def _python2_line(source: str) -> int | None:
    """The first line (1-based) that is clearly Python 2, in a cell that is not Python 3."""
    if source.startswith("%%") and not source.startswith(_PYTHON_MAGICS):
        return None
    if _parses(source):  # who goes on with the cell is given the same tree: this costs nothing
        return None
    found = _PYTHON2.search(source)
    if found is None or _parses(_MAGIC.sub(r"\1pass", source)):
        return None
    return source.count("\n", 0, found.start()) + 1


def _parses(source: str) -> bool:
    try:
        parse_source(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
