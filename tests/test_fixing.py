"""Fixes: every example of every rule that has one, and what holds for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rule_examples import is_heard, is_mended, notebook_of, program_of

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.formats.reactive import write_reactive
from nbtools.lint.engine import check_program, check_source, work_out_fix
from nbtools.lint.fixing import Fixing, State, choose_fixes, fix_findings
from nbtools.lint.reading import File, read_file
from nbtools.lint.settings import Settings
from nbtools.rules.edits import apply_edits
from nbtools.rules.finding import Edit, Finding, Fix, Span
from nbtools.rules.program import OutputsPolicy
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Example, Rule

RULES = tuple(all_rules().values())
EVERYTHING = Settings(select=("ALL",), unsafe_fixes=True)
FIXED = [
    pytest.param(rule, example, id=f"{rule.code}-{number}")
    for rule in RULES
    for number, example in enumerate(rule.invalid)
    if is_mended(example)
]
ALL_EXAMPLES = [
    pytest.param(example, id=f"{rule.code}-{number}")
    for rule in RULES
    for number, example in enumerate((*rule.invalid, *rule.valid))
]


def document_of(example: Example) -> dict[str, Any]:
    if example.document:
        return dict(example.document)
    cells: list[dict[str, Any]] = []
    for cell in notebook_of(example).cells:
        fields: dict[str, Any] = {"cell_type": cell.kind, "metadata": {}}
        if cell.id is not None:
            fields["id"] = cell.id
        if cell.kind == "code":
            fields |= {"execution_count": cell.execution_count, "outputs": []}
        cells.append(fields | {"source": cell.source.splitlines(keepends=True)})
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def bytes_of(example: Example) -> tuple[bytes, str]:
    """The example as a file, and the file's name."""
    if example.kind == "reactive":
        cells = tuple(ReactiveCell(cell.source) for cell in notebook_of(example).cells)
        return write_reactive(ReactiveNotebook(cells)).encode(), "notebook.py"
    return (json.dumps(document_of(example), indent=1) + "\n").encode(), "notebook.ipynb"


def read(data: bytes, name: str, folder: Path, outputs: OutputsPolicy | None = None) -> File:
    file = read_file(data, name=name, folder=folder, outputs=outputs)
    assert isinstance(file, File)
    return file


def sources_of(file: File) -> tuple[str, ...]:
    return tuple(cell.source for cell in file.program.notebook.cells)


@pytest.mark.parametrize(("rule", "example"), FIXED)
def test_a_fix_gives_exactly_these_cells(rule: Rule, example: Example, tmp_path: Path) -> None:
    program_of(example, tmp_path)  # writes the files beside it
    data, name = bytes_of(example)
    rules = [each for each in RULES if each == rule or (rule.runs_last and is_heard(each, rule))]

    def check(file: File) -> tuple[Finding, ...]:
        return check_program(file.program, rules)

    def fix(start: bytes) -> Fixing:
        file = read(start, name, tmp_path, example.outputs)
        return fix_findings(
            State(start, file, check(file)),
            lambda changed: read(changed, name, tmp_path, example.outputs),
            check,
            lambda finding: finding.code == rule.code,
            work_out_fix,
        )

    fixing = fix(data)
    if example.fixed is not None:
        assert sources_of(fixing.state.file) == example.fixed
    if example.fixed_document is not None:
        text = json.dumps(example.fixed_document, indent=1) + "\n"  # the order of keys counts
        assert fixing.state.data.decode() == text
    assert set(fixing.fixed) == {rule.code}
    assert fix(fixing.state.data).state.data == fixing.state.data
    assert all(
        finding.fix is None or finding.fix.safety == rule.fix
        for finding in check(read(data, name, tmp_path))
        if finding.code == rule.code
    )


OF_DOCUMENTS = ("NB003", "NB004", "NB102", "NB117", "NB503", "NB802", "NB805")
"""Their fixes change the file beside its sources."""


