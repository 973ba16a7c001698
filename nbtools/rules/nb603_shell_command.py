"""NB603: a command of the operating system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.magic_effects import rows_of
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_HELPERS = frozenset(("shell", "shell_lines", "run_script"))
_CALL = re.compile(r"\b(?:shell|shell_lines|run_script)\(")
_PYTHON = {
    "ls": "`os.listdir()`",
    "pwd": "`os.getcwd()`",
    "mkdir": "`os.makedirs()`",
    "rm": "`os.remove()` or `shutil.rmtree()`",
    "cp": "`shutil.copy()`",
    "mv": "`shutil.move()`",
    "cat": "`Path.read_text()`",
    "head": "`Path.read_text()`",
    "wget": "`urllib.request.urlretrieve()`",
    "curl": "`urllib.request.urlretrieve()`",
    "unzip": "`shutil.unpack_archive()`",
    "tar": "`shutil.unpack_archive()`",
}


def check(program: Program) -> Iterator[Finding]:
    """Report the commands that stay commands; installations are NB503's."""
    for cell in program.cells:
        if cell.plain.helpers.isdisjoint(_HELPERS):
            continue
        for magic in cell.plain.magics:
            if not any(map(_CALL.search, rows_of(cell, magic))):
                continue
            text = magic.text.strip()
            command = text.lstrip("!%").split()[:1]
            python = _PYTHON.get(command[0]) if command and text[:2] != "%%" else None
            message = f"`{text[:50]}` needs a shell: it would be run by `subprocess`"
            message += f"; {python} works everywhere" if python else ""
            yield RULE.finding(message, cell.line_span(magic.line), symbol=magic.name)


RULE = Rule(
    code="NB603",
    name="shell-command",
    severity="info",
    default="reactive",
    kinds=frozenset({"jupyter"}),
    summary="`{command}` needs a shell",
    why=(
        "The command must exist on every machine that runs the notebook, and what it changes "
        "(files, mostly) is not seen by a reactive notebook. `nbtools convert` keeps it as a call "
        "of `subprocess`."
    ),
    instead="Use Python for it where that is as short.",
    words=("!", "%", "ls", "cat", "mkdir", "get_ipython"),
    valid=(
        Example(("!pip install numpy",), note="See NB503."),
        Example(("%pwd",)),
        Example(("x != 1",)),
    ),
    invalid=(
        Example(("!ls -l",), found=("1:1:1",)),
        Example(("files = !ls",), found=("1:1:1",)),
        Example(("%%bash\necho 1",), found=("1:1:1",)),
        Example(("for i in range(2):\n    !touch {i}",), found=("1:2:5",)),
    ),
    measured="30 of 30 sampled findings right; 227 findings in 774 public notebooks",
    check=check,
)
