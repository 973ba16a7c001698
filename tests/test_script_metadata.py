from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.analysis import modules
from nbtools.analysis.distributions import normalize_name
from nbtools.cells import Cell, Notebook
from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion, Options
from nbtools.convert.header import app_options, lift_block
from nbtools.convert.log import Log
from nbtools.convert.script_metadata import (
    block_requirements,
    build_block,
    extend_block,
    infer_requirements,
    is_requirement,
    merge_requirements,
    read_block,
)
from nbtools.convert.scripts import read_scripts
from nbtools.formats.reactive import read_reactive

BLOCK = """\
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "marimo",
#     "numpy>=2",
# ]
# ///"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", (None, "")),
        ("x = 1", (None, "x = 1")),
        (BLOCK, (BLOCK, "")),
        (f"{BLOCK}\n", (BLOCK, "")),
        (f"# hi\n{BLOCK}\n\nx = 1\n", (BLOCK, "# hi\n\nx = 1\n")),
        (f"%pip install x\n{BLOCK}\nx = 1", (BLOCK, "%pip install x\nx = 1")),
        (f"!ls 'it\n{BLOCK}\nx = 1", (BLOCK, "!ls 'it\nx = 1")),
        ("# /// script\n#\n# ///", ("# /// script\n#\n# ///", "")),
        ("# /// other\n# a = 1\n# ///\n\n" + BLOCK, (BLOCK, "# /// other\n# a = 1\n# ///\n\n")),
        (f"{BLOCK}\n\n{BLOCK}", (BLOCK, f"\n{BLOCK}")),
    ],
)
def test_read_block_takes_the_first_script_block_out(
    source: str, expected: tuple[str | None, str]
) -> None:
    assert read_block(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        f'text = """\n{BLOCK}\n"""',
        f"text = f'''\n{BLOCK}\n'''",
        f"%%writefile x.py\n{BLOCK}\nx = 1",
        "# /// script\n# a = 1",
        "# /// script\n# ///",
        "# /// script\n#a = 1\n# ///",
        "# /// script\nx = 1\n# ///",
        " # /// script\n # a = 1\n # ///",
        "#/// script\n# a = 1\n# ///",
    ],
)
def test_read_block_leaves_what_is_no_block(source: str) -> None:
    assert read_block(source) == (None, source)


def test_build_block() -> None:
    assert build_block(["marimo", "numpy>=2"], ">=3.11") == BLOCK
    assert build_block([], None) == "# /// script\n# dependencies = []\n# ///"
    marker = build_block(['a; python_version < "3.9"'], None)
    assert """#     'a; python_version < "3.9"',""" in marker
    assert """#     "a; x == \\"'\\"",""" in build_block(["""a; x == "'\""""], None)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with 3.11")
@given(st.lists(TEXT), st.none() | TEXT)
def test_a_block_is_toml_that_says_what_was_given(texts: list[str], python: str | None) -> None:
    block = build_block(texts, python)
    found, rest = read_block(block + "\nx = 1")
    assert (found, rest) == (block, "x = 1")
    expected = {"dependencies": texts}
    assert parse_block(block) == (
        expected if python is None else expected | {"requires-python": python}
    )


def parse_block(block: str) -> dict[str, object]:
    import tomllib

    match = re.fullmatch(r"(?s)# /// script\n(.*\n)# ///", block)
    assert match is not None
    return tomllib.loads("".join(re.sub("^# ?", "", s) for s in match[1].splitlines(keepends=True)))