@pytest.mark.parametrize("example", ALL_EXAMPLES)
@pytest.mark.parametrize("unfixable", [(), OF_DOCUMENTS], ids=["all", "sources"])
def test_all_fixes_together(unfixable: tuple[str, ...], example: Example, tmp_path: Path) -> None:
    program_of(example, tmp_path)
    settings = replace(EVERYTHING, unfixable=unfixable, outputs=example.outputs)
    data, name = bytes_of(example)
    path = str(tmp_path / name)
    before = check_source(data, path=path, folder=tmp_path, settings=settings)
    after = check_source(data, path=path, folder=tmp_path, settings=settings, mend="fixes")
    assert after.bug == before.bug == ""
    if after.text is None:
        assert after.found == before.found
        return

    again = check_source(after.text, path=path, folder=tmp_path, settings=settings, mend="fixes")
    assert again.text is None
    assert len(after.found) <= len(before.found) - min(1, after.fixed)
    assert sum(dict(after.fixed_codes).values()) == after.fixed > 0
    if unfixable and name.endswith(".ipynb"):
        assert without_sources(after.text) == without_sources(data)


def without_sources(data: bytes) -> object:
    document = json.loads(data)
    for cell in document.get("cells", []):
        cell.pop("source", None)
    return json.dumps(document)  # the order of keys counts


# --- edits ----------------------------------------------------------------------------------


def edit(line: int, column: int, end_line: int, end_column: int, content: str) -> Edit:
    return Edit(Span(0, line, column, end_line, end_column), content)


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        ([edit(1, 1, 1, 3, "X")], "X\ncd\ne"),
        ([edit(1, 1, 1, 1, "X\n")], "X\nab\ncd\ne"),
        ([edit(2, 1, 3, 1, "")], "ab\ne"),
        ([edit(1, 3, 2, 1, " "), edit(1, 1, 1, 2, "")], "b cd\ne"),
        ([edit(3, 1, 9, 1, "")], "ab\ncd\n"),
        ([edit(2, 9, 2, 9, "!")], "ab\ncd!\ne"),
    ],
)
def test_edits_are_made_where_they_say(edits: list[Edit], result: str) -> None:
    assert apply_edits("ab\ncd\ne", edits) == result


def finding(*edits: Edit, code: str = "NB999") -> Finding:
    return Finding(code, "", edits[0].span, "info", fix=Fix("safe", "", edits))


def test_of_fixes_that_overlap_the_first_one_is_made() -> None:
    first, second = finding(edit(1, 1, 1, 5, "a")), finding(edit(1, 3, 1, 7, "b"))
    inserted, again = finding(edit(2, 1, 2, 1, "a")), finding(edit(2, 1, 2, 1, "b"))
    beside = finding(edit(1, 5, 1, 6, "c"))

    assert choose_fixes([first, second, inserted, again, beside]) == [first, inserted, beside]


def test_a_fix_that_two_findings_share_is_made_once() -> None:
    first, second = finding(edit(1, 1, 1, 2, "x")), finding(edit(1, 1, 1, 2, "x"))

    assert choose_fixes([first, second]) == [first, second]
    assert apply_edits("ab", [*first.fix.edits, *second.fix.edits]) == "xb"  # type: ignore[union-attr]


# --- rounds ---------------------------------------------------------------------------------


def fix_by(data: bytes, fixes: dict[str, tuple[str, str]], name: str = "n.ipynb") -> Fixing:
    """Mend with made-up rules: code -> text that is found, and what is put in its place."""

    def check(file: File) -> tuple[Finding, ...]:
        found = []
        for cell in file.program.notebook.cells:
            for number, line in enumerate(cell.source.split("\n"), start=1):
                for code, (old, new) in fixes.items():
                    at = line.find(old) + 1
                    if at:
                        span = Span(cell.index, number, at, number, at + len(old))
                        change = (Edit(span, new),) if new != old else ()
                        found.append(Finding(code, "", span, "info", fix=Fix("safe", "", change)))
        return tuple(sorted(found, key=lambda each: (each.span, each.code)))

    def reread(changed: bytes) -> File:
        file = read_file(changed, name=name)
        assert isinstance(file, File)
        return file

    file = reread(data)
    return fix_findings(State(data, file, check(file)), reread, check, lambda _: True)


