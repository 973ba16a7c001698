"""`check_source`: every kind of file, and where its findings are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from nbtools.errors import NbtoolsError
from nbtools.lint import engine
from nbtools.lint.engine import check_source
from nbtools.lint.outcome import NOT_ASKED, Outcome, Physical
from nbtools.lint.selection import select_rules
from nbtools.lint.settings import Settings
from nbtools.rules.registry import all_rules

NAMES = Settings(select=("NB101",))


def check(data: bytes | str, path: str, settings: Settings = NAMES, fix: bool = False) -> Outcome:
    data = data.encode() if isinstance(data, str) else data
    return check_source(
        data, path=path, folder=None, settings=settings, mend="fixes" if fix else None
    )


def ipynb(*sources: str, language: str = "python", version: str = "3.11.1") -> str:
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "source": lines}
        for i, lines in enumerate(source.splitlines(keepends=True) for source in sources)
    ]
    info = {"language_info": {"name": language, "version": version}}
    document = {"cells": cells, "metadata": info, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1)


MARIMO = """\
import marimo

app = marimo.App()


@app.cell
def _():
    x = 1
    print(
        x, größe)
    return (x,)


@app.cell
def _(): print(b)
"""


def physical_texts(outcome: Outcome, text: str) -> list[str]:
    lines = text.split("\n")
    places = [each.physical for each in outcome.found]
    assert all(place.line == place.end_line for place in places)
    return [lines[p.line - 1][p.column - 1 : p.end_column - 1] for p in places]


def test_an_ipynb_file() -> None:
    text = ipynb("x = 1", "a\nb\nprint(x, größe)\nc\nd\ne")
    outcome = check(text, "dir/n.ipynb")

    assert outcome.path == "dir/n.ipynb"
    assert outcome.status == "checked"
    assert [each.finding.symbol for each in outcome.found] == ["a", "b", "größe", "c", "d", "e"]
    third = outcome.found[2]
    assert third.lines == ("a", "b", "print(x, größe)", "c", "d")
    assert third.first_line == 1
    assert third.cell_id == "c1"
    assert len(third.source_hash) == 16
    assert physical_texts(outcome, text) == ["a", "b", "gr\\u00f6\\u00dfe", "c", "d", "e"]


def test_lines_of_an_ipynb_file_are_found_where_they_are_asked_for() -> None:
    data = ipynb("x = 1\nprint(y)").encode()
    (found,) = check_source(
        data, path="n.ipynb", folder=None, settings=Settings(select=("NB101",)), physical=False
    ).found
    assert found.physical == NOT_ASKED
    assert found.lines == ("x = 1", "print(y)")

    data = MARIMO.encode()  # here the lines are those that people are shown
    outcome = check_source(data, path="n.py", folder=None, settings=Settings(), physical=False)
    assert outcome.found[0].physical.line == 10


def test_a_marimo_file() -> None:
    outcome = check(MARIMO, "n.py")

    assert not outcome.is_notebook
    assert [each.finding.symbol for each in outcome.found] == ["größe", "b"]
    assert physical_texts(outcome, MARIMO) == ["größe", "b"]
    assert outcome.found[0].physical.line == 10


def test_a_percent_script() -> None:
    text = "# %%\nx = 1\n# %% [markdown]\n# text\n# %%\n# %time print(y)\nz\n"
    outcome = check(text, "n.py")

    assert [each.finding.symbol for each in outcome.found] == ["y", "z"]
    assert physical_texts(outcome, text) == ["y", "z"]
    assert [each.finding.span.cell for each in outcome.found] == [2, 2]


@pytest.mark.parametrize("text", ["", "x = 1", "{1: 2}", "'import marimo; app = marimo.App()'"])
def test_other_python_files_are_passed_over(text: str) -> None:
    assert check(text, "n.py").status == "not-a-notebook"


def test_other_python_files_cost_nearly_nothing() -> None:
    code = (
        "import sys; from nbtools.lint.engine import check_source; from nbtools.lint.settings "
        "import Settings; check_source(b'x', path='x.py', folder=None, settings=Settings());"
        "print(*[m for m in ('json', 'nbtools.formats', 'nbtools.rules.program')"
        "if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == ""


def test_lint_loads_nothing_slow(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(ipynb("print(x)  # noqa: NB101", "print(y)"))
    code = (
        "import sys; from nbtools.lint.engine import check_source; from nbtools.lint.settings "
        f"import Settings; data = open({str(tmp_path / 'n.ipynb')!r}, 'rb').read();"
        "r = check_source(data, path='n.ipynb', folder=None, settings=Settings(), mend='fixes');"
        "assert r.status == 'checked', r;"
        "print(*[m for m in ('libcst', 'nbformat', 'IPython', 'marimo', 'asyncio', 'click')"
        "if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    ("data", "path", "status", "reason"),
    [
        (ipynb("x <- 1", language="R"), "n.ipynb", "skipped", "R notebook"),
        (ipynb("x = 1", language="julia"), "n.ipynb", "skipped", "Julia notebook"),
        ("", "n.ipynb", "failed", "expected a notebook (JSON), found no text"),
        ('{"cells": [}', "n.ipynb", "failed", "line 1: expected "),
        ("import os", "n.ipynb", "failed", "expected a notebook (JSON), found text that"),
        (b"# %%\nx\n" + b"\xff", "n.py", "failed", "line 3: expected UTF-8 text"),
        ('{"cells": 1, "nbformat": 4}', "n.ipynb", "failed", "expected `cells` to be a list"),
    ],
)
def test_what_cannot_be_checked(data: bytes | str, path: str, status: str, reason: str) -> None:
    outcome = check(data, path)

    assert (outcome.status, outcome.found) == (status, ())
    assert outcome.reason.startswith(reason)
    assert outcome.line == (int(reason[5]) if reason.startswith("line ") else None)
    assert "\n" not in outcome.reason


def test_the_content_tells_what_a_file_is() -> None:
    assert check(ipynb("print(x)"), "-").found[0].finding.symbol == "x"
    assert not check(MARIMO, "-").is_notebook
    assert not check("# %%\nx", "-").is_notebook


def test_python_2_is_said_once_or_skipped() -> None:
    text = ipynb("print x", "print y", version="2.7.1")

    assert check(text, "n.ipynb").status == "skipped"
    assert check(text, "n.ipynb").reason == "Python 2 notebook"


def test_coding_cookies_are_honoured() -> None:
    text = "# -*- coding: latin-1 -*-\n# %%\nprint('é', x)\n"
    outcome = check(text.encode("latin-1"), "n.py")

    assert outcome.found[0].physical == Physical(3, 12, 3, 13)


def test_a_rule_that_fails_is_a_bug_that_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("oh")

    monkeypatch.setattr(engine, "check_program", fail)
    outcome = check(ipynb("x"), "some/n.ipynb")

    assert outcome.status == "failed"
    assert "some/n.ipynb" in outcome.bug
    assert "ValueError: oh" in outcome.bug


def test_fixing_gives_the_new_bytes_and_what_is_left() -> None:
    settings = Settings(select=("NB101", "NB901"))
    text = ipynb("print(x)", "y = 1  # noqa: NB101")
    outcome = check(text, "n.ipynb", settings, fix=True)

    assert outcome.text == text.replace("  # noqa: NB101", "").encode()
    assert (outcome.fixed, outcome.fixed_codes) == (1, (("NB901", 1),))
    assert [each.finding.code for each in outcome.found] == ["NB101"]
    again = check(outcome.text, "n.ipynb", settings, fix=True)
    assert again.text is None
    kept = check(text, "n.ipynb", replace(settings, unfixable=("NB9",)), fix=True)
    assert kept.text is None


# --- which rules ----------------------------------------------------------------------------


def selected(**fields: object) -> set[str]:
    return {rule.code for rule in select_rules(Settings(**fields), "jupyter")}  # type: ignore[arg-type]


def test_the_target_decides_what_is_on() -> None:
    reactive = {code for code, rule in all_rules().items() if rule.default == "reactive"}
    opt_in = {code for code, rule in all_rules().items() if rule.default == "opt-in"}

    assert not selected() & opt_in
    assert reactive & selected()
    assert not reactive & selected(target="jupyter")
    assert reactive & {rule.code for rule in select_rules(Settings(target="jupyter"), "reactive")}


def test_selectors() -> None:
    assert selected(select=("NB101",)) == {"NB101"}
    assert selected(select=("undefined-name",)) == {"NB101"}
    assert selected(select=("NB10",)) >= {"NB101", "NB102"}
    assert selected(select=("ALL",)) >= {"NB101", "NB105", "NB903"}
    assert "NB903" in selected(extend_select=("nb903",))
    assert "NB101" not in selected(ignore=("NB1",))
    assert "NB101" in selected(select=("NB101",), ignore=("NB1",))
    assert "NB101" not in selected(select=("NB1",), ignore=("NB101",))
    assert selected(select=("NB1",), ignore=("ALL",)) >= {"NB101"}
    assert selected(ignore=("ALL",)) == set()


@pytest.mark.parametrize(
    ("selector", "nearest"), [("NB110", "NB11"), ("undefined-nam", "undefined-name"), ("al", "ALL")]
)
def test_an_unknown_selector_is_refused_with_the_nearest(selector: str, nearest: str) -> None:
    with pytest.raises(NbtoolsError, match=f"`{selector}`: did you mean {nearest}"):
        check(ipynb("x"), "n.ipynb", Settings(select=(selector,)))