# TOML before, what is added, TOML after; the markers and "# " are put around both.
EXTENSIONS = {
    "nothing new": ('dependencies = ["numpy>=2"]', ["numpy", "NumPy<3"], None),
    "one line": ('dependencies = ["a"]', ["b"], 'dependencies = ["a", "b"]'),
    "one line, comma": ('dependencies = ["a", ]', ["b"], 'dependencies = ["a", "b"]'),
    "empty": ("dependencies = []", ["b", "c"], 'dependencies = ["b", "c"]'),
    "empty, blank": ("dependencies = [ ]", ["b"], 'dependencies = ["b"]'),
    "lines": (
        'dependencies = [\n  "a",  # why\n  # and\n]\nx = 1',
        ["b"],
        'dependencies = [\n  "a",  # why\n  # and\n  "b",\n]\nx = 1',
    ),
    "no last comma": (
        'dependencies = [\n    "a",\n    "c" # why\n]',
        ["b"],
        'dependencies = [\n    "a",\n    "c", # why\n    "b",\n]',
    ),
    "bracket behind the last": (
        'dependencies = [\n    "a",\n    "c"]',
        ["b"],
        'dependencies = [\n    "a",\n    "c",\n    "b",\n]',
    ),
    "empty lines": ("dependencies = [\n]", ["b"], 'dependencies = [\n    "b",\n]'),
    "none": (
        'requires-python = ">=3.9"\n\n[tool.uv]\ndependencies = ["x"]',
        ["b"],
        'dependencies = [\n    "b",\n]\nrequires-python = ">=3.9"\n\n'
        '[tool.uv]\ndependencies = ["x"]',
    ),
    "brackets in strings and comments": (
        "a = ['[', \"]\"] # [\nb = {c = [1]}\ndependencies = ['x[y]'] # ]",
        ["b"],
        "a = ['[', \"]\"] # [\nb = {c = [1]}\ndependencies = ['x[y]', \"b\"] # ]",
    ),
    "quoted key": ('"dependencies" = ["a"]', ["b"], '"dependencies" = ["a", "b"]'),
    "no end": ('dependencies = ["a",', ["b"], None),
}


@pytest.mark.parametrize("case", EXTENSIONS)
def test_extend_block_adds_only_what_is_missing(case: str) -> None:
    before, added, after = EXTENSIONS[case]
    extended = extend_block(comment(before), added)
    assert extended == comment(before if after is None else after)
    assert extend_block(extended, added) == extended
    if after is not None and sys.version_info >= (3, 11):
        assert parse_block(extended)["dependencies"] == list(block_requirements(extended))


def comment(toml: str) -> str:
    lines = [f"# {line}" if line else "#" for line in toml.split("\n")]
    return "\n".join(["# /// script", *lines, "# ///"])


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], ()),
        ([["b", "a"]], ("a", "b")),
        ([["numpy"], ["numpy>=2"]], ("numpy>=2",)),
        ([["numpy>=2"], ["numpy"]], ("numpy>=2",)),
        ([["numpy>=2", "numpy<3"]], ("numpy>=2",)),
        ([["Scikit_Learn==1.5"], ["scikit-learn"]], ("Scikit_Learn==1.5",)),
        ([["uvicorn[standard]"], ["uvicorn >= 0.1"]], ("uvicorn[standard] >= 0.1",)),
        ([["a[x]>=1"], ["a[y]"]], ("a[x,y]>=1",)),
        ([["a"], ["a @ git+https://x.org/a.git"]], ("a @ git+https://x.org/a.git",)),
        (
            [["a; python_version < '3.9'", "a>=2; python_version >= '3.9'"]],
            ("a; python_version < '3.9'", "a>=2; python_version >= '3.9'"),
        ),
        ([["-r x.txt", ".", "./a", "git+https://x.org/a.git", "a=1", "a b", "", "a>"]], ()),
        ([["a", " a "]], ("a",)),
    ],
)
def test_merge_requirements(groups: list[list[str]], expected: tuple[str, ...]) -> None:
    assert merge_requirements(*groups) == expected


REQUIREMENTS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["a", "A", "b-c", "b_c", "B.C", "d2"]),
    st.sampled_from(["", "[x]", "[x,y]"]),
    st.sampled_from(["", "==1", ">=1,<2", "~=1.0", " @ https://x.org/a.whl"]),
)


