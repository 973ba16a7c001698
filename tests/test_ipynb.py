"""Reading .ipynb files: what is read, what is refused and with which line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nbtools.cells import Cell, Notebook, Output
from nbtools.errors import InvalidNotebookError, NbtoolsError, NotPythonError
from nbtools.formats import ipynb
from nbtools.formats.ipynb import read_notebook, require_python


def document(*cells: object, **fields: object) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}


def code(source: object = "x = 1", **fields: object) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, **fields}


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


def read(*cells: object, **fields: object) -> Notebook:
    return read_notebook(encode(document(*cells, **fields)))


def without_sizes(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells without what only rules about the file itself ask for."""
    return tuple(
        replace(cell, noise=(), outputs=tuple(replace(each, size=0) for each in cell.outputs))
        for cell in cells
    )


def test_every_field_of_a_cell_is_read() -> None:
    image = "iVBOR"
    found = read(
        code(
            ["x = 1\n", "x"],
            id="a1",
            execution_count=7,
            metadata={"tags": ["parameters"], "jupyter": {"source_hidden": True}},
            outputs=[
                {"output_type": "stream", "name": "stdout", "text": "1"},
                {
                    "output_type": "execute_result",
                    "execution_count": 7,
                    "metadata": {},
                    "data": {"text/plain": "1", "image/png": image, "application/json": {"a": [1]}},
                },
                {"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": []},
            ],
        ),
        {
            "cell_type": "markdown",
            "source": "![](attachment:i.png)",
            "attachments": {"i.png": {"image/png": [image, "\n"], "x": 5}, "bad": None},
        },
        title="no",
        metadata={"title": "A title"},
    )

    outputs = (
        Output("stream"),
        Output("execute_result", ("text/plain", "image/png", "application/json"), 7),
        Output("error", error_name="KeyError"),
    )
    assert found.title == "A title"
    assert without_sizes(found.cells) == (
        Cell(0, "code", "x = 1\nx", "a1", 7, ("parameters",), True, {}, outputs),
        Cell(
            1,
            "markdown",
            "![](attachment:i.png)",
            attachments={"i.png": {"image/png": image + "\n"}},
        ),
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param({"cell_type": "code"}, Cell(0, "code", ""), id="no source"),
        pytest.param(code(None), Cell(0, "code", ""), id="null source"),
        pytest.param(code(["a", None, "b"]), Cell(0, "code", "ab"), id="null line"),
        pytest.param(code("a\r\nb\rc\n"), Cell(0, "code", "a\nb\nc\n"), id="newlines"),
        pytest.param(code(["a\r", "\nb"]), Cell(0, "code", "a\nb"), id="newline over two items"),
        pytest.param(code("\ud83d"), Cell(0, "code", "\ufffd"), id="lone surrogate"),
        pytest.param(code(["\ud83d", "\ude00"]), Cell(0, "code", "\U0001f600"), id="split pair"),
        pytest.param(code("a\0b"), Cell(0, "code", "a\0b"), id="NUL"),
        pytest.param(code(metadata=None), Cell(0, "code", "x = 1"), id="null metadata"),
        pytest.param(code(metadata=[1]), Cell(0, "code", "x = 1"), id="list metadata"),
        pytest.param(code(metadata={"tags": None}), Cell(0, "code", "x = 1"), id="null tags"),
        pytest.param(code(metadata={"tags": "a"}), Cell(0, "code", "x = 1"), id="text for tags"),
        pytest.param(
            code(metadata={"tags": [1, "a"]}),
            Cell(0, "code", "x = 1", tags=("a",)),
            id="number tag",
        ),
        pytest.param(
            code(metadata={"hide_input": True}),
            Cell(0, "code", "x = 1", hidden=True),
            id="hide_input",
        ),
        pytest.param(
            code(metadata={"collapsed": True, "jupyter": {"outputs_hidden": True}}),
            Cell(0, "code", "x = 1"),
            id="hidden outputs",
        ),
        pytest.param(code(outputs=None), Cell(0, "code", "x = 1"), id="null outputs"),
        pytest.param(code(outputs=[None, {}]), Cell(0, "code", "x = 1"), id="empty outputs"),
        pytest.param(
            code(outputs=[{"output_type": "display_data", "data": []}]),
            Cell(0, "code", "x = 1", outputs=(Output("display_data"),)),
            id="list for data",
        ),
        pytest.param(
            code(id=3, execution_count="3", attachments=[]),
            Cell(0, "code", "x = 1"),
            id="wrong types",
        ),
        pytest.param(
            code(execution_count=True, outputs="text"), Cell(0, "code", "x = 1"), id="text outputs"
        ),
        pytest.param({"cell_type": "new", "source": "a"}, Cell(0, "raw", "a"), id="unknown type"),
        pytest.param({"source": "a"}, Cell(0, "raw", "a"), id="no type"),
        pytest.param({"source": "a", "outputs": []}, Cell(0, "code", "a"), id="type by outputs"),
    ],
)
def test_odd_cell_is_read(cell: object, expected: Cell) -> None:
    assert read(cell).cells == (expected,)
    slow = encode(document(cell)).replace(b'"cells"', b'"nan": NaN, "cells"')
    assert read_notebook(slow).cells == (expected,)


