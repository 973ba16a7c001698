"""The documentation says what the code does: its commands are run, its links are followed.

A ```console block below the line `<!-- tested -->` is run in a folder that holds a copy of
`fixtures/weather_station`; blocks of one page share the folder. `<!-- tested: FOLDER -->` runs it
there. A line `...` in the expected output stands for any lines. A ```python block below
`<!-- excerpt -->` stands in the conversion of the shipped notebook.

`python tests/test_docs.py` writes what the commands print now into the pages.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from lint_outcomes import EVERYTHING

from nbtools.cli import main
from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import EditKind
from nbtools.lint.configuration import KEYS
from nbtools.pages import find_stale_pages, write_pages
from nbtools.report.findings.formats import render

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHIPPED = ROOT / "fixtures/weather_station"
BLOCK = re.compile(
    r"^<!-- tested(?:: (?P<folder>\S+))? -->\n```console\n(?P<text>.*?)^```$", re.M | re.S
)


EXCERPT = re.compile(r"^<!-- excerpt -->\n```python\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Command:
    line: str
    output: str  # standard output and error, as a reader sees them


def commands_of(block: str) -> list[Command]:
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    return [Command(*part.split("\n", 1)) for part in parts]


def matches(expected: str, found: str) -> bool:
    pieces = [re.escape(piece) for piece in re.split(r"^\.\.\.\n", expected, flags=re.M)]
    return re.fullmatch("(?:.*\n)*?".join(pieces), found) is not None


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prepare_workplace(folder: Path) -> dict[str, str]:
    """Copy the shipped notebook, and give the environment of a shell that finds this nbtools."""
    copied = folder / "fixtures/weather_station"
    shutil.copytree(SHIPPED, copied, ignore=shutil.ignore_patterns("*.py"))
    scripts = folder / ".bin"
    scripts.mkdir()
    for name, module in (("nbtools", "-m nbtools"), ("python3", "")):
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (scripts / name).chmod(0o755)
    return {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in prepare_workplace(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_block(commands: list[Command], folder: Path) -> list[str]:
    """Run the commands of a block in one shell, so that `$?` and `cd` mean what they say."""
    lines = [f"{command.line}\n_status=$?; echo; echo @@@; (exit $_status)" for command in commands]
    script = "exec 2>&1\n" + "\n".join(lines)
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True)
    return done.stdout.split("\n@@@\n")[:-1]


def refresh(page: Path, folder: Path) -> None:
    """Write what the commands of a page print now into the page; blocks with `...` stay."""

    def rewrite(block: re.Match[str]) -> str:
        commands = commands_of(block["text"])
        outputs = run_block(commands, folder / (block["folder"] or "."))
        if "\n...\n" in block["text"]:
            return block[0]
        text = "".join(
            f"$ {command.line}\n{out}" for command, out in zip(commands, outputs, strict=True)
        )
        return block[0].replace(block["text"], text)

    page.write_text(BLOCK.sub(rewrite, page.read_text("utf-8")), encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="the pages show a POSIX shell")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text("utf-8"))], ids=page_id
)
def test_commands_print_what_the_page_says(page: Path, workplace: Path) -> None:
    for block in BLOCK.finditer(page.read_text("utf-8")):
        commands = commands_of(block["text"])
        outputs = run_block(commands, workplace / (block["folder"] or "."))
        for command, output in zip(commands, outputs, strict=True):
            assert matches(command.output, output), f"$ {command.line}\n{output}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if EXCERPT.search(page.read_text("utf-8"))], ids=page_id
)
def test_excerpts_stand_in_the_conversion(page: Path) -> None:
    text = convert_source((SHIPPED / "weather.ipynb").read_bytes()).text
    for block in EXCERPT.finditer(page.read_text("utf-8")):
        for piece in re.split(r"^\.\.\.\n", block["text"], flags=re.M):
            assert piece in text


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in page.read_text("utf-8")], ids=page_id
)
@pytest.mark.usefixtures("workplace")
def test_python_examples_give_what_the_page_says(page: Path) -> None:
    examples = doctest.DocTestParser().get_doctest(
        page.read_text("utf-8").replace("```", ""), {}, page_id(page), str(page), 0
    )
    results = doctest.DocTestRunner().run(examples)
    assert (results.failed, results.attempted > 0) == (0, True)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_linked_from_the_index() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", (ROOT / "docs/index.md").read_text("utf-8")))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    pages = {page for page in pages if not page.startswith("reference/rules/")}  # from rules.md
    assert pages - {"index.md"} == {name for name in linked if not name.startswith("http")}


def test_generated_pages_are_current(tmp_path: Path) -> None:
    assert find_stale_pages(ROOT / "docs") == []
    missing = find_stale_pages(tmp_path)
    assert tmp_path / "reference/cli.md" in missing
    assert tmp_path / "reference/rules/NB101.md" in missing
    write_pages(tmp_path)
    assert find_stale_pages(tmp_path) == []
    old = tmp_path / "reference/rules/NB000.md"
    old.write_text("A rule that is no more.")
    assert find_stale_pages(tmp_path) == [old]
    write_pages(tmp_path)
    assert not old.exists()


def test_readme_and_ci_install_and_test_in_the_same_way() -> None:
    readme, ci = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci/run").read_text("utf-8")
    for command in ('python3 -m pip install ".[test]" && python3 -m pytest',):
        assert command in readme
    assert 'python3 -m pip install --quiet ".[test]"' in ci
    assert "\npython3 -m pytest\n" in ci


def test_the_json_page_names_every_key(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--output-format", "json", str(workplace / "fixtures")])
    page = (ROOT / "docs/reference/json.md").read_text("utf-8")
    document = json.loads(capsys.readouterr().out)
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert document["version"] == example["version"]
    ours, theirs = document["files"][0], example["files"][0]
    assert list(document) == list(example)
    assert list(ours) == list(theirs)
    assert list(ours["counts"]) == list(theirs["counts"])
    assert list(ours["edits"][0]) == list(theirs["edits"][0])
    assert list(theirs["warnings"][0]) == ["cell", "message", "line"]
    keys = {*ours, *ours["counts"], *ours["edits"][0], "message"}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_the_page_on_lints_json_names_every_key() -> None:
    page = (ROOT / "docs/reference/lint-json.md").read_text("utf-8")
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    document = json.loads("".join(render("json", EVERYTHING)))

    def keys(value: object) -> object:
        if isinstance(value, dict):
            return {key: keys(inner) for key, inner in value.items()}
        return keys(value[0]) if isinstance(value, list) and value else None

    finding = next(each for each in document if each["related"] and each["fix"])
    assert keys(example) == keys([finding])
    table = page.partition("| Key | Meaning |")[2]
    named = {*finding, *finding["fix"]} - {"edits", "message"}
    assert {key for key in named if f"`{key}`" not in table} == set()


def test_every_key_of_the_configuration_is_explained() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text("utf-8")
    assert {key for key in (*KEYS, "extend") if f"`{key}`" not in page} == set()
    table = page.partition("```toml\n")[2].partition("```")[0]
    assert {line.partition(" =")[0] for line in table.splitlines() if " = " in line} <= {
        *KEYS,
        '"teaching/*"',
    }


def test_every_kind_of_edit_is_explained() -> None:
    report = (ROOT / "docs/how-to/read-the-report.md").read_text("utf-8")
    reference = (ROOT / "docs/reference/json.md").read_text("utf-8")
    for kind in get_args(EditKind):
        assert f"| {kind}" in report
        assert f"`{kind}`" in reference


if __name__ == "__main__":
    for tested in PAGES:
        with tempfile.TemporaryDirectory() as place:
            os.environ.update(prepare_workplace(Path(place)))
            refresh(tested, Path(place))
