from __future__ import annotations

import io
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import nbtools
from nbtools.cli import main
from nbtools.convert.api import (
    NEEDED_BY_MARIMO,
    Job,
    convert_file,
    convert_jobs,
    convert_paths,
    imported_modules,
    same_notebook,
)
from nbtools.convert.edits import Conversion, Edit, Options, Warning  # noqa: A004
from nbtools.errors import InvalidNotebookError, NbtoolsError
from nbtools.report.printable import printable


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]

EDITS = (
    Edit("rename", cell=1, line=2, name="df", new_name="df_1", reason="cell 1 defines `df` too"),
    Edit("rename", cell=4, line=1, name="df", new_name="df_1", reason="cell 1 defines `df` too"),
    Edit("replace", cell=0, line=1, lines=2, reason="marimo shows figures by itself"),
    Edit("split", cell=3, reason="cells 4 and 5 need each other"),
)


def fake_convert(
    data: bytes,
    options: Options | None = None,
    *,
    name: str = "notebook.ipynb",
    folder: Path | None = None,
) -> Conversion:
    """Stand in for the conversion: these tests are about what stands around it."""
    text = data.decode()
    if "not a notebook" in text:
        raise InvalidNotebookError("expected JSON, found 'not a'")
    if "a bug" in text:
        raise ZeroDivisionError("of nbtools")
    if "interrupt" in text:
        raise KeyboardInterrupt
    if "kill" in text:
        os._exit(9)
    edits = EDITS if "edits" in text else ()
    warnings = (Warning(2, "`%foo` has no reactive form", 2),) if "warns" in text else ()
    return Conversion(f'import marimo\n\n__generated_with = "1"\n{text}\n', 5, edits, warnings)


