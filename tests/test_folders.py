"""Private copies of a project: what is in them, what is linked, and what stays out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtools.errors import NbtoolsError
from nbtools.verify import folders
from nbtools.verify.folders import find_root, private_place


def test_a_copy_of_the_project_with_its_neighbours(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "data.csv").write_text("1")
    (project / ".git").mkdir()
    (project / "env").mkdir()
    (project / "env" / "pyvenv.cfg").write_text("")
    (project / "env" / "python").write_text("")
    (project / "up").symlink_to(project)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "more.csv").write_text("2")
    with private_place(project / "notebooks") as place:
        assert (place.folder / "../data.csv").read_text() == "1"
        assert (place.folder / "../../beside/more.csv").read_text() == "2"
        assert not (place.folder / "../.git").exists()
        assert not (place.folder / "../env/python").exists()
        assert not (place.folder / "../up").exists()
        (place.folder / "../data.csv").write_text("changed")
        (place.folder / "new").write_text("")
        assert place.restore(f"in {place.folder}") == f"in {project / 'notebooks'}"
        copy = place.folder
    assert not copy.exists()
    assert (project / "data.csv").read_text() == "1"
    assert not (project / "notebooks" / "new").exists()


def test_what_is_above_the_project_is_there_but_for_hidden_files(tmp_path: Path) -> None:
    project = tmp_path / "a" / "b" / "c" / "project"
    project.mkdir(parents=True)
    (tmp_path / "a" / "style.css").write_text("1")
    (tmp_path / "a" / ".key").write_text("2")
    (project.parent / ".key").write_text("3")
    with private_place(project) as place:
        assert (place.folder / "../../../style.css").read_text() == "1"
        assert not (place.folder / "../../../.key").exists()
        assert not (place.folder / "../.key").exists()
        assert place.folder.name == "project"


def test_the_root_is_the_nearest_project(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_root(tmp_path / "a" / "b") == tmp_path
    (tmp_path / "a" / "setup.py").write_text("")
    assert find_root(tmp_path / "a" / "b") == tmp_path / "a"


def test_a_project_that_is_too_large_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LARGEST", 10)
    (tmp_path / "data").write_text("x" * 11)
    with pytest.raises(NbtoolsError, match="--in-place"), private_place(tmp_path):
        pass


def test_a_crowd_beside_the_project_is_not_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_LINKS", 3)
    for name in ("project", "b", "c"):
        (tmp_path / name).mkdir()
    with private_place(tmp_path / "project") as place:
        assert (place.folder / "../b").exists()
    (tmp_path / "d").mkdir()
    with private_place(tmp_path / "project") as place:
        assert not (place.folder / "../b").exists()


def test_hidden_files_of_the_home_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in (".ssh", ".cache", "data"):
        (home / name).mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(home))
    with private_place(tmp_path / "work") as place:
        assert sorted(each.name for each in place.home.iterdir()) == [".cache", "data"]
