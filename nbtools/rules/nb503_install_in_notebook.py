"""NB503: a notebook that installs what it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from nbtools.analysis.file_calls import imported_names, qualify
from nbtools.analysis.installs import Install, read_install
from nbtools.rules.edits import Sources, edits_to
from nbtools.rules.finding import DocumentEdit, Finding, Fix
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.rule import Example, Rule
from nbtools.rules.script_blocks import build_block, extend_in, find_block
from nbtools.rules.sure_calls import find_sure_calls
from nbtools.rules.whole_file import is_ipynb, list_words

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


def mend(program: Program, finding: Finding) -> Fix | None:
    """Declare what is installed in a block of script metadata (PEP 723), for the whole notebook.

    Only lines that do nothing but install packages by their names go.
    """
    found = dict(_plain_installs(program)) if program.kind == "jupyter" else {}
    if (finding.span.cell, finding.span.line) not in found:
        return None
    rows = {index: program.notebook.cells[index].source.split("\n") for index, _ in found}
    for index, line in found:
        rows[index][line - 1] = _GONE
    own = find_block(program)
    wanted = _requirements(found.values())
    if own is None:
        index, line = min(found)
        rows[index][line - 1] = build_block(wanted)
    sources = {index: _join(lines) for index, lines in rows.items()}
    if own is not None:
        cell, block = own
        source = sources.get(cell.index, cell.cell.source)
        sources[cell.index] = extend_in(source, block, wanted)
    return _write(program, sources)


_GONE = "\0"
_Place = tuple[int, int]  # the cell among all of the file, and the line (1-based) in it


def _plain_installs(program: Program) -> Iterator[tuple[_Place, Install]]:
    for cell in program.cells:
        source = cell.cell.source
        if "install" not in source or skips(cell.cell) or source.lstrip().startswith("%%"):
            continue
        for line, command in _commands(cell):
            found = read_install(command)
            is_alone = not cell.author_lines[line - 1].rstrip().endswith("\\")
            if found and found.whole and found.requirements and not found.left_out and is_alone:
                yield (cell.index, line), found


def _requirements(found: Iterable[Install]) -> Sequence[str]:
    from nbtools.convert.script_metadata import merge_requirements

    texts = [text for each in found for text in each.requirements]
    return merge_requirements(reversed(texts))  # of two installs the later wins


def _join(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line != _GONE)


def _write(program: Program, sources: Sources) -> Fix:
    """A cell with nothing left goes."""
    blank = sorted(index for index, source in sources.items() if not source.strip())
    gone = blank if is_ipynb(program) else []
    kept = {index: source for index, source in sources.items() if index not in gone}
    return Fix(
        "unsafe",
        "Declare the packages in the notebook's script metadata (PEP 723)",
        edits_to(program, kept),
        tuple(DocumentEdit("delete", index) for index in gone),
    )


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
        "List the packages in `pyproject.toml`, `requirements.txt` or `environment.yml`, or in a "
        "block of script metadata (PEP 723), which `nbtools convert` takes along. On "
        "Colab, install under `if 'google.colab' in sys.modules:`."
    ),
    valid=(
        Example(("!pip list",)),
        Example(("# !pip install pandas\nimport pandas",)),
        Example(("import sys\nif 'google.colab' in sys.modules:\n    !pip install pandas",)),
        Example(("try:\n    import pandas\nexcept ImportError:\n    %pip install pandas",)),
    ),
    invalid=(
        Example(
            ("!pip install pandas", "import pandas\n%pip install -q 'scipy>=1.10' numpy"),
            found=("1:1:1", "2:2:1"),
            fixed=(
                '# /// script\n# dependencies = [\n#     "numpy",\n#     "pandas",\n'
                '#     "scipy>=1.10",\n# ]\n# ///',
                "import pandas",
            ),
        ),
        Example(
            ("# /// script\n# dependencies = []\n# ///", "%pip install pandas", "import pandas"),
            found=("2:1:1",),
            fixed=('# /// script\n# dependencies = ["pandas"]\n# ///', "import pandas"),
        ),
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
    mend=mend,
    fix="unsafe",
    measured=(
        "22 of 22 sampled findings right, 20 of them held out; 2 findings in 774 public notebooks"
    ),
    words=("install",),
)
