from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lint_outcomes import MENDED, RISKY, make_finding, make_reported
from msgspec.structs import replace

import nbtools
from nbtools.cli import main
from nbtools.lint.outcome import Mend, Outcome
from nbtools.lint.run import FILES_PER_PROCESS, Job, check_jobs
from nbtools.lint.settings import Settings


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


UNCHECKED = {
    "broken": Outcome("", "failed", reason="expected JSON, found 'broken'"),
    "julia": Outcome("", "skipped", reason="Julia notebook"),
    "no notebook": Outcome("", "not-a-notebook", is_notebook=False),
}
FINDINGS = {
    "error": make_finding(),
    "warning": make_finding("a warning", code="NB201", severity="warning"),
    "info": make_finding("a hint", code="NB106", severity="info"),
    "risk": make_finding("can be mended perhaps", fix=RISKY),
}


def fake_check(
    data: bytes,
    *,
    path: str,
    folder: Path | None,
    settings: Settings,
    mend: Mend | None = None,
    physical: bool = True,
) -> Outcome:
    """Stand in for the rules: these tests are about what stands around them."""
    text, fix = data.decode(), mend == "fixes"
    if "raise a bug" in text:
        raise ZeroDivisionError("of nbtools")
    if "kill" in text:
        os._exit(9)
    for word, outcome in UNCHECKED.items():
        if word in text:
            return replace(outcome, path=path)
    found = [finding for word, finding in FINDINGS.items() if word in text]
    if "settings" in text:
        found.append(make_finding(repr(settings)))
    if "mend" in text and not fix:
        found.append(make_finding("can be mended", fix=MENDED))
    changed = text.replace("mend", "mended").encode() if fix and "mend" in text else None
    return Outcome(
        path,
        "checked",
        tuple(map(make_reported, found)),
        is_notebook=path.endswith(".ipynb"),
        fixed=text.count("mend") if fix else 0,
        text=changed if changed != data else None,
    )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("nbtools.lint.engine")
    module.check_source = fake_check  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NBTOOLS_OUTPUT_FORMAT", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(
    folder: Path, fake: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    def run(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as caught:
            main(("lint", *arguments))
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Result(caught.value.code, captured.out, captured.err)

    return run


def make(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ("" if name.endswith("py") else ".ipynb"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py" if name.endswith("_py") else ".ipynb").write_text(text)


class TestWhatIsChecked:
    def test_the_current_folder_by_default(self, run: Run, folder: Path) -> None:
        make(folder, a="error", sub__b="")
        result = run("-q", "--output-format", "concise")
        assert result == Result(
            1, "a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it\n", ""
        )

    def test_python_files_that_are_no_notebooks_are_passed_over(
        self, run: Run, folder: Path
    ) -> None:
        (folder / "tool.py").write_text("error")
        (folder / "cells.py").write_text("# %%\nerror")
        (folder / "other.py").write_text("# %% no notebook")
        result = run("--output-format", "concise")
        assert result.out.splitlines()[-1] == "Found 1 problem in 1 notebook."
        assert result.out.startswith("cells.py:31:13: NB101")

    def test_nothing_is_said_aloud(self, run: Run, folder: Path) -> None:
        (folder / "tool.py").write_text("x = 1")
        assert run() == Result(0, "No notebooks found in .\n", "")
        assert run("tool.py").out == "No notebooks found in tool.py\n"

    def test_excluded_files(self, run: Run, folder: Path) -> None:
        make(folder, a="", drafts__b="", c="")
        (folder / ".gitignore").write_text("c.ipynb\n")

        def shown(*arguments: str) -> list[str]:
            return run("--show-files", *arguments).out.split()

        assert shown() == ["a.ipynb", "drafts/b.ipynb"]
        assert shown("--no-respect-gitignore") == ["a.ipynb", "c.ipynb", "drafts/b.ipynb"]
        assert shown("--exclude", "drafts/") == ["a.ipynb"]
        assert shown("--extend-exclude", "a.*") == ["drafts/b.ipynb"]
        assert shown("--exclude", "drafts", "drafts/b.ipynb") == ["drafts/b.ipynb"]
        assert shown("--exclude", "drafts", "--force-exclude", "drafts/b.ipynb") == []
        (folder / "nbtools.toml").write_text("exclude = ['/a.ipynb']")
        assert shown() == ["drafts/b.ipynb"]
        assert shown("--extend-exclude", "drafts") == []
        assert shown("--exclude", "drafts") == ["a.ipynb"]
        assert shown("--isolated") == ["a.ipynb", "drafts/b.ipynb"]

    def test_standard_input(self, run: Run, folder: Path) -> None:
        name = ("--stdin-filename", "sub/x.ipynb")
        result = run("-", *name, "--output-format", "concise", "-q", stdin="error")
        assert result.out.startswith("sub/x.ipynb:cell 3:2:7: NB101")
        assert run(*name, stdin="error").code == 1
        assert run("-", stdin="fine").out == "The notebook passed.\n"
        assert not (folder / ".nbtools_cache").exists()

    def test_standard_input_that_is_excluded(self, run: Run) -> None:
        name = ("--stdin-filename", "x.ipynb", "--exclude", "x.ipynb")
        assert run("-", *name, stdin="error").code == 1
        assert run("-", *name, "--force-exclude", stdin="error").code == 0


class TestExitCode:
    @pytest.mark.parametrize(
        ("text", "fail_on", "code"),
        [
            ("", None, 0),
            ("error", None, 1),
            ("warning", None, 1),
            ("info", None, 0),
            ("info", "info", 1),
            ("warning", "error", 0),
            ("error", "error", 1),
            ("error", "never", 0),
        ],
    )
    def test_of_findings(
        self, text: str, fail_on: str | None, code: int, run: Run, folder: Path
    ) -> None:
        make(folder, a=text)
        assert run(*(["--fail-on", fail_on] if fail_on else [])).code == code
        assert run("--exit-zero").code == 0
        if fail_on:
            (folder / "nbtools.toml").write_text(f"fail-on = '{fail_on}'")
            assert run().code == code

    def test_a_file_that_cannot_be_read_costs_that_file(self, run: Run, folder: Path) -> None:
        make(folder, a="error", b="broken", c="julia")
        result = run("--exit-zero", "--output-format", "concise", ".", "missing.ipynb")
        assert result.code == 2
        assert result.err.splitlines() == [
            "b.ipynb: expected JSON, found 'broken'",
            "missing.ipynb: No such file or directory",
        ]
        assert result.out.splitlines()[-1] == (
            "Found 1 problem in 1 of 4 notebooks (1 skipped: Julia notebook; "
            "2 could not be checked)."
        )

    def test_a_notebook_in_another_language_is_told_and_no_error(
        self, run: Run, folder: Path
    ) -> None:
        make(folder, a="julia", b="")
        assert run() == Result(0, "1 of 2 notebooks passed (1 skipped: Julia notebook).\n", "")

    def test_a_bug_is_told_with_its_traceback(self, run: Run, folder: Path) -> None:
        make(folder, a="raise a bug", b="")
        result = run()
        assert result.code == 2
        assert "ZeroDivisionError: of nbtools" in result.err
        assert "a.ipynb: nbtools failed on this notebook, please report it\n" in result.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--select", "NB999"], "--select: no rule is called 'NB999'"),
            (["--per-file-ignores", "a"], "expected PATTERN:RULES, found 'a'"),
            (["--per-file-ignores", "a:F401"], "no rule is called 'F401'"),
            (["--exclude", "!"], "--exclude: expected a pattern as in .gitignore, found '!'"),
            (["--config", "missing.toml"], "missing.toml: No such file or directory"),
            (["--baseline", "missing.json"], "missing.json: No such file or directory"),
            (["--isolated", "--config", "x"], "exclude each other"),
            (["--fix", "--write-baseline", "x"], "does not go with"),
            (["--fix", "--add-noqa"], "does not go with"),
            (["-", "--add-noqa"], "needs files"),
            (["-", "a"], "- stands alone"),
            (["a", "--stdin-filename", "x"], "--stdin-filename is for -"),
            (["--output-format", "yaml"], "'yaml' is not one of"),
            (["--output-file", "a.ipynb/x"], "a.ipynb"),
        ],
    )
    def test_wrong_options(
        self, arguments: list[str], message: str, run: Run, folder: Path
    ) -> None:
        make(folder, a="")
        result = run(*arguments)
        assert result.code == 2
        assert message in result.err

    def test_a_wrong_configuration(self, run: Run, folder: Path) -> None:
        make(folder, a="")
        (folder / "nbtools.toml").write_text("slect = []")
        result = run()
        assert result.code == 2
        assert "unknown key 'slect', did you mean 'select'?" in result.err


class TestSettings:
    def settings(self, run: Run, *arguments: str) -> str:
        return run("--output-format", "concise", "-q", *arguments).out

    def test_options_reach_the_rules(self, run: Run, folder: Path) -> None:
        make(folder, a="settings")
        options = ["--select", "NB1,nb201", "--select", "undefined-name", "--extend-select", "NB2"]
        options += ["--ignore", "NB102", "--unfixable", "NB103", "--target", "jupyter"]
        options += ["--unsafe-fixes", "--per-file-ignores", "a.*:NB104,NB105"]
        shown = self.settings(run, *options)
        assert "target='jupyter', select=('NB1', 'nb201', 'undefined-name')" in shown
        assert "extend_select=('NB2',), ignore=('NB102', 'NB104', 'NB105')" in shown
        assert "unfixable=('NB103',)" in shown
        assert "unsafe_fixes=True" in shown

    def test_the_nearest_configuration_holds_for_each_file(self, run: Run, folder: Path) -> None:
        make(folder, a="settings", sub__b="settings")
        (folder / "pyproject.toml").write_text("[tool.nbtools]\nselect = ['NB1']")
        (folder / "sub/nbtools.toml").write_text("select = ['NB2']")
        first, second = self.settings(run).splitlines()
        assert "select=('NB1',)" in first
        assert "select=('NB2',)" in second
        assert "select=('NB3',)" not in self.settings(run, "--isolated")
        named = self.settings(run, "--config", "sub/nbtools.toml").splitlines()
        assert all("select=('NB2',)" in line for line in named)

    def test_they_are_shown(self, run: Run, folder: Path) -> None:
        make(folder, a="")
        (folder / "nbtools.toml").write_text("builtins = ['spark', 'dbutils']")
        shown = run("--show-settings").out
        assert shown.startswith("file: a.ipynb\nconfiguration: ")
        assert "\nbuiltins: ['dbutils', 'spark']\n" in shown
        assert "\nfail-on: warning\n" in shown


class TestReports:
    def test_the_environment_chooses_the_format(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(folder, a="error")
        assert run().out.startswith("a.ipynb:cell 3:2:7: NB101")
        (folder / "nbtools.toml").write_text("output-format = 'grouped'")
        assert run().out.startswith("a.ipynb:\n")
        monkeypatch.setenv("NBTOOLS_OUTPUT_FORMAT", "json-lines")
        assert json.loads(run().out)["code"] == "NB101"
        assert run("--output-format", "github").out.startswith("::error ")

    def test_the_summary_does_not_disturb_what_programs_read(self, run: Run, folder: Path) -> None:
        make(folder, a="error")
        result = run("--output-format", "json")
        assert len(json.loads(result.out)) == 1
        assert result.err == "Found 1 problem in 1 notebook.\n"
        assert run("--output-format", "json", "-q").err == ""

    def test_to_a_file(self, run: Run, folder: Path) -> None:
        make(folder, a="error")
        result = run("--output-format", "concise", "--output-file", "out/report.txt")
        assert result == Result(1, "", "Found 1 problem in 1 notebook.\n")
        text = (folder / "out/report.txt").read_text()
        assert text == "a.ipynb:cell 3:2:7: NB101 `y` is used but no cell defines it\n"

    def test_statistics(self, run: Run, folder: Path) -> None:
        make(folder, a="error warning", b="error")
        lines = run("--statistics").out.splitlines()
        assert lines[0] == "2  NB101  undefined-name"
        assert lines[-1] == "Found 3 problems in 2 of 2 notebooks."
        counted = json.loads(run("--statistics", "--output-format", "json").out)
        assert counted[0] == {"code": "NB101", "name": "undefined-name", "count": 2}

    def test_colours(self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make(folder, a="error")
        assert "\x1b" not in run().out
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b[1;31mNB101" in run().out
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b" not in run().out


class TestFixes:
    def test_they_are_written(self, run: Run, folder: Path) -> None:
        make(folder, a="mend\r\n", b="")
        assert run().out.splitlines()[-1] == "1 can be fixed with --fix."
        assert run("--fix") == Result(0, "Fixed 1 problem. All 2 notebooks passed.\n", "")
        assert (folder / "a.ipynb").read_bytes() == b"mended\r\n"

    def test_a_diff_writes_nothing(self, run: Run, folder: Path) -> None:
        (folder / "a.py").write_text("# %%\nmend\n")
        result = run("--diff")
        assert result.code == 1
        assert result.out.splitlines()[:2] == ["--- a.py", "+++ a.py"]
        assert "-mend\n+mended\n" in result.out
        assert result.err == "--fix would change 1 notebook.\n"
        assert (folder / "a.py").read_text() == "# %%\nmend\n"
        make(folder, b="error")
        assert run("--diff", "b.ipynb") == Result(0, "", "--fix would change nothing.\n")

    def test_standard_input_goes_to_standard_output(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = run("-", "--stdin-filename", "a.py", "--fix", stdin="# %%\nmend error\n")
        assert result.out == "# %%\nmended error\n"
        assert "NB101" in result.err
        assert run("-", "--fix", stdin="error").out == "error"

    def test_a_file_that_cannot_be_written_is_a_failure(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(folder, a="mend")

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("nbtools.commands.lint.write_bytes_atomically", refuse)
        result = run("--fix")
        assert result.code == 2
        message = "a.ipynb: the fixes could not be written: Permission denied\n"
        assert message in result.err


class TestBaseline:
    def test_written_and_read(self, run: Run, folder: Path) -> None:
        make(folder, a="error warning", b="error")
        assert run("--write-baseline", "known.json") == Result(
            0, "Wrote 3 findings to known.json: --baseline known.json hides them.\n", ""
        )
        make(folder, a="error", b="error info")
        result = run("--baseline", "known.json", "--fail-on", "info")
        assert result.code == 1
        assert result.out.splitlines()[-2:] == [
            "Found 1 problem in 1 of 2 notebooks.",
            "known.json hides 2 findings; 1 of its findings are gone: "
            "--write-baseline known.json updates it.",
        ]
        (folder / "nbtools.toml").write_text("baseline = 'known.json'")
        make(folder, a="error warning", b="error")
        assert run() == Result(0, "All 2 notebooks passed.\nknown.json hides 3 findings.\n", "")


class TestCache:
    def test_it_is_used_and_can_be_switched_off(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(folder, a="error")
        first = run("--no-cache")
        assert not (folder / ".nbtools_cache").exists()
        assert run() == first
        assert (folder / ".nbtools_cache").is_dir()

        def fail(*_: object, **__: object) -> Outcome:
            raise AssertionError

        monkeypatch.setattr(sys.modules["nbtools.lint.engine"], "check_source", fail)
        assert run() == first
        assert run("--no-cache").code == 2

    def test_its_folder_stands_beside_the_configuration_or_where_it_is_told(
        self, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(folder, sub__a="")
        (folder / "nbtools.toml").touch()
        monkeypatch.chdir(folder / "sub")
        run()
        assert (folder / ".nbtools_cache").is_dir()
        run("--cache-dir", "elsewhere")
        assert (folder / "sub/elsewhere").is_dir()

    def test_a_fix_is_made_though_the_finding_is_known(self, run: Run, folder: Path) -> None:
        make(folder, a="mend", b="error")
        run()
        run("--fix")
        assert (folder / "a.ipynb").read_text() == "mended"


class TestProcesses:
    def jobs(self, folder: Path, texts: list[str]) -> list[Job]:
        for number, text in enumerate(texts):
            (folder / f"{number:03}.ipynb").write_text(text)
        return [Job(f"{number:03}.ipynb", Settings()) for number in range(len(texts))]

    def test_they_find_what_one_process_finds_in_the_same_order(
        self, fake: None, folder: Path
    ) -> None:
        texts = ["", "error", "raise a bug", "warning", "broken", "julia"] * 5
        jobs = self.jobs(folder, texts)
        alone = [replace(outcome, bug="") for outcome in check_jobs(jobs, workers=1)]
        together = [replace(outcome, bug="") for outcome in check_jobs(jobs, workers=2)]
        assert together == alone

    def test_a_process_that_is_killed_costs_one_notebook(self, fake: None, folder: Path) -> None:
        jobs = self.jobs(folder, ["error", "kill", "", *["warning"] * 10])
        outcomes = list(check_jobs(jobs, workers=2))
        assert [o.status for o in outcomes] == ["checked", "failed", *["checked"] * 11]
        assert "was killed" in outcomes[1].reason

    @pytest.mark.parametrize(("files", "expected"), [(2, 0), (2 * FILES_PER_PROCESS, 2)])
    def test_they_are_used_where_they_pay(
        self,
        files: int,
        expected: int,
        fake: None,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        started: list[int] = []

        def start(function: object, chunks: list[list[Job]], workers: int, _: object) -> object:
            started.append(workers)
            return ([_check(job) for job in chunk] for chunk in chunks)

        from nbtools.lint.run import _check

        monkeypatch.setattr("nbtools.lint.run.map_in_processes", start)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4}, raising=False)
        assert len(list(check_jobs(self.jobs(folder, [""] * files)))) == files
        assert sum(started) == expected


class TestRule:
    def run(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> Result:
        with pytest.raises(SystemExit) as caught:
            main(("rule", *arguments))
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Result(caught.value.code, captured.out, captured.err)

    def test_by_code_and_by_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = self.run(capsys, "NB101")
        assert result.out.startswith("NB101 undefined-name\n\n`{name}` is used")
        assert "\nInstead\n  Define the name" in result.out
        assert self.run(capsys, "undefined-name") == result

    def test_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = self.run(capsys, "--all").out.splitlines()
        assert any(line.split() == ["NB101", "undefined-name", "error", "on"] for line in lines)
        documents = json.loads(self.run(capsys, "--all", "--output-format", "json").out)
        assert len(documents) == len(lines)

    def test_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        document = json.loads(self.run(capsys, "NB101", "--output-format", "json").out)
        assert (document["code"], document["name"]) == ("NB101", "undefined-name")
        assert document["invalid"][0]["found"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "name a rule, or ask for --all"),
            (["NB101", "--all"], "name a rule, or ask for --all"),
            (["NB1O1"], "no rule is called 'NB1O1', did you mean NB101?"),
            (["NB1"], "NB1 means many rules"),
        ],
    )
    def test_others_are_refused(
        self, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = self.run(capsys, *arguments)
        assert result.code == 2
        assert message in result.err


NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": ["x = 1\n", "print(x + y)"],
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 4,
}


def nbtools_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(nbtools.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )


def test_a_notebook_from_end_to_end(folder: Path) -> None:
    (folder / "a.ipynb").write_text(json.dumps(NOTEBOOK, indent=1))
    command = ["-m", "nbtools", "lint", "--select", "NB101", "--output-format", "concise"]
    for _ in range(2):  # the second time from the cache
        done = nbtools_process(folder, *command)
        assert done.stdout == (
            "a.ipynb:cell 2:2:11: NB101 `y` is used but no cell defines it\n"
            "Found 1 problem in 1 notebook.\n"
        )
        assert (done.returncode, done.stderr) == (1, "")


def test_lint_starts_without_what_it_never_needs(folder: Path) -> None:
    (folder / "a.ipynb").write_text(json.dumps(NOTEBOOK | {"cells": NOTEBOOK["cells"][:1]}))
    program = (
        "import sys\nfrom nbtools.cli import main\n"
        "try:\n    main(['lint', '--no-cache', 'a.ipynb'])\n"
        "except SystemExit: pass\nprint(*sys.modules)"
    )
    done = nbtools_process(folder, "-c", program)
    heavy = {"libcst", "nbformat", "ruff_api", "IPython", "pathspec", "asyncio", "marimo"}
    heavy |= {"concurrent.futures", "multiprocessing", "difflib", "json", "tomllib", "tomli"}
    assert done.stdout.startswith("The notebook passed.")
    assert set(done.stdout.splitlines()[-1].split()) & heavy == set()
