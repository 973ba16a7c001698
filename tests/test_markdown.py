"""Markdown and raw cells: what mo.md gets, and that marimo writes it back byte for byte."""

from __future__ import annotations

import re
import textwrap
import time
import warnings
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nbtools.cells import Cell
from nbtools.convert.markdown import markdown_source, raw_source


def markdown(text: str, **attachments: dict[str, str]) -> str:
    named = {name.replace("_", "."): bundle for name, bundle in attachments.items()}
    return markdown_source(Cell(0, "markdown", text, attachments=named))


def shown(source: str) -> str:
    """What mo.md gets when the cell runs, without the line ends that all forms put around it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an invalid escape is a finding of marimo check
        text = eval(source, {"mo": SimpleNamespace(md=lambda text: text)})
    assert isinstance(text, str)
    assert text.startswith("\n")
    assert text.endswith("\n")
    return text[1:-1]


FORMS = {
    "plain": ("# A\n\ntext", 'mo.md(r"""\n# A\n\ntext\n""")'),
    "empty": ("", 'mo.md(r"""\n\n""")'),
    "white space": (" \n\t\n", 'mo.md(r"""\n\n""")'),
    "latex": (r"$\alpha_{i}$ {x}", 'mo.md(r"""\n$\\alpha_{i}$ {x}\n""")'),
    "one quote": ("\"a\" 'b'", 'mo.md(r"""\n"a" \'b\'\n""")'),
    "ends in a quote": ('say "a"', 'mo.md(r"""\nsay "a"\n""")'),
    "ends in a backslash": ("a\\", 'mo.md(r"""\na\\\n""")'),
    "two quotes": ('x = ""', 'mo.md("""\nx = "\\"\n""")'),
    "three quotes": ('"""a"""', 'mo.md("""\n"\\""a"\\""\n""")'),
    "quotes and backslash": ('"" \\n', 'mo.md(text="""\n"\\" \\\\n\n""")'),
    "no-break space": ("a\xa0b", 'mo.md(text="""\na\\xa0b\n""")'),
    "line separator": ("a\u2028b", 'mo.md(text="""\na\\u2028b\n""")'),
    "form feed": ("a\x0cb", 'mo.md(text="""\na\\x0cb\n""")'),
    "NUL": ("a\0b", 'mo.md(text="""\na\\x00b\n""")'),
    "lone surrogate": ("a\ud800b", 'mo.md(text="""\na\\ud800b\n""")'),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS)
def test_form(text: str, expected: str) -> None:
    assert markdown(text) == expected
    assert shown(expected) == text.strip()


START = {
    "blank lines": ("\n \na\n\n", "a"),
    "indented paragraph": ("  a\n   b", "a\n   b"),
    "indented heading": ("   # a\nb", "# a\nb"),
    "indented list": ("  - a\n    - b\n\nc", "- a\n  - b\n\nc"),
    "indented list to the end": (" * a\n\n * b", "* a\n\n* b"),
    "list, then text half as deep": ("   - a\n\n  b", "<!-- -->\n   - a\n\n  b"),
    "indented table": (" |a|\n |-|\n |1|", "|a|\n|-|\n|1|"),
    "indented fence before code": (
        "  ```\n  a\n  ```\n\n    b",
        "<!-- -->\n  ```\n  a\n  ```\n\n    b",
    ),
    "code": ("    a\n    b", "<!-- -->\n    a\n    b"),
    "code, then text": ("    a\n\nb", "<!-- -->\n    a\n\nb"),
    "code after blank lines": ("\n\n    a\n", "<!-- -->\n    a"),
    "tab": ("\ta", "<!-- -->\n    a"),
    "wide space": ("\u3000a", "<!-- -->\n\u3000a"),
    "wide space after blank": (" \u3000a", "<!-- -->\n \u3000a"),
}


@pytest.mark.parametrize(("text", "expected"), START.values(), ids=START)
def test_white_space_around_the_text(text: str, expected: str) -> None:
    assert shown(markdown(text)) == expected


