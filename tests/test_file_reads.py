"""What the rules about files rest on: constants, and what a run does to files."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

import pytest

from nbtools.analysis.file_calls import effect_of, effect_of_shell
from nbtools.cells import Cell, Notebook
from nbtools.rules.constant_paths import Value, evaluate
from nbtools.rules.file_reads import find_reads
from nbtools.rules.program import read_program

_IMPORTS = {"os": "os", "Path": "pathlib.Path"}
_VALUES: dict[str, Value] = {"D": "data", "P": PurePosixPath("p"), "n": 3}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("'a'", "a"),
        ("D + '/a'", "data/a"),
        ("f'{D}/{n}.csv'", "data/3.csv"),
        ("os.path.join(D, 'x', 'a')", "data/x/a"),
        ("Path(D) / 'a'", PurePosixPath("data/a")),
        ("P / 'a'", PurePosixPath("p/a")),
        ("'{}/{k}'.format(D, k=n)", "data/3"),
        ("str(P / 'a')", "p/a"),
        ("f'{D:>9999999}'", None),
        ("'{:9999999}'.format(n)", None),
        ("'{0.real}'.format(n)", None),
        ("unknown + 'a'", None),
        ("D * 3", None),
        ("True", None),
        ("+".join(["'a'"] * 900), None),
    ],
)
def test_constants(code: str, expected: object) -> None:
    node = ast.parse(code, mode="eval").body

    assert evaluate(node, _VALUES, _IMPORTS) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ls -l data", "none"),
        ("cat a.csv | head", "none"),
        ("echo 1 > a.txt", "writes"),
        ("wget https://example.org/a.csv", "writes"),
        ("wget https://example.org/a.zip", "anything"),
        ("ls; make", "anything"),
        ("python --version", "none"),
        ("python run.py", "anything"),
        ("git clone x", "anything"),
    ],
)
def test_effects_of_commands(command: str, expected: str) -> None:
    assert effect_of_shell(command) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("df.to_csv", "writes"),
        ("urllib.request.urlretrieve", "writes"),
        ("df.rename", "none"),
        ("os.rename", "writes"),
        ("text.replace", "none"),
        ("subprocess.run", "anything"),
        ("numpy.sin", "none"),
    ],
)
def test_effects_of_calls(name: str, expected: str) -> None:
    assert effect_of(name) == expected


def _reads(folder: Path, *cells: str) -> list[str]:
    notebook = Notebook(tuple(Cell(n, "code", source) for n, source in enumerate(cells)))
    return [each.path for each in find_reads(read_program(notebook, folder=folder))]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("open('a')", "open('a')", "open('b')"), ["a", "b"]),
        (("def f(x):\n    return open(x)", "f('a')\nf('b')"), ["a", "b"]),
        (("def f(x, d='d/'):\n    return open(d + x)", "f('a')"), ["d/a"]),
        (("def f():\n    g()\ndef g():\n    open('a')", "f()"), ["a"]),
        (("def f():\n    if x:\n        return\n    open('a')", "f()"), []),
        (("class A:\n    def f(self, p):\n        open(p, 'w')", "open('a')"), []),
        (("p = 'a'", "p = f()", "open(p)"), []),
        (("for p in ps:\n    pass", "open(p)"), []),
        (("p = 'a'\nwith open(p) as f:\n    pass",), ["a"]),
        (("[open('a') for _ in 'x']",), ["a"]),
        (("x and open('a')",), []),
        (("import pytest\nwith pytest.raises(OSError):\n    open('a')",), []),
        (("import os\nos.chdir('x')", "open('a')"), []),
        (("import shutil\nshutil.unpack_archive('d.zip')", "open('a')"), []),
        (("df.to_csv(f'{k}.csv')", "open('a.csv')\nopen('b.txt')"), ["b.txt"]),
        (("import os\nos.listdir('d')",), ["d"]),
        (("import os\nos.makedirs('d')", "os.listdir('d')"), []),
        (("%lprun -T out0 -f f f()", "open('out0')"), []),
        (("open('a', mode='w')", "open('a')"), []),
        (("def f():\n    f()\n    open('a')", "f()"), ["a"]),
    ],
)
def test_which_files_are_read(cells: tuple[str, ...], expected: list[str], tmp_path: Path) -> None:
    assert _reads(tmp_path, *cells) == expected


def test_calls_in_calls_end(tmp_path: Path) -> None:
    """Five functions that call each other a hundred times each are a hundred million steps."""
    defined = [f"def f{n}():\n" + f"    f{n + 1}()\n" * 100 + "    open('a')" for n in range(5)]

    assert _reads(tmp_path, *defined, "def f5():\n    open('a', 'w')", "f0()") == []


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("")
    (tmp_path / "data").symlink_to("real")
    (tmp_path / "gone").symlink_to("nowhere")

    assert _reads(tmp_path, "open('data/a')\nopen('gone/a')") == ["gone/a"]
