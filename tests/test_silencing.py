"""`--add-noqa`: a comment for every finding, where it is one."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from test_fixing import ALL_EXAMPLES, bytes_of

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.cli import main
from nbtools.formats.reactive import read_reactive, write_reactive
from nbtools.lint.engine import check_source
from nbtools.lint.outcome import Outcome
from nbtools.lint.settings import Settings
from nbtools.rules.rule import Example

NAMES = Settings(select=("NB101", "NB201", "NB9"))
EVERYTHING = Settings(select=("ALL",))


def notebook(*sources: str) -> bytes:
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, indent=1).encode()


def silence(data: bytes, name: str = "n.ipynb", settings: Settings = NAMES) -> Outcome:
    return check_source(data, path=name, folder=None, settings=settings, mend="noqa")


def sources(outcome: Outcome) -> list[Any]:
    assert outcome.text is not None
    return [
        c["source"] if isinstance(c["source"], str) else "".join(c["source"])
        for c in json.loads(outcome.text)["cells"]
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(x)", "print(x)  # noqa: NB101"),
        ("print(x)   \n1", "print(x)  # noqa: NB101\n1"),
        ("print(x)  # why", "print(x)  # why  # noqa: NB101"),
        ("print(x)  # noqa: E501", "print(x)  # noqa: E501, NB101"),
        ("print(x)  # noqa: E501 because", "print(x)  # noqa: E501, NB101 because"),
        ("print(\n  x,\n)", "print(\n  x,  # noqa: NB101\n)"),
        ("a = '''\n{}'''.format(x)", "a = '''\n{}'''.format(x)  # noqa: NB101"),
        ("if 1:\n  f(x, '''\n''')", "if 1:\n  # nbtools: ignore[NB101]\n  f(x, '''\n''')"),
        ("print(x, \\\n  1)", "# nbtools: ignore[NB101]\nprint(x, \\\n  1)"),
        ("%time print(x)", "%time print(x)  # noqa: NB101"),
        ("%%time\nprint(x)", "%%time\nprint(x)  # noqa: NB101"),
        ("print(x)\nprint(y)", "print(x)  # noqa: NB101\nprint(y)  # noqa: NB101"),
    ],
)
def test_the_comment_and_its_place(source: str, expected: str) -> None:
    outcome = silence(notebook(source))
    assert sources(outcome) == [expected]
    assert outcome.found == ()


def test_several_rules_share_a_comment() -> None:
    outcome = silence(notebook("a = 1\na", "a = x\na"))
    assert sources(outcome)[1].startswith("a = x  # noqa: NB")
    assert {"NB101", "NB201"} <= set(sources(outcome)[1].split("\n")[0].replace(",", "").split())
    assert outcome.found == ()


def test_what_no_comment_hides_is_still_reported() -> None:
    data = notebook("%%bash\necho hello\n")
    settings = Settings(select=("ALL",))
    before = check_source(data, path="n.ipynb", folder=None, settings=settings)
    outcome = silence(data, settings=settings)
    assert outcome.text is None or "noqa" not in "".join(sources(outcome))
    assert len(outcome.found) == len(before.found) > 0


def test_reactive_notebook() -> None:
    text = write_reactive(ReactiveNotebook((ReactiveCell("print(x)"),)))
    outcome = silence(text.encode(), "n.py")
    assert outcome.text is not None
    assert read_reactive(outcome.text.decode()).cells[0].source == "print(x)  # noqa: NB101"


@pytest.mark.parametrize("example", ALL_EXAMPLES)
def test_no_comment_does_harm(example: Example) -> None:
    """Nothing new is found, doing it twice does it once, and Python sees the same notebook."""
    data, name = bytes_of(example)
    before = check_source(data, path=name, folder=None, settings=EVERYTHING)
    once = silence(data, name, EVERYTHING)
    assert len(once.found) + once.fixed == len(before.found)
    text = data if once.text is None else once.text
    assert silence(text, name, EVERYTHING).text is None
    if name.endswith(".py") and b"_unparsable_cell" not in text:  # whose code is a string
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(data))


def test_the_command_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n.ipynb").write_bytes(notebook("print(x)"))
    with pytest.raises(SystemExit, match="0"):
        main(["lint", "--select", "NB101", "--add-noqa", "n.ipynb"])
    assert "Hid 1 problem. The notebook passed." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["lint", "--select", "NB101", "n.ipynb"])
