from __future__ import annotations

import pytest

from nbtools.formats.percent import is_percent, parse_percent, spell_line

SCRIPT = '''\
#!/usr/bin/env python
# ---
# jupyter:
#   kernelspec:
#     language: python
# ---

import os

# %% [markdown]
# # Title
#
# text

# %% Load it tags=["parameters", "b"]
# %matplotlib inline
x = 1
if x:
    # !ls {x}
    pass


# %%
# %%time
y = 2  # not %magic
# %%
# %%bash
# echo 1
# # a comment
# %% [markdown]
"""
More *text*
"""
# %% {"tags": ["c"]}
'''


def test_cells_and_the_lines_where_they_start() -> None:
    found = parse_percent(SCRIPT)

    assert [(cell.kind, cell.source) for cell in found.notebook.cells] == [
        ("code", "import os"),
        ("markdown", "# Title\n\ntext"),
        ("code", "%matplotlib inline\nx = 1\nif x:\n    !ls {x}\n    pass"),
        ("code", "%%time\ny = 2  # not %magic"),
        ("code", "%%bash\necho 1\n# a comment"),
        ("markdown", "More *text*"),
        ("code", ""),
    ]
    assert [cell.tags for cell in found.notebook.cells][2::4] == [("parameters", "b"), ("c",)]
    assert found.lines == (8, 11, 16, 24, 27, 32, 35)
    assert found.notebook.language == "python"


def test_what_was_removed_from_each_line() -> None:
    assert parse_percent(SCRIPT).removed[2] == ((0, 2), (0, 0), (0, 0), (4, 2), (0, 0))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_newline_will_do(newline: str) -> None:
    found = parse_percent("\ufeff# %%\nx\n# %%\ny\n".replace("\n", newline))

    assert [cell.source for cell in found.notebook.cells] == ["x", "y"]
    assert found.lines == (2, 4)


@pytest.mark.parametrize("text", ["# %%\n", "x = 1\n#%% \n", "# %%", "# %% [markdown]"])
def test_a_marker_makes_a_percent_script(text: str) -> None:
    assert is_percent(text.encode())


@pytest.mark.parametrize("text", ["", "x = 1", "  # %%\n", "'# %%'", "x = 5 %% 2", "# %%time\n"])
def test_other_files_are_none(text: str) -> None:
    assert not is_percent(text.encode())


def test_new_magics_stand_in_comments() -> None:
    lines = ("%time x", "x = 1", "!ls", "x %y")

    assert [spell_line(line, in_comment=False) for line in lines] == [
        "# %time x",
        "x = 1",
        "# !ls",
        "x %y",
    ]
    assert spell_line("echo", in_comment=True) == "# echo"