@pytest.fixture(autouse=True)
def _conversion_is_faked(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("nbtools.convert.conversion")
    module.convert_source = fake_convert  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Result(caught.value.code, captured.out, captured.err)

    return run


def converted(text: str) -> str:
    return fake_convert(text.encode()).text


def tree(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


class TestWhereTheOutputGoes:
    def test_beside_the_notebook_by_default(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        assert run("convert", "x.ipynb") == Result(0, "x.ipynb -> x.py: 5 cells\n", "")
        assert (folder / "x.py").read_text() == converted("x")

    def test_to_a_named_file(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        assert run("convert", "x.ipynb", "-o", "new/y.py").out == "x.ipynb -> new/y.py: 5 cells\n"
        assert tree(folder) == ["new/y.py", "x.ipynb"]

    def test_below_a_folder_keeping_the_tree(self, run: Run, folder: Path) -> None:
        for name in ("nb/a.ipynb", "nb/deep/b.ipynb", "c.ipynb"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        assert run("convert", "nb", "c.ipynb", "--output-dir", "out").code == 0
        assert tree(folder / "out") == ["a.py", "c.py", "deep/b.py"]

    @pytest.mark.parametrize("arguments", [["--stdout"], ["-o", "-"]])
    def test_to_standard_output_with_the_report_on_stderr(
        self, run: Run, folder: Path, arguments: list[str]
    ) -> None:
        (folder / "x.ipynb").write_text("é warns")
        assert run("convert", "x.ipynb", *arguments) == Result(
            0,
            converted("é warns"),
            "x.ipynb: 5 cells, 1 warning\nx.ipynb:cell 3:2: `%foo` has no reactive form\n",
        )
        assert tree(folder) == ["x.ipynb"]

    def test_from_standard_input_to_standard_output(self, run: Run, folder: Path) -> None:
        assert run("convert", "-", "-q", stdin="é") == Result(0, converted("é"), "")

    def test_from_standard_input_to_a_file(self, run: Run, folder: Path) -> None:
        assert run("convert", "-", "-o", "x.py", stdin="x").out == "- -> x.py: 5 cells\n"
        assert (folder / "x.py").read_text() == converted("x")

    def test_two_notebooks_for_one_file_are_refused_before_anything_is_written(
        self, run: Run, folder: Path
    ) -> None:
        for name in ("a/x.ipynb", "b/x.ipynb"):
            (folder / name).parent.mkdir()
            (folder / name).write_text("x")
        result = run("convert", "a", "b", "--output-dir", "out")
        assert result.code == 2
        assert result.err.startswith("a/x.ipynb and b/x.ipynb would both be written to out/x.py: ")
        assert result.err.count("\n") == 1
        assert tree(folder) == ["a/x.ipynb", "b/x.ipynb"]

    @pytest.mark.parametrize("name", ["x.ipynb", "sub/../x.ipynb"])
    def test_a_notebook_is_never_overwritten(self, run: Run, folder: Path, name: str) -> None:
        (folder / "sub").mkdir()
        (folder / "x.ipynb").write_text("x")
        (folder / "y.ipynb").write_text("y")
        result = run("convert", "y.ipynb", "-o", name, "--force")
        assert (result.code, result.err) == (
            2,
            f"y.ipynb: {Path(name)} is the name of a Jupyter notebook: expected a .py file\n",
        )
        assert (folder / "x.ipynb").read_text() == "x"

    def test_a_python_file_is_not_taken_for_its_own_source(self, run: Run, folder: Path) -> None:
        (folder / "x.py").write_text("x")
        result = run("convert", "x.py", "--force")
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            "x.py: the output would replace the input: expected an .ipynb file, found x.py\n"
        )
        assert (folder / "x.py").read_text() == "x"


class TestExistingOutput:
    def test_the_same_is_unchanged_and_not_written(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "x.py").write_text(converted("x"))
        before = (folder / "x.py").stat()
        assert run("convert", "x.ipynb") == Result(0, "x.ipynb -> x.py: unchanged\n", "")
        assert (folder / "x.py").stat() == before

    @pytest.mark.parametrize(
        "existing",
        [
            converted("x").replace('__generated_with = "1"', '__generated_with = "2"'),
            converted("x").replace("\n", "\r\n"),
        ],
        ids=["marimo's version", "newlines of Windows"],
    )
    def test_what_no_reader_sees_is_no_difference(
        self, run: Run, folder: Path, existing: str
    ) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "x.py").write_bytes(existing.encode())
        assert run("convert", "--check", "x.ipynb").code == 0

    def test_another_is_refused_without_force(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "x.py").write_text("mine")
        assert run("convert", "x.ipynb") == Result(
            2,
            "",
            "x.ipynb: x.py exists and differs: --force overwrites it, "
            "--diff shows the difference\n",
        )
        assert (folder / "x.py").read_text() == "mine"
        assert run("convert", "--force", "x.ipynb").code == 0
        assert (folder / "x.py").read_text() == converted("x")

    def test_a_folder_of_that_name_is_one_line(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "out").mkdir()
        assert run("convert", "x.ipynb", "-o", "out") == Result(
            2, "", "x.ipynb: out is a folder: use --output-dir to write into it\n"
        )

    def test_a_file_where_a_folder_should_be_is_one_line(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "out").write_text("")
        result = run("convert", "x.ipynb", "--output-dir", "out")
        assert (result.code, result.err) == (
            2,
            "x.ipynb: out is a file: a folder is needed there\n",
        )


class TestCheckAndDiff:
    def test_check_tells_missing_from_outdated_and_writes_nothing(
        self, run: Run, folder: Path
    ) -> None:
        for name in "abc":
            (folder / f"{name}.ipynb").write_text(name)
        (folder / "b.py").write_text("old")
        (folder / "c.py").write_text(converted("c"))
        assert run("convert", "--check", ".") == Result(
            1,
            "a.ipynb -> a.py: missing (5 cells)\n"
            "b.ipynb -> b.py: not what the notebook gives now (5 cells)\n"
            "c.ipynb -> c.py: unchanged\n"
            "3 notebooks: 1 unchanged, 2 would change\n",
            "",
        )
        assert tree(folder) == ["a.ipynb", "b.ipynb", "b.py", "c.ipynb", "c.py"]

    def test_check_is_silent_when_quiet(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        assert run("convert", "--check", "-q", "x.ipynb") == Result(1, "", "")

    def test_an_error_outweighs_a_difference(self, run: Run, folder: Path) -> None:
        (folder / "a.ipynb").write_text("a")
        (folder / "b.ipynb").write_text("not a notebook")
        assert run("convert", "--check", ".").code == 2

    def test_diff_prints_a_patch_and_reports_on_stderr(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "x.py").write_text("old")
        assert run("convert", "--diff", "x.ipynb") == Result(
            1,
            "--- x.py\n+++ x.py\n@@ -1 +1,4 @@\n"
            "-old\n\\ No newline at end of file\n"
            '+import marimo\n+\n+__generated_with = "1"\n+x\n',
            "x.ipynb -> x.py: not what the notebook gives now (5 cells)\n",
        )
        assert (folder / "x.py").read_text() == "old"

    def test_diff_of_a_missing_file_is_all_of_it(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        result = run("convert", "--diff", "x.ipynb")
        assert result.out.startswith("--- /dev/null\n+++ x.py\n@@ -0,0 +1,4 @@\n+import marimo\n")
        assert tree(folder) == ["x.ipynb"]

    def test_diff_of_the_same_is_nothing(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        (folder / "x.py").write_text(converted("x"))
        assert run("convert", "--diff", "-q", "x.ipynb") == Result(0, "", "")

    def test_input_of_a_pipe_is_compared_with_the_named_file(self, run: Run, folder: Path) -> None:
        (folder / "x.py").write_text(converted("x"))
        assert run("convert", "-", "--check", "-o", "x.py", stdin="x").code == 0
        assert run("convert", "-", "--check", "-o", "x.py", stdin="y").code == 1


class TestNamesThatHideModules:
    @pytest.mark.parametrize(
        ("name", "source", "target"),
        [
            ("pandas", "import pandas as pd", "pandas_notebook.py"),
            ("pandas", "from pandas.api import types", "pandas_notebook.py"),
            ("pandas", "print('import pandas')", "pandas.py"),
            ("sklearn", "from . import sklearn", "sklearn.py"),
            ("glob", "x = 1", "glob_notebook.py"),
            ("marimo", "x = 1", "marimo_notebook.py"),
            ("markdown", "x = 1", "markdown_notebook.py"),
        ],
    )
    def test_another_name_is_chosen_and_told(
        self, run: Run, folder: Path, name: str, source: str, target: str
    ) -> None:
        (folder / f"{name}.ipynb").write_text(source)
        out = run("convert", f"{name}.ipynb").out
        assert tree(folder) == sorted([f"{name}.ipynb", target])
        note = f"named {target}, because {name}.py would hide the module {name}"
        assert (note in out) == (target != f"{name}.py")
        assert run("convert", "--check", f"{name}.ipynb").code == 0

    def test_all_that_marimo_requires_is_known(self) -> None:
        required: set[str] = set()
        todo = ["marimo"]
        while todo:
            needs = map(Requirement, requires(todo.pop()) or ())
            names = {
                canonicalize_name(n.name) for n in needs if not n.marker or n.marker.evaluate()
            }
            todo += names - required
            required |= names
        for module, owners in packages_distributions().items():
            if required.intersection(map(canonicalize_name, owners)):
                assert module in NEEDED_BY_MARIMO or module.startswith("_")

    def test_it_does_not_meet_the_output_of_a_neighbour(self, run: Run, folder: Path) -> None:
        (folder / "glob.ipynb").write_text("1")
        (folder / "glob_notebook.ipynb").write_text("2")
        assert run("convert", ".").code == 0
        assert (folder / "glob_notebook.py").read_text() == converted("2")
        assert (folder / "glob_notebook_2.py").read_text() == converted("1")

    def test_a_name_the_user_chose_is_kept_with_a_note(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        out = run("convert", "x.ipynb", "-o", "glob.py").out
        assert "x.ipynb: glob.py hides the module glob from notebooks in this folder\n" in out
        assert tree(folder) == ["glob.py", "x.ipynb"]


class TestReport:
    def test_explain_lists_every_edit_by_cell(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("edits warns")
        assert run("convert", "--explain", "x.ipynb").out.splitlines() == [
            "x.ipynb -> x.py: 5 cells, 1 name renamed, 1 cell split, 2 lines replaced, 1 warning",
            "x.ipynb:cell 3:2: `%foo` has no reactive form",
            "  cell 1:1: replace: marimo shows figures by itself",
            "  cell 2:2: df -> df_1: cell 1 defines `df` too",
            "  cell 4: split: cells 4 and 5 need each other",
            "  cell 5:1: df -> df_1: cell 1 defines `df` too",
        ]

    def test_explain_says_so_when_nothing_was_changed(self, run: Run, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        assert run("convert", "--explain", "x.ipynb").out.endswith("  nothing had to be changed\n")

    def test_quiet_leaves_errors(self, run: Run, folder: Path) -> None:
        (folder / "a.ipynb").write_text("warns")
        (folder / "b.ipynb").write_text("not a notebook")
        assert run("convert", "-q", ".") == Result(2, "", "b.ipynb: expected JSON, found 'not a'\n")

    def test_json_is_one_document_with_positions_from_1(self, run: Run, folder: Path) -> None:
        (folder / "a.ipynb").write_text("edits warns")
        (folder / "b.ipynb").write_text("not a notebook")
        result = run("convert", "--output-format", "json", ".")
        assert (result.code, result.err) == (2, "")
        document = json.loads(result.out)
        assert document["version"] == 1
        assert document["nbtools"] == nbtools.__version__
        good, bad = document["files"]
        assert good["edits"][0] == {
            "kind": "rename",
            "cell": 2,
            "line": 2,
            "name": "df",
            "new_name": "df_1",
            "reason": "cell 1 defines `df` too",
            "lines": 0,
        }
        assert {key: value for key, value in good.items() if key != "edits"} == {
            "source": "a.ipynb",
            "target": "a.py",
            "status": "written",
            "error": None,
            "note": None,
            "counts": {
                "cells": 5,
                "renamed": 1,
                "merged": 0,
                "split": 1,
                "moved": 0,
                "reordered": 0,
                "dropped": 0,
                "replaced_lines": 2,
                "warnings": 1,
            },
            "warnings": [{"cell": 3, "line": 2, "message": "`%foo` has no reactive form"}],
            "text": None,
        }
        assert bad == {
            "source": "b.ipynb",
            "target": "b.py",
            "status": "error",
            "error": "expected JSON, found 'not a'",
            "note": None,
            "counts": None,
            "edits": [],
            "warnings": [],
            "text": None,
        }

    def test_json_carries_the_notebook_where_there_is_no_file(self, run: Run, folder: Path) -> None:
        result = run("convert", "-", "--output-format", "json", stdin="é")
        (file,) = json.loads(result.out)["files"]
        assert (file["source"], file["target"], file["text"]) == ("-", None, converted("é"))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain ünïcode 中 🙂", "plain ünïcode 中 🙂"),
            ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\u202egnp.exe", r"\u202egnp.exe"),
            ("\u2066x\u2069", r"\u2066x\u2069"),
            ("\u2028\x85\x00", r"\u2028\x85\x00"),
            ("undecodable \udcff", r"undecodable \udcff"),
        ],
    )
    def test_what_a_terminal_would_obey_is_escaped(self, text: str, expected: str) -> None:
        assert printable(text) == expected

    def test_file_names_cannot_drive_the_terminal(self, run: Run, folder: Path) -> None:
        (folder / "a\x1b[2J.ipynb").write_text("x")
        assert run("convert", ".").out == "a\\x1b[2J.ipynb -> a\\x1b[2J.py: 5 cells\n"

    def test_file_names_that_are_not_unicode_are_handled(self, run: Run, folder: Path) -> None:
        name = os.fsencode(folder) + b"/\xff.ipynb"
        try:
            Path(os.fsdecode(name)).write_text("x")
        except (OSError, UnicodeError):
            pytest.skip("the file system wants Unicode")
        assert run("convert", ".").out == "\\udcff.ipynb -> \\udcff.py: 5 cells\n"
        assert json.loads(run("convert", ".", "--output-format", "json").out)["files"]

    @pytest.mark.parametrize(
        ("encoding", "shown"),
        [
            ("latin-1", b"\\u4e2d.ipynb"),
            ("cp1252", b"\\u4e2d.ipynb"),
            ("ascii", "中.ipynb".encode()),  # click takes that for a UTF-8 terminal set up badly
        ],
    )
    def test_a_terminal_without_unicode_is_no_obstacle(
        self, encoding: str, shown: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "中.ipynb").write_text("x")
        buffer = io.BytesIO()
        terminal = io.TextIOWrapper(buffer, encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", terminal)
        with pytest.raises(SystemExit) as caught:
            main(["convert", "中.ipynb"])
        assert caught.value.code == 0
        assert buffer.getvalue().startswith(shown)


class TestWhenThingsGoWrong:
    def test_a_bad_file_is_one_line_and_the_others_go_on(self, run: Run, folder: Path) -> None:
        (folder / "a.ipynb").write_text("not a notebook")
        (folder / "c.ipynb").write_text("c")
        assert run("convert", "a.ipynb", "missing.ipynb", "c.ipynb") == Result(
            2,
            "c.ipynb -> c.py: 5 cells\n3 notebooks: 1 converted, 2 failed\n",
            "a.ipynb: expected JSON, found 'not a'\nmissing.ipynb: No such file or directory\n",
        )
        assert not (folder / "a.py").exists()

    def test_a_bug_shows_its_traceback_and_the_file_and_the_others_go_on(
        self, run: Run, folder: Path
    ) -> None:
        (folder / "a.ipynb").write_text("a bug")
        (folder / "b.ipynb").write_text("b")
        result = run("convert", ".")
        assert result.code == 2
        assert result.err.startswith("Traceback (most recent call last):\n")
        assert "ZeroDivisionError: of nbtools\n" in result.err
        assert result.err.endswith("a.ipynb: nbtools failed on this notebook, please report it\n")
        assert (folder / "b.py").exists()

    def test_a_bug_of_the_command_itself_is_no_difference(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("of the command")

        monkeypatch.setattr("nbtools.commands.convert.plan_jobs", fail)
        result = run("convert", ".")
        assert result.code == 2
        assert result.err.endswith("RuntimeError: of the command\n")

    def test_an_interrupt_is_one_line(self, run: Run, folder: Path) -> None:
        (folder / "a.ipynb").write_text("interrupt")
        (folder / "b.ipynb").write_text("b")
        result = run("convert", ".")
        assert (result.code, result.out, result.err.strip()) == (130, "", "interrupted")
        assert tree(folder) == ["a.ipynb", "b.ipynb"]

    def test_a_folder_without_notebooks_is_told(self, run: Run, folder: Path) -> None:
        assert run("convert", ".") == Result(0, "", "no notebooks found in .\n")

    def test_a_reader_that_leaves_is_no_traceback(self, folder: Path) -> None:
        """As `nbtools ... | head` does."""
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "nbtools", "--version"],
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=Path(nbtools.__file__).parents[1],
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (2, b"")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "Missing argument 'PATH...'"),
            (["-", "x.ipynb"], "- stands alone"),
            (["-", "--output-dir", "out"], "standard input has no name"),
            (["-", "--check"], "need a file to compare with"),
            (["--stdout", "--diff", "x.ipynb"], "need a file to compare with"),
            (["--stdout", "-o", "y.py", "x.ipynb"], "exclude each other"),
            (["--output-dir", "out", "-o", "y.py", "x.ipynb"], "exclude each other"),
            (["--diff", "--output-format", "json", "x.ipynb"], "--diff prints text"),
            (["-o", "z.py", "x.ipynb", "y.ipynb"], "-o takes one notebook, found 2"),
            (["--stdout", "x.ipynb", "y.ipynb"], "--stdout takes one notebook, found 2"),
            (["--order", "random", "x.ipynb"], "Invalid value for '--order'"),
            (["--no-such-option", "x.ipynb"], "No such option"),
        ],
    )
    def test_a_wrong_command_line_says_what_is_wrong(
        self, run: Run, folder: Path, arguments: list[str], message: str
    ) -> None:
        for name in "xy":
            (folder / f"{name}.ipynb").write_text(name)
        result = run("convert", *arguments)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
        assert tree(folder) == ["x.ipynb", "y.ipynb"]


class TestPythonInterface:
    def test_files(self, folder: Path) -> None:
        (folder / "x.ipynb").write_text("x")
        outcome = convert_file("x.ipynb")
        assert (outcome.status, outcome.target) == ("written", Path("x.py"))
        assert convert_file("x.ipynb").status == "unchanged"
        assert convert_file("x.ipynb", "y.py", action="compare").status == "would-change"
        returned = convert_file("x.ipynb", action="return")
        assert returned.conversion
        assert (returned.target, returned.conversion.text) == (None, converted("x"))
        assert convert_file("missing.ipynb").error == "No such file or directory"

    def test_a_bug_is_raised_with_the_name_of_the_file(self, folder: Path) -> None:
        (folder / "x.ipynb").write_text("a bug")
        with pytest.raises(ZeroDivisionError) as caught:
            convert_file("x.ipynb")
        if sys.version_info >= (3, 11):
            assert caught.value.__notes__ == ["while converting x.ipynb"]

    def test_paths(self, folder: Path) -> None:
        for name in "ab":
            (folder / f"{name}.ipynb").write_text(name)
        outcomes = list(convert_paths(["."], "out", Options(order="document")))
        assert [outcome.target for outcome in outcomes] == [Path("out/a.py"), Path("out/b.py")]
        with pytest.raises(NbtoolsError, match="would both be written"):
            convert_paths(["a.ipynb", folder / "out" / ".." / "b.ipynb", "x/a.ipynb"], "out")

    def test_every_public_name_is_there(self) -> None:
        assert dir(nbtools) == sorted(nbtools.__all__)
        assert all(hasattr(nbtools, name) for name in nbtools.__all__)
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = nbtools.nothing

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("import a.b, c as d\nfrom e.f import g\nfrom .h import i", {"a", "c", "e"}),
            ("def f():\n    try:\n        import x\n    except ImportError: pass", {"x"}),
            ("'import a'  # import b", set()),
            ("'\\d'; import a", {"a"}),
            ("import a\nnot python 3", set()),
            ("import a\n" + "(" * 5000, set()),
            ("\0", set()),
        ],
    )
    def test_imported_modules(self, source: str, expected: set[str]) -> None:
        assert imported_modules(source) == expected

    @pytest.mark.parametrize(
        ("old", "new", "same"),
        [
            ('a\n__generated_with = "1"\nb', 'a\n__generated_with = "2"\nb', True),
            ('a\n__generated_with = "1"\nb', 'a\n__generated_with = "2"\nc', False),
            ('a\n__generated_with = "1"\nb', "a\nb", True),
            ("a\n", "a\n\n", False),
            ("a", "a", True),
        ],
    )
    def test_same_notebook(self, old: str, new: str, same: bool) -> None:
        assert same_notebook(old, new) is same


@pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork", reason="the fake conversion lives in this process"
)
class TestProcesses:
    def jobs(self, folder: Path, texts: list[str]) -> list[Job]:
        for number, text in enumerate(texts):
            (folder / f"{number}.ipynb").write_text(text)
        return [
            Job(folder / f"{number}.ipynb", folder / f"{number}.py") for number in range(len(texts))
        ]

    def test_they_give_what_one_process_gives_in_the_same_order(self, folder: Path) -> None:
        texts = ["x", "not a notebook", "warns", "a bug", "edits", *"abcdef"]
        jobs = self.jobs(folder, texts)
        alone = [(o.source, o.status, o.error) for o in convert_jobs(jobs, workers=1)]
        together = [(o.source, o.status, o.error) for o in convert_jobs(jobs, workers=2)]
        assert together == [(s, "unchanged" if t == "written" else t, e) for s, t, e in alone]

    @pytest.mark.parametrize(("files", "processes"), [(15, 0), (16, 2), (100, 2)])
    def test_they_are_used_where_they_pay(
        self, files: int, processes: int, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started: list[int] = []

        def start(
            function: object, jobs: Sequence[Job], workers: int, killed: object
        ) -> Iterator[Conversion]:
            started.append(workers)
            return (fake_convert(job.source.read_bytes()) for job in jobs)

        monkeypatch.setattr("nbtools.convert.api.map_in_processes", start)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4}, raising=False)
        outcomes = list(convert_jobs(self.jobs(folder, ["x"] * files)))
        assert [outcome.status for outcome in outcomes] == ["written"] * files
        assert sum(started) == processes

    def test_a_process_that_is_killed_costs_one_notebook(self, folder: Path) -> None:
        outcomes = list(convert_jobs(self.jobs(folder, ["a", "kill", "b", "c"]), workers=2))
        assert [outcome.status for outcome in outcomes] == [
            "written",
            "error",
            "written",
            "written",
        ]
        assert outcomes[1].error == "the process that converted it was killed (too little memory?)"


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has after running some code."""
    program = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(nbtools.__file__).parents[1],
    )
    return set(done.stdout.split())


def test_importing_the_package_costs_nothing() -> None:
    alone, ours = imported_by("import typing"), imported_by("import nbtools")
    assert ours - alone <= {"nbtools", "__future__"}


def test_the_command_starts_without_what_only_some_conversions_need() -> None:
    heavy = {"libcst", "nbformat", "ruff_api", "IPython", "pathspec", "concurrent.futures"}
    heavy |= {"multiprocessing", "json", "difflib", "importlib.metadata"}
    assert imported_by("import nbtools.commands.convert") & heavy == set()


def test_a_command_is_imported_when_it_is_called() -> None:
    assert {name for name in imported_by("import nbtools.cli") if "nbtools.commands." in name} == {
        "nbtools.commands.terminal"
    }
