from __future__ import annotations

import json
from pathlib import Path

import pytest
from lint_outcomes import make_finding, make_reported
from msgspec.structs import replace

from nbtools.errors import NbtoolsError
from nbtools.lint.baseline import compare, read_baseline, write_baseline
from nbtools.lint.outcome import Outcome
from nbtools.rules.finding import Span


def outcome(folder: Path, *symbols: str, name: str = "a.ipynb") -> Outcome:
    (folder / name).touch()
    found = tuple(make_reported(make_finding(symbol=symbol)) for symbol in symbols)
    return Outcome(str(folder / name), "checked", found)


def symbols(outcome: Outcome) -> list[str]:
    return [reported.finding.symbol for reported in outcome.found]


def test_what_was_known_is_hidden_and_what_is_new_is_not(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    assert write_baseline(file, [outcome(tmp_path, "x", "y", "y")]) == 3
    compared = compare(read_baseline(file), [outcome(tmp_path, "y", "y", "y", "z")])
    assert symbols(compared.outcomes[0]) == ["y", "z"]
    assert (compared.hidden, compared.gone) == (2, 1)


def test_it_outlives_a_move_of_the_cell_and_of_the_folder(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "nb").mkdir(parents=True)
    write_baseline(before / "known.json", [outcome(before, "x", name="nb/a.ipynb")])
    before.rename(after)
    moved = replace(make_reported(make_finding(symbol="x", span=Span(9, 5, 1, 5, 2))))
    now = Outcome(str(after / "nb/a.ipynb"), "checked", (moved,))
    assert compare(read_baseline(after / "known.json"), [now]).hidden == 1


def test_files_that_were_not_checked_are_not_gone(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    write_baseline(file, [outcome(tmp_path, "x"), outcome(tmp_path, "x", name="b.ipynb")])
    known = read_baseline(file)
    assert compare(known, [outcome(tmp_path, "x")]).gone == 0
    (tmp_path / "b.ipynb").unlink()
    assert compare(known, [outcome(tmp_path, "x")]).gone == 1


def test_the_file_is_sorted_and_says_what_it_counts(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    outcomes = [outcome(tmp_path, "z", "a", "z", name="b.ipynb"), outcome(tmp_path, "m")]
    write_baseline(file, outcomes)
    entry = {"code": "NB101", "cell": "5ca1ab1e"}
    assert json.loads(file.read_text()) == {
        "version": 1,
        "findings": [
            {"path": "a.ipynb", **entry, "symbol": "m", "count": 1},
            {"path": "b.ipynb", **entry, "symbol": "a", "count": 1},
            {"path": "b.ipynb", **entry, "symbol": "z", "count": 2},
        ],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a baseline"),
        ("[]", "expected a baseline"),
        ('{"version": 1}', "expected a baseline"),
        ('{"version": 1, "findings": [{"path": "a"}]}', "expected a baseline"),
        ('{"version": 9, "findings": []}', "another version"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NbtoolsError, match=message):
        read_baseline(file)