LINES = {
    "trailing blank": ("a \nb", "a\nb"),
    "tab stops": ("- a\n\t- b\n  \t- c\td", "- a\n    - b\n    - c\td"),
    "hard break": ("a  \nb", "a<br>\nb"),
    "many blanks": ("a     \nb", "a<br>\nb"),
    "backslash": ("a\\\nb", "a<br>\nb"),
    "two backslashes": ("a\\\\\nb", "a\\\\\nb"),
    "last line": ("a  \nb  ", "a<br>\nb"),
    "end of paragraph": ("a  \n\nb", "a\n\nb"),
    "in a list item": ("- a  \n  b  \n- c", "- a<br>\n  b\n- c"),
    "nested list": ("- a  \n\n    b  \n    c", "- a\n\n    b<br>\n    c"),
    "in a quote": ("> a  \n> b  \n\nc", "> a<br>\n> b\n\nc"),
    "before a quote": ("a  \n> b", "a\n> b"),
    "heading": ("# a  \nb", "# a\nb"),
    "before a heading": ("a  \n# b", "a\n# b"),
    "setext heading": ("a  \n---\nb", "a\n---\nb"),
    "before a list": ("a  \n* b", "a\n* b"),
    "fenced code": ("```\na  \nb\\\n```\nc  \nd", "```\na\nb\\\n```\nc<br>\nd"),
    "longer fence": ("~~~~\na  \n~~~\nb  \nc\n~~~~", "~~~~\na\n~~~\nb\nc\n~~~~"),
    "fence in a list": ("- ```\n  a  \n  b\n  ```", "- ```\n  a\n  b\n  ```"),
    "indented code": ("x\n\n    a  \n    b", "x\n\n    a\n    b"),
    "code before text": ("x\n\n    a  \nb", "x\n\n    a\nb"),
    "heading ends a list": ("- x\n# x\n    a  \n    b", "- x\n# x\n    a\n    b"),
    "greater than": ("a  \nb > c", "a<br>\nb > c"),
    "code below a heading": ("- x\n\n# x\n    a  \n    b", "- x\n\n# x\n    a\n    b"),
    "code in a list": ("- x\n\n      a  \n      b", "- x\n\n      a\n      b"),
    "paragraph goes on indented": ("a  \n     b", "a<br>\n     b"),
    "html": ("<div>\na  \nb\n</div>\n\nc  \nd", "<div>\na\nb\n</div>\n\nc<br>\nd"),
    "inline html": ("<b>a</b> a  \nb", "<b>a</b> a<br>\nb"),
    "table": ("|a|  \n|-|  \n|b|  \nc", "|a|\n|-|\n|b|\nc"),
    "display formula": ("$$\na  \nb\n$$", "$$\na\nb\n$$"),
    "environment": ("\\begin{a}\na  \nb\n\\end{a}  \nc", "\\begin{a}\na\nb\n\\end{a}<br>\nc"),
    "inline formula": ("$a  \nb$  \nc", "$a\nb$<br>\nc"),
    "a price": ("5$  \nb", "5$<br>\nb"),
    "dollar in code": ("`$`  \nb `$`", "`$`<br>\nb `$`"),
}


@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES)
def test_line_ends_and_tabs(text: str, expected: str) -> None:
    assert shown(markdown(text)) == expected


PNG = {"image/png": "iVBO\nRw==\n"}
URL = "data:image/png;base64,iVBORw=="


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![x](attachment:a.png)", f"![x]({URL})"),
        ('![x](attachment:a.png "t")', f'![x]({URL} "t")'),
        ('<img src="attachment:a.png">', f'<img src="{URL}">'),
        ("![x][1]\n\n[1]: attachment:a.png", f"![x][1]\n\n[1]: {URL}"),
        ("![x](attachment:b.png)", "![x](attachment:b.png)"),
        ("![x](attachment:a.png.bak)", "![x](attachment:a.png.bak)"),
    ],
)
def test_attachment(text: str, expected: str) -> None:
    assert shown(markdown(text, a_png=PNG)) == expected


def test_attachment_of_another_kind() -> None:
    svg = {"text/plain": "x", "image/svg+xml": "<svg/>"}
    named = {"a b.svg": svg, "none": {}}
    cell = Cell(0, "markdown", "![](attachment:a%20b.svg)", attachments=named)

    assert shown(markdown_source(cell)) == "![](data:image/svg+xml,%3Csvg/%3E)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n", ""),
        ("x = 1  \n\n  y", "```text\nx = 1\n\n  y\n```"),
        ("\n    x\n", "```text\n\n    x\n\n```"),
        ("```\nx\n```", "````text\n```\nx\n```\n````"),
        ("a\\\n\tb", "```text\na\\\n\tb\n```"),
        ('"""', '```text\n"""\n```'),
    ],
)
def test_raw_cell_is_shown_as_plain_text(text: str, expected: str) -> None:
    assert shown(raw_source(Cell(0, "raw", text))) == expected