TEXT = '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": "s = \'é\'"}]}'


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode("utf-8"), id="UTF-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="UTF-8 BOM"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(TEXT.encode("utf-16-le"), id="UTF-16 without BOM"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="UTF-16 big endian"),
        pytest.param(TEXT.encode("utf-32"), id="UTF-32"),
        pytest.param(TEXT.encode("latin-1"), id="Latin-1"),
        pytest.param(TEXT.encode() + b"\n\0\0\0", id="NUL at the end"),
        pytest.param(TEXT.replace('"meta', '"x": Infinity, "meta').encode(), id="Infinity"),
        pytest.param(TEXT.replace("{}", "1" * 9000).encode(), id="huge integer"),
        pytest.param(TEXT.replace("{}", "[" * 10_000 + "]" * 10_000).encode(), id="deep brackets"),
        pytest.param(TEXT.replace("{}", "null").encode(), id="null metadata"),
        pytest.param(TEXT.replace('"metadata": {},', "").encode(), id="no metadata"),
        pytest.param(TEXT.replace('"nbformat": 4,', "").encode(), id="no nbformat"),
        pytest.param(TEXT.replace(": 4,", ': "4",').encode(), id="nbformat in quotes"),
        pytest.param(TEXT.replace("{", '{"cells": 5,', 1).encode(), id="duplicate key"),
    ],
)
def test_odd_file_is_read(data: bytes) -> None:
    assert [cell.source for cell in read_notebook(data).cells] == ["s = 'é'"]


def test_characters_that_json_forbids_are_read() -> None:
    data = TEXT.encode().replace("é".encode(), b"a\t\0\n\xed\xa0\x80")

    assert read_notebook(data).cells[0].source == "s = 'a\t\0\n\ufffd'"