def ipynb(*sources: str) -> bytes:
    return bytes_of(Example(sources))[0]


def test_one_fix_makes_room_for_the_next() -> None:
    fixing = fix_by(ipynb("x = aaa", "b"), {"A": ("aa", "a"), "B": ("b", "c")})

    assert sources_of(fixing.state.file) == ("x = a", "c")
    assert fixing.fixed == {"A": 2, "B": 1}


def test_a_fix_that_breaks_a_cell_is_left_out() -> None:
    fixing = fix_by(ipynb("x = 1 # y", "c ="), {"A": ("1", ")"), "B": ("y", "z"), "C": ("c", "d")})

    assert sources_of(fixing.state.file) == ("x = 1 # z", "d =")
    assert fixing.fixed == {"B": 1, "C": 1}


def test_a_fix_that_adds_a_finding_is_left_out() -> None:
    fixing = fix_by(ipynb("x = 1; y = 3"), {"A": ("1", "2"), "B": ("2", "2"), "C": ("3", "4")})

    assert sources_of(fixing.state.file) == ("x = 1; y = 4",)


def test_fixes_that_never_rest_come_to_an_end() -> None:
    fixing = fix_by(ipynb("x = 1"), {"A": ("1", "11")})

    assert sources_of(fixing.state.file) == ("x = " + "1" * 11,)


MARIMO = '''\
import marimo

app = marimo.App()

with app.setup:
    import os


@app.cell
def _():
    if os:
        text = """
    old
        """
    return (text,)


@app.cell
def _(text):
    # old
    y = 1; return


@app.function
def f():
    return "old"
'''


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("new", ["new", "n\n  e\n\nw", "os\n    os"])
def test_edits_in_marimo_files_keep_everything_else(newline: str, new: str) -> None:
    data = MARIMO.replace("\n", newline).encode()
    fixing = fix_by(data, {"A": ("old", "new"), "B": ("import os", f"import os # {new}")}, "n.py")
    text = fixing.state.data.decode().replace(newline, "\n")

    assert "old" not in text
    assert newline == "\r\n" or "\r" not in text
    assert text.count("\n@app.cell\n") == 2
    assert fixing.fixed["A"] == 3


def test_the_text_of_a_marimo_file_after_a_fix() -> None:
    fixing = fix_by(
        MARIMO.encode(), {"A": ("old", "new"), "B": ("if os:", "if 1:\n    pass")}, "n.py"
    )

    assert fixing.state.data.decode() == MARIMO.replace("old", "new").replace(
        "    if os:\n", "    if 1:\n        pass\n"
    )


PERCENT = """\
# ---
# jupyter: {}
# ---

# %% [markdown]
# old

# %%
# %matplotlib inline
x = 1  # old
# %%
y
"""


def test_the_text_of_a_percent_script_after_a_fix() -> None:
    fixes = {
        "A": ("old", "new"),
        "B": ("%matplotlib inline", "%pylab"),
        "C": ("x = 1", "x = 2\n!ls"),
    }
    fixing = fix_by(PERCENT.encode(), fixes, "n.py")

    assert fixing.state.data.decode() == PERCENT.replace("  # old", "  # new").replace(
        "matplotlib inline", "pylab"
    ).replace("x = 1", "x = 2\n# !ls").replace("# old", "# new")


@given(
    st.lists(st.sampled_from(["x = 1  # old", "old", "", "def f():\n    old", "if x:\n  'old'"]))
)
def test_marimo_files_are_mended_as_notebooks_are(sources: list[str]) -> None:
    example = Example(tuple(sources), kind="reactive")
    data, name = bytes_of(example)
    fixes = {"A": ("old", "new"), "B": ("x = 1", "x = 2\ny = 3")}
    there = fix_by(data, fixes, name).state.file
    here = fix_by(ipynb(*sources), fixes).state.file

    assert sources_of(there) == sources_of(here)