@given(st.lists(REQUIREMENTS))
def test_merging_names_every_distribution_once_and_is_stable(texts: list[str]) -> None:
    merged = merge_requirements(texts)
    names = [normalize_name(re.split(r"[\[=>~@ ]", text)[0]) for text in merged]
    assert names == sorted(set(names))
    assert set(names) == {normalize_name(re.split(r"[\[=>~@ ]", text)[0]) for text in texts}
    assert merge_requirements(merged) == merged
    assert merge_requirements(texts[:1], texts[1:]) == merged


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", True), ("a.b-c_d", True), ("a>=1.0,!=1.5", True), ("a (>=1)", True), ("a==1.*", True),
     ("a[x] ~= 1 ; python_version > '3'", True), ("a @ file:///x y", False), ("a>=1 <2", False),
     ("a\n", False), ("-e .", False), ("a-", False)],
)  # fmt: skip
def test_is_requirement(text: str, expected: bool) -> None:
    assert is_requirement(text) is expected


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ([], ["marimo"]),
        (["numpy", "pandas", "marimo"], ["marimo", "numpy", "pandas"]),
        (["cv2", "sklearn", "PIL", "yaml", "bs4"],
         ["beautifulsoup4", "marimo", "opencv-python", "pillow", "pyyaml", "scikit-learn"]),
        (["os", "sys", "distutils", "urllib2", "google.colab", "__future__", "_x"], ["marimo"]),
        (["mpl_toolkits.mplot3d", "pylab", "matplotlib.pyplot"], ["marimo", "matplotlib"]),
        (["google.cloud.storage", "google.protobuf.json_format", "google"],
         ["google-cloud-storage", "marimo", "protobuf"]),
        (["My_Module.part"], ["marimo", "my-module"]),
        (["helpers", "src.helpers"], ["marimo"]),
        ([""], ["marimo"]),
    ],
)  # fmt: skip
def test_infer_requirements(imports: list[str], expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "helpers.py").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "helpers.py").touch()
    assert list(infer_requirements(imports, tmp_path)) == expected
    assert infer_requirements(list(reversed(imports)), tmp_path) == tuple(expected)


MARIMO_FILE = "import marimo\n\napp = marimo.App()\n"


@pytest.mark.parametrize(
    ("name", "text", "own", "expected"),
    [
        ("helpers.py", "", "", ["marimo"]),
        ("helpers.py", MARIMO_FILE, "", ["marimo"]),  # another notebook, whose functions are used
        ("helpers.py", MARIMO_FILE, "helpers", ["helpers", "marimo"]),
        ("requests.py", "", "requests", ["marimo"]),
        ("requests.py", MARIMO_FILE, "", ["marimo"]),
        ("requests.py", MARIMO_FILE, "requests", ["marimo", "requests"]),
        ("requests/__init__.py", MARIMO_FILE, "requests", ["marimo"]),
    ],
)
def test_what_was_converted_from_the_notebook_is_no_module(
    name: str, text: str, own: str, expected: list[str], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    module = name.partition("/")[0].removesuffix(".py")
    assert list(infer_requirements([f"{module}.part"], tmp_path, own=own)) == expected


def test_the_table_of_distributions() -> None:
    table = modules.load_table("distributions")
    names = [name for name in table.values() if name is not None]
    differing = [
        module for module, name in table.items() if name and name != normalize_name(module)
    ]
    assert list(table) == sorted(table)
    assert all(isinstance(name, str) and name == normalize_name(name) for name in names)
    assert len(differing) >= 150
    assert not [module for module in table if modules.is_stdlib(module)]


# ---------------------------------------------------------------- the header of a conversion


def convert(*cells: str, version: str | None = None, infer: bool = False) -> Conversion:
    fields: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": "python", "version": version}},
        "cells": [{**fields, "id": f"c{i}", "source": cell} for i, cell in enumerate(cells)],
    }
    return convert_source(json.dumps(notebook), Options(script_metadata=infer))


