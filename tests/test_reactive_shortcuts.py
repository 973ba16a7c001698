"""What the writer does without a parse is what it does with one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.formats import reactive_writer
from nbtools.formats.reactive_names import compile_cell, compile_markdown
from nbtools.formats.reactive_writer import write_reactive
from nbtools.formats.settled_source import settle_source

MARKDOWN = st.text('a\\ \n\t"{\xa0\u2028\x0c\0é', max_size=12).map(
    lambda text: f'mo.md(r"""\n{text}\n""")'
)
LINES = """\
x = 1
if x:
    y = x
\tz = x
  if x:
x = \\
1

# c
def f(a):
class C:
    return x
s = '''
    '''
f(
)
md
mo.md(
mo.sql("select * from class")
import a
x: int = y
y: "a'b" = x
await x
x;""".split("\n")
CODE = st.lists(st.sampled_from(LINES), max_size=6).map("\n".join)
NAME = st.sampled_from(["_", "setup", "class", "a b", "parameters"])


def write_slowly(notebook: ReactiveNotebook) -> str:
    """The notebook's text, every cell parsed, and parsed again as it is written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reactive_writer, "compile_markdown", lambda _: None)
        patch.setattr(reactive_writer._CellWriter, "_surely_parses", lambda *_: False)
        return write_reactive(notebook)


@given(st.lists(st.builds(ReactiveCell, CODE | MARKDOWN, name=NAME), max_size=4))
@example([ReactiveCell("if x:\n    \tif x:\n\t     y = x")])  # not Python where it is indented
@example([ReactiveCell("\n".join(" " * n + "if x:" for n in range(100)) + " pass")])  # too deep
@example([ReactiveCell('mo.sql("select * from class")')])
@example([ReactiveCell("L = 1"), ReactiveCell('x: L["a\\\\"] = 1'), ReactiveCell("x")])
@example([ReactiveCell("x = 1", name="class")])
def test_shortcuts_change_nothing(cells: list[ReactiveCell]) -> None:
    notebook = ReactiveNotebook(tuple(cells))
    assert write_reactive(notebook) == write_slowly(notebook)


@pytest.mark.parametrize(
    ("source", "is_known"),
    [
        ('mo.md(r"""\n# Title\n""")', True),
        ('mo.md(r"""\n  a  \n\n  $\\alpha$\n""")', True),
        ('mo.md(r"""\n\n""")', False),
        ('mo.md(r"""\na "" b\n""")', False),
        ('mo.md("""\na\n""")', False),
        ('mo.md(r"""\na\n"""); x = 1', False),
        ('mo.md(r"""a""")', False),
    ],
)
def test_markdown_as_marimo_writes_it_is_known(source: str, is_known: bool) -> None:
    known = compile_markdown(settle_source(source))
    assert (known is not None) is is_known
    assert known is None or known.names == compile_cell(source).names