def test_windows_characters_are_read_as_browsers_do() -> None:
    dash = "\N{EN DASH}"
    found = read_notebook(TEXT.replace("é", dash).encode("cp1252"))

    assert found.cells[0].source == f"s = '{dash}'"

    found = read_notebook(TEXT.replace("é", "\x81").encode("latin-1"))

    assert found.cells[0].source == "s = '\x81'"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a notebook (JSON), found no text"),
        (b" \n", "expected a notebook (JSON), found no text"),
        (b"\0" * 5000, "expected a notebook (JSON), found NUL bytes"),
        (b"\n<!DOCTYPE html>", "expected a notebook (JSON), found HTML"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "expected a notebook (JSON), found a Git LFS pointer: run `git lfs pull`",
        ),
        (b"import os\n", "expected a notebook (JSON), found text that begins with 'import os'"),
        (b"[]", "expected a notebook (a JSON object with `cells`), found a list"),
        (b"5", "expected a notebook (a JSON object with `cells`), found 5"),
        (b"null", "expected a notebook (a JSON object with `cells`), found null"),
        (
            b'{"nbformat": 4}',
            "expected a notebook (a JSON object with `cells`), found an object without `cells`",
        ),
        (
            b'{"nbformat": 3}',
            "expected a notebook (a JSON object with `cells`), found an object without `cells`",
        ),
        (b'{"cells": null}', "expected `cells` to be a list, found null"),
        (b'{"cells": [null]}', "cell 1: expected a JSON object, found null"),
        (b'{"cells": [], "nbformat": 5}', "expected nbformat 1, 2, 3 or 4, found 5"),
        (b'{"cells": [], "nbformat": true}', "expected nbformat 1, 2, 3 or 4, found true"),
        (b'{"cells": [], "nbformat": "a\\nb"}', r'expected nbformat 1, 2, 3 or 4, found "a\nb"'),
        (
            b'{"cells": [], "nbformat": ' + b"1" * 9000 + b"}",
            "expected nbformat 1, 2, 3 or 4, found Infinity",
        ),
        (
            encode(document(code("a"), code(["a\n", 5]))),
            "cell 2: expected `source` to be text, found 5",
        ),
        (
            encode(document(code({"a": 1}))),
            "cell 1: expected `source` to be text, found an object",
        ),
        (
            b'{"cells": [\n"abc',
            "line 2: expected the end of a string, found the end of the file (truncated)",
        ),
        (
            b'{"cells": [\n{"source": "\xc3',
            "line 2: expected the end of a string, found the end of the file (truncated)",
        ),
        (b'{"cells": [\n', "line 1: expected more JSON, found the end of the file (truncated)"),
        (b'{"cells": []}\n{}', "line 2: expected the end of the file, found '{}'"),
        (b'{"cells"\n[]}', "line 2: expected ':' delimiter, found '[]}'"),
        (
            b'{"nbformat": 4,\n<<<<<<< HEAD\n"cells": []\n=======\n"cells": [{}]\n>>>>>>> x\n}',
            "line 2: expected JSON, found a Git merge conflict ('<<<<<<< HEAD')",
        ),
        (
            b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n",
            "line 1: expected JSON, found a Git merge conflict ('<<<<<<< HEAD')",
        ),
        (
            '{"cells":\n["é'.encode() + b'\xff"]}',
            "line 2: expected UTF-8 text, found the byte 0xff (invalid start byte)",
        ),
        (
            b"[" * 10_000,
            "expected a notebook (JSON), found brackets nested more than 100 deep "
            "(expecting ',' delimiter)",
        ),
    ],
)
def test_unreadable_file_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(InvalidNotebookError) as error:
        read_notebook(data)

    assert str(error.value) == message


# --- nbformat 1 to 3 ------------------------------------------------------------------------

OLD_CELLS = [
    {"cell_type": "heading", "level": 2, "source": ["A\n", "heading"], "metadata": {}},
    {"cell_type": "markdown", "source": "text", "metadata": {}},
    {"cell_type": "html", "source": "<b>x</b>", "metadata": {}},
    {"cell_type": "raw", "source": "raw", "metadata": {}},
    {
        "cell_type": "code",
        "input": ["x = 1\n", "x"],
        "prompt_number": 3,
        "collapsed": True,
        "language": "python",
        "metadata": {},
        "outputs": [
            {"output_type": "pyout", "prompt_number": 3, "text": "1", "png": "iVB", "metadata": {}},
            {"output_type": "stream", "stream": "stdout", "text": "1"},
            {"output_type": "pyerr", "ename": "E", "evalue": "", "traceback": []},
        ],
    },
]


