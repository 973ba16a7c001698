"""The command line: its commands, and what becomes of their errors."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

import nbtools
from nbtools.commands.terminal import DONE, FAILED, INTERRUPTED, complain
from nbtools.errors import NbtoolsError

COMMANDS = {
    "convert": "Convert Jupyter notebooks to reactive notebooks (marimo's .py files).",
    "graph": "Print which cell feeds which, through which names.",
    "lint": "Find what keeps notebooks from running again as they were saved.",
    "rule": "Explain a rule of `nbtools lint`.",
    "run": "Execute the code of a notebook, reactive or not.",
    "verify": "Execute notebooks, and prove that their conversions do the same.",
}
"""The commands, and what each is for: `nbtools --help` needs no more, so imports no more."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; the exit code is 0 (done), 1 (something was found), 2 (failed)."""
    gc.set_threshold(1_000_000)  # what start-up makes, and caches, stays: no need to look
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a Latin-1 terminal shows \u4e2d
    try:
        code = nbtools_command.main(arguments, prog_name="nbtools", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = FAILED
    except NbtoolsError as error:
        from nbtools.report.printable import printable

        complain(printable(str(error)))
        code = FAILED
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader left, as `head` does. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except SystemExit as stop:  # click's: after shell completion, or when the reader left early
        code = FAILED if stop.code else DONE
    except Exception:
        from traceback import print_exc  # slow to import

        print_exc()  # a bug; Python's own exit code 1 would read as "found"
        code = FAILED
    gc.freeze()  # or Python's collector looks at everything once more before the process ends
    sys.exit(code)


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of module `nbtools.commands.NAME`."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"nbtools.commands.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands and what they are for."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(nbtools.__version__, "-V", "--version", message="nbtools %(version)s")
def nbtools_command() -> None:
    """Make Jupyter notebooks reactive, and find what keeps them from running again."""