def test_cost_is_linear() -> None:
    start = time.perf_counter()
    for piece in ("a  \n", "`", "$", "> ", '"', "\\", "- ", "|", "<b>", "\\begin{a}  \n", " ", "#"):
        markdown("x  \n|\n" + piece * (200_000 // len(piece)) + "x  \nb")

    assert time.perf_counter() - start < 8


# --- properties -----------------------------------------------------------------------------

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PIECES = ["a", "b", " ", "  ", "    ", "\t", "\n", "\n\n", "\\", '"', '""', '"""', "'", "{", "}"]
PIECES += ["$", "$$", "`", "```", "# ", "- ", "1. ", "> ", "|", "<div>", "<!-- -->", "mo.md(", ")"]
PIECES += list(
    "\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000\ufeff\0\x1a\x7fé\U0001f600\ud800"
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
LINE_END = re.compile(r"(?:\s|\\|<br>)+$")  # hard line breaks have a table of their own


def visible(text: str, *, indent: bool) -> list[str]:
    """The text less what the module's docstring says may differ."""
    lines = [LINE_END.sub("", line) for line in text.removeprefix("<!-- -->\n").split("\n")]
    lines = [re.sub(r"^[ \t]*", lambda m: m[0].expandtabs(4) * indent, line) for line in lines]
    return "\n".join(lines).strip("\n").split("\n")


@PROPERTY
@given(TEXTS)
@example("    a\n- b")
def test_mo_md_gets_the_text(text: str) -> None:
    may_lose_indent = re.match(r"(?:\s*\n)? {1,3}\S", text) is not None
    expected = visible(text, indent=not may_lose_indent)

    assert visible(shown(markdown(text)), indent=not may_lose_indent) == expected


@PROPERTY
@given(TEXTS.map(lambda text: "x" + re.sub(r"(?m)[\s\\]+$|^[ \t]+", "", text)))
def test_text_without_special_white_space_is_exact(text: str) -> None:
    assert shown(markdown(text)) == text.rstrip()


@PROPERTY
@given(TEXTS.filter(str.strip))
def test_raw_text_is_exact(text: str) -> None:
    found = re.fullmatch("(`+)text\n(.*)\n\\1", shown(raw_source(Cell(0, "raw", text))), re.DOTALL)

    assert found is not None
    assert found[1] not in text
    assert found[2] == "\n".join(line.rstrip() for line in text.split("\n"))


@PROPERTY
@given(TEXTS)
def test_source_survives_a_save_as_text(text: str) -> None:
    """What marimo's save does to every cell: no-break spaces, lines and their indentation."""
    for source in (markdown(text), raw_source(Cell(0, "raw", text))):
        assert textwrap.dedent(textwrap.indent(source, "    ")) == source
        assert source.replace("\xa0", " ").encode().decode() == source


# --- against marimo -------------------------------------------------------------------------


def marimo_file(sources: list[str]) -> str:
    cells = ["@app.cell\ndef _():\n    import marimo as mo\n\n    return (mo,)"]
    cells += [
        "@app.cell(hide_code=True)\ndef _(mo):\n" + textwrap.indent(source, "    ") + "\n    return"
        for source in sources
    ]
    head = 'import marimo\n\n__generated_with = "0.25.2"\napp = marimo.App()\n\n\n'
    return head + "\n\n\n".join(cells) + '\n\n\nif __name__ == "__main__":\n    app.run()\n'


def assert_canonical(sources: list[str]) -> None:
    from marimo._convert.converters import MarimoConvert
    from marimo._version import __version__

    text = marimo_file(sources).replace("0.25.2", __version__)
    assert MarimoConvert.from_py(text).to_py() == text


@pytest.mark.slow
def test_marimo_writes_every_case_back() -> None:
    texts = [text for table in (FORMS, START, LINES) for text, _ in table.values()]
    assert_canonical([markdown(text) for text in texts])
    assert_canonical([raw_source(Cell(0, "raw", text)) for text in texts])


@pytest.mark.slow
@settings(PROPERTY, max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_marimo_writes_any_text_back(texts: list[str]) -> None:
    assert_canonical([markdown(text) for text in texts])
    assert_canonical([raw_source(Cell(0, "raw", text)) for text in texts])


def render(source: str) -> str:
    import marimo

    html: str = eval(source, {"mo": marimo}).text
    return html.split(">", 1)[1].rsplit("</span>", 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a  \nb", "a<br>"),
        ("    x = 1\n    y\n", "<code>x = 1\ny\n</code>"),
        ("    x = 1\n\na", "<code>x = 1\n</code>"),
        ("\tx", "<code>x\n</code>"),
        ("x\n\n\ty", "<code>y\n</code>"),
        ("   # a", ">a</h1>"),
        ("  - a\n  - b\n\nc", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("- a\n\t- b", "<li>a<ul>\n<li>b</li>"),
        ("$\\alpha_1$", "||(\\alpha_1||)"),
        ('say """a""" \\(x\\)', 'say """a""" <marimo-tex'),
        ("a\xa0b\u2028c", "a\xa0b\u2028c"),
        ("```\nx  \ny\n```", "x\ny"),
    ],
)
def test_marimo_shows_what_jupyter_shows(text: str, html: str) -> None:
    assert html in render(markdown(text))


@pytest.mark.slow
def test_marimo_shows_attachments_and_raw_cells() -> None:
    big = {"image/png": "A" * 1_000_000}
    assert 'src="data:image/png;base64,AAAA' in render(
        markdown("![x](attachment:a.png)", a_png=big)
    )

    assert re.search(
        "<code>```\nx\n```\n</code>", render(raw_source(Cell(0, "raw", "```\nx\n```")))
    )