def old_document() -> dict[str, Any]:
    half = {"cells": OLD_CELLS[:2], "metadata": {}}, {"cells": OLD_CELLS[2:], "metadata": {}}
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": list(half)}


def test_nbformat_3_is_upgraded() -> None:
    notebook = read_notebook(encode(old_document()))

    assert notebook.nbformat == (3, 0)
    assert without_sizes(notebook.cells) == (
        Cell(0, "markdown", "## A heading"),
        Cell(1, "markdown", "text"),
        Cell(2, "markdown", "<b>x</b>"),
        Cell(3, "raw", "raw"),
        Cell(
            4,
            "code",
            "x = 1\nx",
            execution_count=3,
            outputs=(
                Output("execute_result", ("text/plain", "image/png"), 3),
                Output("stream"),
                Output("error", error_name="E"),
            ),
        ),
    )


def test_nbformat_3_is_upgraded_as_nbformat_does() -> None:
    data = encode(old_document())
    upgraded = nbformat.reads(data.decode(), as_version=4)  # type: ignore[no-untyped-call]
    peers = [(cell.cell_type, cell.source) for cell in upgraded.cells]

    assert [(cell.kind, cell.source) for cell in read_notebook(data).cells] == peers


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"nbformat": 2, "worksheets": [{"cells": [{"cell_type": "code", "input": "a"}]}]}, "a"),
        ({"nbformat": 1, "cells": [{"cell_type": "code", "code": "a"}]}, "a"),
        ({"worksheets": [{"cells": [{"cell_type": "code", "input": ["a"]}]}]}, "a"),
        ({"nbformat": 3, "worksheets": [None, {"cells": [{"cell_type": "heading"}]}]}, ""),
        ({"nbformat": 3, "worksheets": []}, None),
    ],
)
def test_older_and_odder_documents_are_upgraded(fields: object, source: str | None) -> None:
    found = [cell.source for cell in read_notebook(encode(fields)).cells]

    assert found == ([] if source is None else [source])


# --- which language -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ("python", None)),
        ({"kernelspec": None, "language_info": "python"}, ("python", None)),
        ({"kernelspec": {"name": "python3"}}, ("python", None)),
        ({"kernelspec": {"name": "my-env"}}, ("python", None)),
        ({"kernelspec": {"name": "python2"}}, ("python", "2")),
        ({"kernelspec": {"name": "x", "language": "Python"}}, ("python", None)),
        ({"language_info": {"name": "ipython", "version": "3.11.7"}}, ("python", "3.11.7")),
        ({"language_info": {"name": "xpython", "version": 3}}, ("python", None)),
        ({"kernelspec": {"name": "pysparkkernel", "language": ""}}, ("python", None)),
        ({"language_info": {"name": "pyspark"}}, ("python", None)),
        ({"kernelspec": {"name": "ir", "language": "R"}}, ("r", None)),
        ({"kernelspec": {"name": "ir"}}, ("r", None)),
        ({"kernelspec": {"name": "julia-1.10"}}, ("julia", None)),
        ({"language_info": {"name": "Julia", "version": "1.10.0"}}, ("julia", "1.10.0")),
        (
            {"kernelspec": {"name": "sagemath"}, "language_info": {"name": "python"}},
            ("sage", None),
        ),
    ],
)
def test_language(metadata: object, expected: tuple[str, str | None]) -> None:
    notebook = read(metadata=metadata)

    assert (notebook.language, notebook.language_version) == expected


def test_language_of_nbformat_3() -> None:
    cell = {"cell_type": "code", "input": "x", "language": "julia"}
    by_cell = {"nbformat": 3, "metadata": None, "worksheets": [{"cells": [cell]}]}

    assert read_notebook(encode(by_cell)).language == "julia"
    named = by_cell | {"metadata": {"language": "Haskell"}}
    assert read_notebook(encode(named)).language == "haskell"