def header_of(*cells: str, version: str | None = None, infer: bool = False) -> str:
    return read_reactive(convert(*cells, version=version, infer=infer).text).header.strip()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["x = 1", "import numpy"], None),
        (['text = "%pip install a"'], None),
        (["%pip install b a"], ["a", "b", "marimo"]),
        (['%pip install "a>=1,<2" -q', "!pip install a==2"], ["a==2", "marimo"]),
        (["!pip install a==2", "%pip install a"], ["a==2", "marimo"]),
        (["%pip install a[x]==1", "if x:\n    %pip install A[y]"], ["a[x,y]==1", "marimo"]),
        (["%pip install marimo==0.9"], ["marimo==0.9"]),
        (["%pip install ./here -r requirements.txt a"], ["a", "marimo"]),
    ],
)
def test_what_is_installed_is_required(cells: list[str], expected: list[str] | None) -> None:
    header = header_of(*cells)

    assert (list(block_requirements(header)) if header else None) == expected


def test_imports_are_required_where_that_is_asked_for() -> None:
    cells = [
        "import os, numpy as np\nfrom google.cloud import storage",
        "%pip install numpy==2.0",
        "def f():\n    import yaml\n    from . import here\n    from .near import it",
        "try:\n    from tqdm.auto import *\nexcept ImportError: pass",
        "def broken(:\n    import never",
    ]
    expected = ["google-cloud-storage", "marimo", "numpy==2.0", "pyyaml", "tqdm"]
    assert list(block_requirements(header_of(*cells, infer=True))) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.12.1", ">=3.12"), ("3.7.3", ">=3.10"), ("3.9", ">=3.10"), ("x", None), (None, None)],
)
def test_a_block_asks_for_the_python_of_the_notebook(
    version: str | None, expected: str | None
) -> None:
    assert header_of("x = 1", version=version, infer=True) == build_block(["marimo"], expected)


def test_the_authors_block_moves_to_the_header_and_is_extended() -> None:
    conversion = convert("x = 1", f"# hi\n{BLOCK}\ny = x", "%pip install numpy rich>=13")
    notebook = read_reactive(conversion.text)

    assert notebook.header.strip() == BLOCK.replace("# ]", '#     "rich>=13",\n# ]')
    assert notebook.cells[1].source == "# hi\ny = x"
    assert [(edit.kind, edit.cell, edit.line) for edit in conversion.edits] == [
        ("move", 1, 2),
        ("replace", 2, 1),
    ]


def test_a_cell_that_was_only_the_block_is_gone() -> None:
    conversion = convert(BLOCK, "x = 1")
    assert [cell.source for cell in read_reactive(conversion.text).cells] == ["x = 1"]


def test_the_lines_below_a_lifted_block_are_still_the_authors() -> None:
    notebook = Notebook((Cell(0, "code", f"a = 1\n{BLOCK}\nb = 2\n\nc = 3"),))
    (script,), block = lift_block(read_scripts(notebook, Log()), Log())

    assert block == BLOCK
    assert script.source == "a = 1\nb = 2\n\nc = 3"
    assert script.lines == (1, 9, 10, 11)
    assert [statement.line for statement in script.statements] == [1, 2, 4]


@pytest.mark.parametrize(
    "source", [f"s = '''\n{BLOCK}\n'''", f"%%writefile a.py\n{BLOCK}\n", f"x = = 1\n{BLOCK}"]
)
def test_no_block_is_taken_from_text_or_from_a_broken_cell(source: str) -> None:
    assert header_of(source) == ""


@pytest.mark.parametrize(
    ("title", "carried"),
    [
        ("A title", True),
        ("it's {x} é \\n", True),
        (None, False),
        (" ", False),
        ('a "quote"', False),  # marimo would write a file that it cannot read
        ("two\nlines", False),
        ("a\xa0b", False),
    ],
)
def test_the_title_is_carried_if_marimo_can(title: str | None, carried: bool) -> None:
    assert app_options(Notebook((), title=title)) == ((("app_title", title),) if carried else ())
