"""Hand-made notebooks: each does the same after its conversion, and what else its text promises."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast, get_args

import pytest
from behaviour import FOLDER, Case, decode_characters, parse_theme, read_cases, to_ipynb
from dataflow import indent_cell
from executor import Rename, Trace, find_differences, run_linear, run_reactive
from worker import Job, Worker

from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion, EditKind, Options, Order
from nbtools.errors import NbtoolsError

CASES = read_cases()
IN_A_PROCESS = re.compile(
    r"^\s*[%!?]|\?\s*$|= *[%!]|get_ipython|display|open\(|\bos\b|sys\.|IPython",
    re.MULTILINE,
)


class Bench:
    """Converts and runs cases; a case is converted once and run as Jupyter does once."""

    def __init__(self) -> None:
        self._worker = Worker()
        self._conversions: dict[str, Conversion] = {}
        self._before: dict[str, Trace] = {}

    def convert(self, case: Case, folder: Path) -> Conversion:
        name = name_case(case)
        if name not in self._conversions:
            self._conversions[name] = convert(case, folder)
        return self._conversions[name]

    def run_before(self, case: Case, tmp_path: Path) -> Trace:
        name = name_case(case)
        if name not in self._before:
            self._before[name] = run_before(case, self._worker, tmp_path)
        return self._before[name]

    def run_after(self, case: Case, text: str, tmp_path: Path) -> Trace:
        return run_after(text, case, self._worker, tmp_path)

    def close(self) -> None:
        self._worker.close()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def name_case(case: Case) -> str:
    return f"{case.theme}: {case.title}"


def prepare(case: Case, folder: Path, *needs: str) -> None:
    """Make the folder of the notebook; skip the test where a package is missing."""
    for module in (*case.expected("needs"), *needs):
        pytest.importorskip(module)
    for version in case.expected("python"):
        if sys.version_info < tuple(map(int, version.split("."))):
            pytest.skip(f"Jupyter does this from Python {version} on")
    for name, text in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def convert(case: Case, folder: Path) -> Conversion:
    order = case.first("order", "auto")
    assert order in get_args(Order)
    options = Options(
        order=cast("Order", order), script_metadata=bool(case.expected("script-metadata"))
    )
    name = case.first("name", "notebook.ipynb")
    return convert_source(to_ipynb(case), options, name=name, folder=folder)


def needs_process(case: Case) -> bool:
    told = case.files or case.expected("ipython") or case.expected("needs")
    return bool(told or IN_A_PROCESS.search("\n".join(case.sources)))


def run_before(case: Case, worker: Worker, tmp_path: Path) -> Trace:
    """Run the notebook as Jupyter does."""
    meant = list(range(len(case.code)))
    if case.first("runs") == "by counts":
        meant.sort(key=lambda position: int(case.code[position].flags["count"]))
    cells, tags = [case.sources[i] for i in meant], [case.tags[i] for i in meant]
    if not needs_process(case):
        return run_linear(cells, tags, allow_errors=True)
    folder = make_folder(case, tmp_path / "before")
    return worker.run(Job("ipython", tuple(cells), str(folder), tuple(tags), allow_errors=True))


def run_after(text: str, case: Case, worker: Worker, tmp_path: Path) -> Trace:
    """Run the converted text as marimo does."""
    if not needs_process(case):
        return run_reactive(text)
    folder = make_folder(case, tmp_path / "after")
    name = Path(case.first("name", "notebook.ipynb")).stem + ".py"
    return worker.run(Job("reactive", (text,), str(folder), name=name))


def make_folder(case: Case, folder: Path) -> Path:
    folder.mkdir()
    prepare(case, folder)
    return folder


def find_renames(case: Case, conversion: Conversion) -> list[Rename]:
    """The renames, their cells counted as the linear run counts them: code cells only."""
    places = [number for number, cell in enumerate(case.cells) if cell.kind == "python"]
    return [
        Rename(places.index(each.cell), each.name, each.new_name)
        for each in conversion.edits
        if each.name and each.new_name and each.cell in places
    ]


# ---------------------------------------------------------------- what a case may promise


def check_contains(value: str, conversion: Conversion) -> bool:
    return decode_characters(value) in conversion.text


def check_lacks(value: str, conversion: Conversion) -> bool:
    return value not in conversion.text


def check_matches(value: str, conversion: Conversion) -> bool:
    return bool(re.search(value, conversion.text, re.MULTILINE))


def check_warns(value: str, conversion: Conversion) -> bool:
    """`3: word` is a warning on cell 3 (1-based) with that word in it."""
    cell, _, word = value.partition(":")
    return any(
        str(each.cell + 1) == cell.strip() and word.strip() in each.message
        for each in conversion.warnings
    )


def check_edit(value: str, conversion: Conversion) -> bool:
    """`rename x x_1`, only a kind, or `none` for a conversion without any edit."""
    if value == "none":
        return not conversion.edits
    kind, *names = value.split()
    found = [
        [each.name, each.new_name][: len(names)] for each in conversion.edits if each.kind == kind
    ]
    return names in found


def count_kind(kind: EditKind) -> Callable[[str, Conversion], bool]:
    def check(value: str, conversion: Conversion) -> bool:
        found = [each for each in conversion.edits if each.kind == kind]
        pairs = {(each.name, each.new_name) for each in found}
        return int(value) == (len(pairs) if kind == "rename" else len(found))

    return check


def check_warnings(value: str, conversion: Conversion) -> bool:
    return len(conversion.warnings) == int(value)


def check_replaced(value: str, conversion: Conversion) -> bool:
    return sum(each.lines for each in conversion.edits) == int(value)


CHECKS: dict[str, Callable[[str, Conversion], bool]] = {
    "contains": check_contains,
    "lacks": check_lacks,
    "matches": check_matches,
    "warns": check_warns,
    "warnings": check_warnings,
    "edit": check_edit,
    "merged": count_kind("merge"),
    "split": count_kind("split"),
    "moved": count_kind("move"),
    "dropped": count_kind("drop"),
    "renamed": count_kind("rename"),
    "replaced": check_replaced,
}


def find_broken_promises(case: Case, conversion: Conversion) -> list[str]:
    """The lines of `expect` about the text and the edits that do not hold."""
    broken = [
        f"{key}: {value}"
        for key, value in case.expect
        if key in CHECKS and not CHECKS[key](value, conversion)
    ]
    if broken and any(line.startswith("warn") for line in broken):
        broken += [f"the warning is: {each}" for each in conversion.warnings]
    return broken


def find_touched_cells(case: Case, conversion: Conversion) -> list[str]:
    """The code cells that no edit names but that are not in the text as they were."""
    edited = {each.cell for each in conversion.edits}
    return [
        cell.text
        for number, cell in enumerate(case.cells)
        if cell.kind == "python"
        and number not in edited
        and not is_kept(cell.text, conversion.text)
    ]


def is_kept(source: str, text: str) -> bool:
    """Tell whether a cell stands in the text byte for byte, in `def _():` or at the top level."""
    source = source.replace("\r\n", "\n").removesuffix("\r").strip("\n")
    blank = not source.strip()
    return blank or any(f"\n{each}\n" in text for each in (source, indent_cell(source)))


# ---------------------------------------------------------------- the tests

RUNNING = [case for case in CASES if not case.expected("refused")]
ASPECTS = frozenset({"stdout", "shown", "figures", "errors", "values", "files"})


def read_aspects(case: Case) -> frozenset[str]:
    """What of the two runs is compared: `not a, b`, `a, b only`, `nothing` or `all`."""
    text = case.first("compare", "all")
    words = frozenset(text.replace(",", " ").split())
    named = words - {"not", "only", "nothing", "all"}
    assert named <= ASPECTS, text
    if "nothing" in words:
        return frozenset()
    return named if "only" in words else ASPECTS - named


@pytest.mark.parametrize("case", RUNNING, ids=name_case)
def test_the_notebook_does_what_its_case_says(case: Case, bench: Bench, tmp_path: Path) -> None:
    if read_aspects(case):
        prepare(case, tmp_path)
        assert find_unmet_outcomes(case, bench.run_before(case, tmp_path)) == []


@pytest.mark.parametrize("case", RUNNING, ids=name_case)
def test_the_converted_notebook_does_the_same(case: Case, bench: Bench, tmp_path: Path) -> None:
    aspects = read_aspects(case)
    prepare(case, tmp_path)
    conversion = bench.convert(case, tmp_path)
    text = conversion.text
    compile(text, "converted.py", "exec", dont_inherit=True)
    if aspects:
        before, after = bench.run_before(case, tmp_path), bench.run_after(case, text, tmp_path)
        renames = find_renames(case, conversion)
        assert find_differences(before, after, renames, aspects) == [], text


@pytest.mark.parametrize("case", RUNNING, ids=name_case)
def test_the_text_keeps_its_promises(case: Case, bench: Bench, tmp_path: Path) -> None:
    prepare(case, tmp_path)
    conversion = bench.convert(case, tmp_path)
    assert find_broken_promises(case, conversion) == [], conversion.text
    assert find_touched_cells(case, conversion) == [], conversion.text
    assert convert(case, tmp_path).text == conversion.text


def find_unmet_outcomes(case: Case, linear: Trace) -> list[str]:
    """Where the notebook itself does not do what its case says that Jupyter does."""
    outcomes = {
        "shows": list(linear.shown),
        "prints": linear.stdout.replace("\r\n", "\n").splitlines(),
        "errors": list(linear.errors),
    }
    unmet = [
        f"{key}: {value} not in {outcomes[key]}"
        for key, value in case.expect
        if key in outcomes and value not in outcomes[key]
    ]
    return unmet if case.expected("errors") else unmet + list(linear.errors)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.expected("refused")], ids=name_case
)
def test_the_notebook_is_refused_with_one_line(case: Case, tmp_path: Path) -> None:
    with pytest.raises(NbtoolsError) as caught:
        convert(case, tmp_path)
    assert case.first("refused") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("case", RUNNING, ids=name_case)
def test_marimo_reads_the_text_and_writes_it_back(case: Case, tmp_path: Path) -> None:
    pytest.importorskip("marimo")
    from marimo._convert.converters import MarimoConvert

    # What a query reads and binds, marimo tells only where it can parse SQL.
    prepare(case, tmp_path, *(["duckdb", "sqlglot"] if "sql" in case.title else []))
    text = convert(case, tmp_path).text
    again = MarimoConvert.from_py(text).to_py()
    assert drop_version(text) == drop_version(again)


def drop_version(text: str) -> str:
    return re.sub(r'(?m)^__generated_with = ".*"$', "", text)


def test_the_bench_covers_every_theme_of_the_issue() -> None:
    themes = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert {case.theme for case in CASES} == themes
    assert len(CASES) >= 170


@pytest.mark.parametrize(
    "text",
    ["## a\n```expect\nlacks: x\n```", "## a\n```python\n1\n```\n```expect\ntypo: 1\n```"],
    ids=["no cells", "unknown key"],
)
def test_a_wrong_fixture_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no cells, or unknown"):
        parse_theme("theme", text)


def test_code_that_should_be_python_is(tmp_path: Path) -> None:
    plain = [case for case in CASES if not needs_process(case) and not case.expected("errors")]
    for case in plain:
        for source in case.sources:
            compile(source, name_case(case), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