def python(version: str | None, *sources: str, major: int = 4) -> Notebook:
    cells = tuple(Cell(index, "code", source) for index, source in enumerate(sources))
    return Notebook(cells, language_version=version, nbformat=(major, 0))


PYTHON_2 = {
    "print statement": 'print "x"',
    "print name": "for x in y:\n    print x",
    "print after colon": "if x: print x, y",
    "print to file": 'print >>f, x; print "y"',
    "exec": 'exec "x = 1"',
    "exec in": "exec code in namespace",
    "except": "try:\n    f()\nexcept ValueError, e:\n    raise",
    "except two": "try:\n    f()\nexcept (A, B), e:\n    raise",
    "raise": 'raise ValueError, "no"',
    "backticks": "s = `x`",
    "octal": "os.chmod(p, 0777)",
    "long": "n = 10L",
    "ur": 's = ur"x"',
    "not equal": "x <> y",
    "tuple parameter": "def f(a, (b, c)):\n    pass",
    "lambda": "f = lambda (a, b): a",
    "below a magic": "%matplotlib inline\n!ls\nprint x",
    "below a cell magic": "%%time\nprint x",
}
NOT_PYTHON_2 = {
    "a shift to Python 3": "print >>f, x",
    "Python 3": "print('x')",
    "in a string": "s = '''\nprint x\n'''",
    "in a string below a magic": "%matplotlib inline\ns = '''\nprint x\n'''",
    "in a string above no magic": "s = '''\nprint x\n'''\ny = (a\n% b)",
    "shell": "ls -la\ngit commit",
    "another language": "%%bash\nprint x",
    "broken": "def f(:",
    "prose": "print out all of them",
    "magics": "x = !ls\n  %time f()\nf?",
}


@pytest.mark.parametrize("source", PYTHON_2.values(), ids=PYTHON_2)
def test_python_2_is_refused(source: str) -> None:
    with pytest.raises(NotPythonError) as error:
        require_python(python("2.7.12", "x = 1", source))

    assert str(error.value).startswith("cell 2, line ")
    assert "\n" not in str(error.value)
    require_python(python("3.6.1", source))  # there it is one broken cell
    require_python(python(None, source))


@pytest.mark.parametrize("source", NOT_PYTHON_2.values(), ids=NOT_PYTHON_2)
def test_python_2_kernel_without_python_2_is_accepted(source: str) -> None:
    require_python(python("2.7.12", source))


def test_python_2_is_told_with_its_line() -> None:
    with pytest.raises(NotPythonError) as error:
        require_python(python("2", "x = 1\n\nprint x\n"))

    assert str(error.value) == "cell 1, line 3: expected Python 3, found a statement of Python 2"


def test_notebook_older_than_kernelspecs_may_be_python_2() -> None:
    require_python(python(None, "print(x)", major=3))
    with pytest.raises(NotPythonError):
        require_python(python(None, "print x", major=3))


def test_other_language_is_refused() -> None:
    with pytest.raises(NotPythonError) as error:
        require_python(read(metadata={"kernelspec": {"language": "R"}}))

    assert str(error.value) == "expected a Python notebook, found the language 'r'"


# --- size -----------------------------------------------------------------------------------


def test_saved_outputs_are_not_copied() -> None:
    blob = b"A" * 30_000_000
    data = encode(document(code(outputs=[{"output_type": "display_data", "data": {"a": "@"}}])))
    data = data.replace(b"@", blob)
    import tracemalloc

    tracemalloc.start()
    notebook = read_notebook(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert notebook.cells[0].outputs == (Output("display_data", ("a",), size=30_000_002),)
    assert peak < 1_000_000


def test_many_cells_and_a_long_line_are_fine() -> None:
    line = "x" * 1_000_000
    many = [code(f"x = {number}") for number in range(20_000)]
    data = encode(document(code(line), *many))
    start = time.perf_counter()
    notebook = read_notebook(data)

    assert time.perf_counter() - start < 5
    assert len(notebook.cells) == 20_001
    assert notebook.cells[0].source == line


def test_well_formed_notebook_takes_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ipynb, "_decode_tolerant")

    odd = code(metadata={"tags": None, "jupyter": 5}, id=None, execution_count="x")
    assert len(read(odd, code(None)).cells) == 2
    assert read_notebook(b"\xef\xbb\xbf" + encode(document(code()))).cells[0].source == "x = 1"


