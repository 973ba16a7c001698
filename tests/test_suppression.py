from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rule_examples import program_of

from nbtools.cells import Cell, Notebook
from nbtools.lint.engine import check_program, check_source, run_rules
from nbtools.lint.outcome import Outcome
from nbtools.lint.settings import Settings
from nbtools.rules.directives import find_directives
from nbtools.rules.program import read_program
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Example, Rule

NAMES = Settings(select=("NB101", "NB9"))


def check(*sources: str, settings: Settings = NAMES, **metadata: Any) -> Outcome:
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources
    ]
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return run(document, settings)


def run(document: object, settings: Settings = NAMES) -> Outcome:
    data = json.dumps(document).encode()
    return check_source(data, path="n.ipynb", folder=None, settings=settings)


def codes(outcome: Outcome) -> list[str]:
    return [each.finding.code for each in outcome.found]


@pytest.mark.parametrize(
    "source",
    [
        "print(x)  # noqa: NB101",
        "print(x)  # NOQA:NB101,E501",
        "print(x)  # type: ignore # noqa : E501 NB1",
        "print(x)  # noqa: undefined-name",
        "print(x)  # nbtools: ignore[NB101] it is there in the class",
        "# nbtools: ignore[NB1]\nprint(x)",
        "# nbtools: ignore[NB101]\n\n# why\nfor i in []:\n    pass\n    print(x)",
        "for i in []:\n    pass\n    # nbtools: ignore[NB101]\n    print(\n        x)",
        "# nbtools: ignore[NB101]\n@x\ndef f():\n    pass",
        "a = '''\n{}'''.format(x)  # noqa: NB101",
        "a = f'''\n{x}\n'''  # noqa: NB101",
        "# nbtools: ignore[NB101]\n%time print(x)",
        "%time print(x)  # noqa: NB101",
        "print(x)\nprint(y)\n# nbtools: ignore-cell[NB101]",
    ],
)
def test_what_hides_a_finding(source: str) -> None:
    assert codes(check(source)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("print('# noqa: NB101', x)", ["NB101"]),
        ("print('''# nbtools: ignore-cell\n''', x)", ["NB101"]),
        ("# noqa: NB101\nprint(x)", ["NB901", "NB101"]),
        ("print(x)  # noqa: E501", ["NB101"]),
        ("print(x)  # noqa: because of y", ["NB101"]),
        ("print(x)  # noqa-like NB101", ["NB101"]),
        ("print(x)  # nbtools: ignore[]", ["NB101"]),
        ("print(x)\ny = 1  # noqa: NB101", ["NB101", "NB901"]),
        ("# nbtools: ignore[NB101]\ny = 1\nprint(x)", ["NB901", "NB101"]),
        ("print(x)  # noqa: NB110", ["NB101", "NB902"]),
        ("x = 1  # noqa: NB102, NB1", []),  # rules that are off: nobody can tell
        ("x = 1  # noqa: NB101, NB901", []),
        ("x = 1  # nbtools: ignore[NB901, NB101]", []),
    ],
)
def test_what_hides_nothing(source: str, found: list[str]) -> None:
    assert codes(check(source)) == found


def test_a_bare_noqa_hides_all_but_what_is_said_of_it() -> None:
    settings = Settings(select=("NB101", "NB9"))

    assert codes(check("print(x)  # noqa", settings=settings)) == ["NB903"]
    assert codes(check("x = 1  # noqa", settings=settings)) == ["NB903"]
    assert codes(check("x = 1  # nbtools: ignore", settings=settings)) == ["NB901", "NB903"]


def test_the_scope_ends_with_the_cell() -> None:
    outcome = check("# nbtools: ignore-cell[NB101]\nprint(x)", "print(y)")

    assert [each.finding.symbol for each in outcome.found] == ["y"]


def test_one_comment_for_the_whole_file() -> None:
    assert codes(check("print(x)", "# nbtools: ignore-file[NB101]", "print(y)")) == []


def test_a_tag_skips_a_cell() -> None:
    tagged = {"cell_type": "code", "metadata": {"tags": ["nbtools-skip"]}, "source": "print(x)"}
    plain = {"cell_type": "code", "metadata": {}, "source": "print(y)"}

    outcome = run({"cells": [tagged, plain], "nbformat": 4})
    assert [each.finding.symbol for each in outcome.found] == ["y"]


def test_the_metadata_of_the_notebook_ignores_rules() -> None:
    assert codes(check("print(x)", nbtools={"ignore": ["undefined-name"]})) == []
    assert codes(check("print(x)", nbtools={"ignore": "NB1"})) == []
    assert codes(check("x = 1", nbtools={"ignore": ["NB1000"]})) == ["NB902"]
    assert codes(check("x", nbtools=3, settings=Settings(select=("NB101",)))) == ["NB101"]


def test_a_cell_that_is_not_python_may_have_comments() -> None:
    source = "print(a  # noqa: NB002\nb = )  # nbtools: ignore[NB101]\n'''  # noqa: E1, NB101"
    program = read_program(Notebook((Cell(0, "code", source),)))

    assert [d.span.line for d in find_directives(program)][:2] == [1, 2]


@pytest.mark.parametrize("source", ["%%bash\necho # noqa: NB101", "%%html # noqa: NB101\n<p>"])
def test_foreign_cells_are_looked_at_on_their_first_line(source: str) -> None:
    program = read_program(Notebook((Cell(0, "code", source),)))

    assert len(find_directives(program)) == source.count("html")


REPORTED = [
    pytest.param(rule, example, id=f"{rule.code}-{number}")
    for rule in all_rules().values()
    for number, example in enumerate(rule.invalid)
    if not rule.runs_last and not example.document
]


@pytest.mark.parametrize(("rule", "example"), REPORTED)
def test_every_finding_can_be_hidden_in_its_cell(
    rule: Rule, example: Example, tmp_path: Path
) -> None:
    program = program_of(example, tmp_path)
    found = run_rules(program, [rule])
    hidden = {cell.index for cell in program.cells if cell.refusal or cell.cell.source[:2] == "%%"}
    cells = {finding.span.cell for finding in found} - hidden
    sources = tuple(
        f"{source}\n# nbtools: ignore-cell[{rule.name}]" if index in cells else source
        for index, source in enumerate(example.cells)
    )
    left = check_program(program_of(replace(example, cells=sources), tmp_path), [rule])

    assert [each.span.cell for each in left] == [
        f.span.cell for f in found if f.span.cell in hidden
    ]
