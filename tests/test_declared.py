"""What dependency files declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtools.analysis.declared import read_declared
from nbtools.analysis.distributions import bring_along


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("requirements.txt", "A_b>=1 # c\n# d\n-r x.txt\n\ne[f]==2; python_version>'3'", "a-b e"),
        (
            "requirements-dev.txt",
            "git+https://github.com/me/pack.git@v1\nb @ https://x/y",
            "pack b",
        ),
        (
            "environment.yml",
            "dependencies:\n- python=3\n- a=1\n- pip:\n  - b-c>2",
            "a b-c",
        ),
        ("environment.yml", "channels:\n  - conda-forge\ndependencies:\n  - x::a", "a"),
        ("pyproject.toml", "[project]\nname='me'\ndependencies=['a>=1', \"b\"]", "me a b"),
        ("pyproject.toml", "[project.optional-dependencies]\nx = [\n  'a', # c 'd'\n]", "a"),
        ("pyproject.toml", "[dependency-groups]\nx = ['a', {include-group = 'y'}]", "a y"),
        ("pyproject.toml", "[tool.poetry.dependencies]\npython='3'\na='1'\nb={version='2'}", "a b"),
        ("pyproject.toml", "[build-system]\nrequires=['a']\n[tool.x]\ny=['b']", ""),
        ("setup.py", "setup(name='me', install_requires=['a>=1', 'b'])", "me a b"),
        ("setup.cfg", "[options]\ninstall_requires =\n    a>=1\n    b", "a b"),
        ("Pipfile", "[packages]\na = '*'\n[dev-packages]\nb = '*'", "a b"),
        ("binder/requirements.txt", "a", "a"),
        ("requirements/base.in", "a", "a"),
    ],
)
def test_files(name: str, text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)

    found = read_declared(tmp_path)

    assert set(expected.split()) <= found.names
    assert bool(expected) == bool(found.files)


def test_the_repository_is_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "notebooks"
    inner.mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("outside")
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / "requirements.txt").write_text("inside")

    found = read_declared(inner)

    assert found.names == {"inside"}
    assert found.root == tmp_path / "repo"


def test_what_comes_along() -> None:
    found = bring_along(frozenset({"seaborn"}))

    assert found is not None
    assert {"seaborn", "numpy", "pandas", "matplotlib", "pillow"} <= found
    assert bring_along(frozenset({"anaconda"})) is None
