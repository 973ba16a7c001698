from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from nbtools.files import find_notebooks, read_if_file, write_atomically

GITIGNORE_CASES = {
    "a folder": ("build/\n", {"a.ipynb": True, "build/b.ipynb": False, "src/build/c.ipynb": False}),
    "anchored": ("/a.ipynb\n", {"a.ipynb": False, "sub/a.ipynb": True}),
    "taken back": ("*.ipynb\n!keep.ipynb\n", {"a.ipynb": False, "sub/keep.ipynb": True}),
    "a path": ("data/raw/\n", {"data/raw/a.ipynb": False, "raw/a.ipynb": True}),
    "stars": ("**/tmp/*.ipynb\n", {"x/tmp/a.ipynb": False, "x/a.ipynb": True}),
    "no pattern": ("!\n///\n[\nb.ipynb\n", {"a.ipynb": True, "b.ipynb": False}),
    "comment": ("# a.ipynb\n", {"a.ipynb": True}),
}


def make_files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def names_in(root: Path) -> list[str]:
    return [item.below.as_posix() for item in find_notebooks([root]).found]


def test_a_folder_is_searched_in_the_order_of_names_without_hidden_entries(tmp_path: Path) -> None:
    make_files(
        tmp_path,
        "b.ipynb",
        "a/z.ipynb",
        "a.ipynb",
        "a/notes.txt",
        ".ipynb_checkpoints/a-checkpoint.ipynb",
        "a/.ipynb_checkpoints/z-checkpoint.ipynb",
        ".venv/x.ipynb",
        ".hidden.ipynb",
        "odd.ipynb/inner.ipynb",
    )
    assert names_in(tmp_path) == ["a/z.ipynb", "a.ipynb", "b.ipynb", "odd.ipynb/inner.ipynb"]


@pytest.mark.parametrize(("rules", "expected"), GITIGNORE_CASES.values(), ids=GITIGNORE_CASES)
def test_gitignore_is_honoured(rules: str, expected: dict[str, bool], tmp_path: Path) -> None:
    make_files(tmp_path, *expected)
    (tmp_path / ".gitignore").write_text(rules)
    assert set(names_in(tmp_path)) == {name for name, kept in expected.items() if kept}


def test_the_nearest_gitignore_decides_and_the_repository_above_counts(tmp_path: Path) -> None:
    make_files(tmp_path, "nb/a.ipynb", "nb/b.ipynb", "nb/deep/a.ipynb", "nb/c.ipynb")
    make_files(tmp_path, ".git/info/exclude")
    (tmp_path / ".git/info/exclude").write_text("c.ipynb\n")
    (tmp_path / ".gitignore").write_text("a.ipynb\nnb/b.ipynb\n")
    (tmp_path / "nb/deep/.gitignore").write_text("!a.ipynb\n")
    assert names_in(tmp_path / "nb") == ["deep/a.ipynb"]


def test_gitignore_above_the_folder_is_nothing_outside_a_repository(tmp_path: Path) -> None:
    make_files(tmp_path, "nb/a.ipynb")
    (tmp_path / ".gitignore").write_text("a.ipynb\n")
    assert names_in(tmp_path / "nb") == ["a.ipynb"]


def test_a_named_file_is_taken_whatever_it_is(tmp_path: Path) -> None:
    make_files(tmp_path, ".hidden.ipynb", "notes.txt", "x.ipynb")
    (tmp_path / ".gitignore").write_text("*\n")
    paths = [tmp_path / name for name in (".hidden.ipynb", "notes.txt", "missing.ipynb")]
    assert [item.path for item in find_notebooks(paths).found] == paths
    assert [item.below for item in find_notebooks(paths).found] == [Path(p.name) for p in paths]


def test_a_notebook_named_twice_is_taken_once_where_it_came_first(tmp_path: Path) -> None:
    make_files(tmp_path, "a.ipynb", "b.ipynb")
    search = find_notebooks([tmp_path / "b.ipynb", tmp_path, str(tmp_path / "." / "b.ipynb")])
    assert [item.path.name for item in search.found] == ["b.ipynb", "a.ipynb"]


def test_symbolic_links_are_followed_and_a_loop_ends(tmp_path: Path) -> None:
    make_files(tmp_path, "real/a.ipynb", "elsewhere.ipynb")
    (tmp_path / "real/again").symlink_to(tmp_path / "real")
    (tmp_path / "real/link.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    assert names_in(tmp_path / "real") == ["a.ipynb", "link.ipynb"]


def test_a_folder_that_cannot_be_read_costs_that_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path, "a.ipynb", "locked/b.ipynb")
    scandir = os.scandir

    def refuse(path: Path) -> object:  # chmod would not stop root
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    search = find_notebooks([tmp_path])
    assert [item.path.name for item in search.found] == ["a.ipynb"]
    assert [error.strerror for error in search.errors] == ["Permission denied"]


def test_writing_keeps_permissions_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    target = tmp_path / "x.py"
    target.write_text("old")
    target.chmod(0o750)
    write_atomically(target, "é\n")
    assert target.read_bytes() == "é\n".encode()
    assert stat.S_IMODE(target.stat().st_mode) == 0o750
    assert os.listdir(tmp_path) == ["x.py"]


def test_a_new_file_has_the_permissions_the_umask_leaves(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new.py", "x")
    (tmp_path / "plain").touch()
    assert (tmp_path / "new.py").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_writing_goes_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("old")
    (tmp_path / "link.py").symlink_to("real.py")
    write_atomically(tmp_path / "link.py", "new")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_text() == "new"


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x.py"
    target.write_text("old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    write_atomically(pipe, "text")
    reader.join(5)
    assert received == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert read_if_file(pipe) is None


def test_an_earlier_output_is_read_whatever_its_newlines_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(b"a\r\n\xff\n")
    assert read_if_file(tmp_path / "x.py") == "a\n�\n"
    assert read_if_file(tmp_path / "missing.py") is None