def test_quotes_without_end_cost_linear_time() -> None:
    data = b'{"x": ' + b"[" * 10_000 + b'"' + b'\\"' * 300_000
    start = time.perf_counter()
    with pytest.raises(InvalidNotebookError):
        read_notebook(data)

    assert time.perf_counter() - start < 3


# --- properties -----------------------------------------------------------------------------

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANY_TEXT = st.text(st.sampled_from('ab\n\r\0"\\é\u2028\ud800\U0001f600'), max_size=5)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


def odd_object(*names: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object whose fields may be missing, right, or anything."""
    fields = dict.fromkeys(names, JSON_VALUES) | known
    return st.fixed_dictionaries({}, optional={n: f | JSON_VALUES for n, f in fields.items()})


ODD_OUTPUT = odd_object("data", "execution_count", "ename", output_type=ANY_TEXT)
ODD_CELL = odd_object(
    "id",
    "prompt_number",
    "level",
    "attachments",
    "language",
    cell_type=st.sampled_from(["code", "markdown", "heading", "html", "raw"]),
    source=st.lists(ANY_TEXT),
    input=ANY_TEXT,
    metadata=odd_object("tags", "jupyter", "hide_input"),
    outputs=st.lists(ODD_OUTPUT, max_size=2),
)
ODD_CELLS = st.lists(ODD_CELL | JSON_VALUES, max_size=3)
ODD_NOTEBOOK = odd_object(
    "nbformat_minor",
    nbformat=st.integers(0, 5),
    cells=ODD_CELLS,
    worksheets=st.lists(odd_object(cells=ODD_CELLS), max_size=2),
    metadata=odd_object("kernelspec", "language_info", "language", "title"),
)


def check_bytes(data: bytes) -> None:
    """Any bytes are a notebook whose sources can be written, or an error of one line."""
    message = ""
    cells: tuple[Cell, ...] = ()
    try:
        notebook = read_notebook(data)
        cells = notebook.cells
        require_python(notebook)
    except NbtoolsError as error:
        message = str(error)
    assert message.isprintable()
    for cell in cells:
        assert "\r" not in cell.source
        cell.source.encode()


@PROPERTY
@given(st.binary() | ODD_NOTEBOOK.map(encode))
@example(b'{"cells":[{"source":"\xed\xa0\x80"}]}')
@example(b"\xff\xfe\x00")
def test_any_bytes_are_a_notebook_or_one_line(data: bytes) -> None:
    check_bytes(data)


@PROPERTY
@given(ODD_NOTEBOOK.map(encode), st.integers(0), st.integers(0, 20), st.binary(max_size=3))
def test_any_damage_is_a_notebook_or_one_line(
    data: bytes, where: int, length: int, new: bytes
) -> None:
    start = where % (len(data) + 1)
    check_bytes(data[:start] + new + data[start + length :])


CHARACTERS = st.integers(0, 0x10FFFF).filter(lambda code: not 0xD800 <= code < 0xE000).map(chr)
SOURCES = st.text(CHARACTERS).map(lambda text: text.replace("\r", ""))


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), SOURCES)))
def test_sources_of_a_valid_notebook_are_exact(cells: list[tuple[str, str]]) -> None:
    written = [
        {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {}}
        for kind, source in cells
    ]
    for text in (
        json.dumps(document(*written)),
        json.dumps(document(*written), ensure_ascii=False),
    ):
        found = read_notebook(text.encode()).cells

        assert [(cell.kind, cell.source) for cell in found] == cells
