"""What other tools read from this repository: pre-commit hooks and the GitHub Action."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BAD = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": "print(undefined)",
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 4,
}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(
        ["git", *identity, "-c", "commit.gpgsign=false", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """This repository as it stands, committed."""
    folder = tmp_path / "nbtools"
    unwanted = shutil.ignore_patterns(".*_cache", ".git", "__pycache__", "fixtures", ".venv")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Somebody's repository, with everything staged."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "bad.ipynb").write_text(json.dumps(BAD))
    (folder / "cells.py").write_text("# %%\nprint(undefined)\n")
    (folder / "tool.py").write_text("print(undefined)\n")
    (folder / "draft.ipynb").write_text(json.dumps(BAD))
    (folder / "nbtools.toml").write_text("exclude = ['draft.ipynb']\nselect = ['NB101']\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


def find_pre_commit() -> str | None:
    beside = Path(sys.executable).with_name("pre-commit")
    return str(beside) if beside.exists() else shutil.which("pre-commit")


@pytest.mark.slow
@pytest.mark.skipif(find_pre_commit() is None, reason="pre-commit is not installed")
def test_the_hooks_in_real_pre_commit(hooks: Path, repository: Path, tmp_path: Path) -> None:
    command = [find_pre_commit() or "", "try-repo", str(hooks), "--all-files"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"}
    done = subprocess.run(
        [*command, "--verbose"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "ERROR: Could not find a version" in done.stdout + done.stderr:
        pytest.skip("pip reaches no index, so pre-commit can install nothing")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "bad.ipynb:cell 1:1:7: NB101 `undefined` is used but no cell defines it" in done.stdout
    assert "cells.py:2:7: NB101" in done.stdout
    assert "Found 2 problems in 2 of 2 notebooks." in done.stdout
    told = {part.split()[0]: part for part in done.stdout.split("- hook id: ")[1:]}
    assert sorted(told) == ["nbtools-convert", "nbtools-lint", "nbtools-verify"]
    assert "tool.py" not in told["nbtools-lint"]
    assert "draft.ipynb" not in told["nbtools-lint"]
    assert "- exit code: 1" in told["nbtools-convert"]
    assert "- exit code: 3" in told["nbtools-verify"]
    failed = "bad.ipynb: cell 1 raises NameError: name 'undefined' is not defined"
    assert failed in told["nbtools-verify"]
    assert "2 Python files are no reactive notebooks, and passed over" in told["nbtools-verify"]


def test_hooks_name_commands_and_options_that_exist() -> None:
    from nbtools.cli import nbtools_command

    lines = (ROOT / ".pre-commit-hooks.yaml").read_text().splitlines()
    entries = [line.partition("entry: ")[2].split() for line in lines if "entry: " in line]
    assert [entry[1] for entry in entries] == ["lint", "convert", "verify"]
    for _, name, *options in entries:
        command = nbtools_command.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert set(options) <= {
            spelled for parameter in command.params for spelled in parameter.opts
        }


def script_of_action() -> str:
    """The last step of action.yml, which runs nbtools."""
    text = (ROOT / "action.yml").read_text()
    lines = text.rpartition("      run: |\n")[2].splitlines()
    return "\n".join(line.removeprefix("        ") for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="the action runs bash")
def test_the_action_annotates(repository: Path, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "nbtools").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nbtools "$@"\n')
    (scripts / "nbtools").chmod(0o755)
    environment = os.environ | {
        "NBTOOLS_SCRIPTS": str(scripts),
        "NBTOOLS_ARGS": "lint --output-format=github",
        "NBTOOLS_SRC": "bad.ipynb cells.py",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", script_of_action()],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("::error title=nbtools (NB101),file=bad.ipynb,line=1,")
    assert second.startswith("::error title=nbtools (NB101),file=cells.py,line=2,col=7,")


def test_the_action_puts_no_input_into_a_script() -> None:
    text = (ROOT / "action.yml").read_text()
    scripts = [part.partition("    - name")[0] for part in text.split("run: |")[1:]]
    assert len(scripts) == 2
    assert all("${{" not in script for script in scripts)
