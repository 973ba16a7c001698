from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lint_outcomes import EVERYTHING
from msgspec.structs import replace

from nbtools.lint.cache import Cache, Stamp, digest_of, open_cache
from nbtools.lint.outcome import Outcome
from nbtools.lint.settings import Settings

SETTINGS = Settings()
OUTCOME = EVERYTHING[0]


def stamp_of(path: Path) -> Stamp:
    status = path.stat()
    return Stamp(status.st_mtime_ns, status.st_size, digest_of(path.read_bytes()))


def keep(cache: Cache, path: Path, *, refers: bool = False) -> None:
    cache.keep(str(path), SETTINGS, OUTCOME, stamp_of(path), refers)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "a.ipynb").write_text("one")
    (folder / "other.ipynb").write_text("two")
    (folder / "module.py").write_text("x = 1")
    return folder


def remember(project: Path, *, refers: bool = False) -> None:
    cache = open_cache(project.parent / ".nbtools_cache")
    keep(cache, project / "a.ipynb", refers=refers)
    cache.save()


def recall(project: Path, settings: Settings = SETTINGS) -> Outcome | None:
    cache = open_cache(project.parent / ".nbtools_cache")
    return cache.find(str(project / "a.ipynb"), settings)


def test_what_has_not_changed_is_found_again_under_the_name_it_is_asked_by(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(project)
    assert recall(project) == replace(OUTCOME, path=str(project / "a.ipynb"))
    monkeypatch.chdir(project)
    found = open_cache(project.parent / ".nbtools_cache").find("a.ipynb", SETTINGS)
    assert found == replace(OUTCOME, path="a.ipynb")


def test_a_new_date_alone_changes_nothing(project: Path) -> None:
    remember(project)
    os.utime(project / "a.ipynb", (1, 1))
    assert recall(project) is not None


def rewrite(name: str, text: str) -> Callable[[Path], object]:
    return lambda project: (project / name).write_text(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "the file": rewrite("a.ipynb", "six"),
    "its size": rewrite("a.ipynb", "seven"),
    "a module": rewrite("module.py", "x = 12"),
    "a new data file": rewrite("data.csv", ""),
    "dependencies": rewrite("pyproject.toml", "[project]"),
    "a file that is gone": lambda project: (project / "other.ipynb").unlink(),
    "a data file in a folder": lambda project: (project / "data").mkdir(),
    "the file is gone": lambda project: (project / "a.ipynb").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_depends_on_something_that_changed_is_forgotten(
    change: Callable[[Path], object], project: Path
) -> None:
    remember(project)
    change(project)
    if (project / "a.ipynb").exists():
        os.utime(project / "a.ipynb", (1, 1))
    assert recall(project) is None


def test_other_settings_are_another_question(project: Path) -> None:
    remember(project)
    assert recall(project, Settings(target="jupyter")) is None


def test_another_notebook_matters_to_one_that_refers_to_notebooks(project: Path) -> None:
    remember(project)
    (project / "other.ipynb").write_text("changed")
    assert recall(project) is not None
    remember(project, refers=True)
    (project / "other.ipynb").write_text("changed again")
    assert recall(project) is None


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x81\xa1a\x01", b"\xff" * 100])
def test_entries_that_cannot_be_read_are_as_good_as_none(data: bytes, project: Path) -> None:
    remember(project)
    folder = next(path for path in (project.parent / ".nbtools_cache").iterdir() if path.is_dir())
    for file in folder.iterdir():
        file.write_bytes(data)
    assert recall(project) is None
    remember(project)
    assert recall(project) is not None


def test_the_folder_is_no_part_of_the_repository_nor_of_backups(project: Path) -> None:
    remember(project)
    folder = project.parent / ".nbtools_cache"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f0688")


def test_entries_of_files_that_are_gone_are_dropped(project: Path) -> None:
    remember(project)
    cache = open_cache(project.parent / ".nbtools_cache")
    keep(cache, project / "other.ipynb")
    (project / "a.ipynb").unlink()
    cache.save()
    (project / "a.ipynb").write_text("one")
    assert recall(project) is None


def test_a_folder_that_cannot_be_written_costs_nothing_else(project: Path) -> None:
    (project / "file").touch()
    cache = Cache(project / "file" / "below")
    keep(cache, project / "a.ipynb")
    cache.save()


def test_what_does_not_say_lines_of_the_file_is_no_answer_where_they_are_asked_for(
    project: Path,
) -> None:
    path = project / "a.ipynb"
    cache = open_cache(project.parent / ".nbtools_cache")
    cache.keep(str(path), SETTINGS, OUTCOME, stamp_of(path), physical=False)

    assert cache.find(str(path), SETTINGS, physical=False) is not None
    assert cache.find(str(path), SETTINGS) is None

    keep(cache, path)
    assert cache.find(str(path), SETTINGS, physical=False) is not None
