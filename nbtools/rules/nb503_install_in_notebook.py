"""NB503: a notebook that installs what it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.file_calls import imported_names, qualify
from nbtools.analysis.installs import Install, read_install
from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.rule import Example, Rule
from nbtools.rules.sure_calls import find_sure_calls
from nbtools.rules.whole_file import list_words

_RUNS = frozenset(
    "os.system os.popen subprocess.run subprocess.call subprocess.check_call "
    "subprocess.check_output subprocess.Popen pip.main".split()
)


def check(program: Program) -> Iterator[Finding]:
    """Report installations that every run makes; those under `if` and `except` may be skipped."""
    for cell in program.cells:
        if "install" in cell.cell.source and not skips(cell.cell):
            for line, command in _commands(cell):
                if (found := read_install(command)) is not None:
                    yield RULE.finding(_message(found), cell.line_span(line))
    if not any(word in program.text for word in ("subprocess", "os.", "pip.")):
        return
    imports = imported_names(each for cell in program.cells for each in cell.facts.imports)
    for position, node in find_sure_calls(program, ("install",)):
        if qualify(node.func, imports) in _RUNS:
            found = read_install(_command_text(node))
            if found is not None:
                cell = program.cells[position]
                yield RULE.finding(_message(found), cell.span(node))


def _commands(cell: CodeCell) -> Iterator[tuple[int, str]]:
    """Lines (1-based) that run a command, and the command; not those in indented blocks."""
    for magic in cell.plain.magics:
        line = cell.author_lines[magic.line - 1] if magic.line <= len(cell.author_lines) else ""
        if magic.name in ("%%bash", "%%sh", "%%!", "%%system", "%%sx"):
            below = enumerate(cell.author_lines[magic.line :], start=magic.line + 1)
            yield from ((number, text.strip()) for number, text in below)
        elif "install" in magic.text and not line[:1].isspace():
            yield magic.line, _after_escape(magic.text, magic.name)


def _after_escape(text: str, name: str) -> str:
    mark = "!" if name.startswith("!") else "%"
    return text.partition(mark)[2].lstrip("!%").strip() if mark in text else text.strip()


def _command_text(node: ast.Call) -> str:
    if not node.args:
        return ""
    first = node.args[0]
    items = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
    words = [item.value if isinstance(item, ast.Constant) else "python" for item in items]
    return " ".join(str(word) for word in words)


def _message(found: Install) -> str:
    what = list_words([*found.requirements, *found.left_out]) or "packages"
    text = f"every run installs {what}: declare it in the project instead"
    return " ".join(text.split())[:200]


RULE = Rule(
    code="NB503",
    name="install-in-notebook",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="every run installs {packages}: declare it in the project instead",
    why=(
        "The environment changes while the notebook runs: versions drift from day to day, a "
        "module that is already imported stays the old one, and without a network it stops."
    ),
    instead=(
        "List the packages in `pyproject.toml`, `requirements.txt` or `environment.yml`. On "
        "Colab, install under `if 'google.colab' in sys.modules:`."
    ),
    valid=(
        Example(("!pip list",)),
        Example(("# !pip install pandas\nimport pandas",)),
        Example(("import sys\nif 'google.colab' in sys.modules:\n    !pip install pandas",)),
        Example(("try:\n    import pandas\nexcept ImportError:\n    %pip install pandas",)),
    ),
    invalid=(
        Example(("!pip install pandas",), found=("1:1:1",)),
        Example(("x = 1\n%pip install -q pandas numpy",), found=("1:2:1",)),
        Example(("pip install pandas",), found=("1:1:1",)),
        Example(("%%bash\nls\npip install pandas",), found=("1:3:1",)),
        Example(
            (
                "import subprocess, sys",
                "subprocess.run([sys.executable, '-m', 'pip', 'install', 'pandas'])",
            ),
            found=("2:1:1",),
        ),
        Example(("!{sys.executable} -m pip install pandas",), found=("1:1:1",)),
    ),
    check=check,
    measured=(
        "22 of 22 sampled findings right, 20 of them held out; 2 findings in 774 public notebooks"
    ),
    words=("install",),
)
