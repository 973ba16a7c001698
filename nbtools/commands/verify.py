"""`nbtools verify`: proves that notebooks reproduce, by running them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import click

from nbtools.commands.run import find_python, read_seconds, read_variables, with_limits
from nbtools.commands.terminal import DONE, complain, with_progress
from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.processes import useful_workers
from nbtools.report.printable import printable
from nbtools.run.environment import scrub_environment
from nbtools.run.session import Limits
from nbtools.verify.files import Task, exit_code, find_tasks, prove_tasks
from nbtools.verify.proof import FailOn, Request
from nbtools.verify.verdict import Proof

FORMATS = ("text", "json", "junit", "github")
TIMEOUT = 600.0


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--against",
    type=click.Choice(["both", "fresh", "recorded"]),
    default="both",
    show_default=True,
    help="Hold the conversion against a fresh run of the original, a fresh run against the "
    "outputs saved in the file, or both; with both, only the first decides.",
)
@click.option(
    "--deep",
    is_flag=True,
    help="Run every result with its ancestors alone, too, and every cell again by itself.",
)
@click.option(
    "--fail-on",
    type=click.Choice(get_args(FailOn)),
    show_default="order for a reactive .py alone, else different",
    help="What counts as a difference: also that a result depends on the order of cells that "
    "nothing links, or that it varies from run to run.",
)
@click.option("--output-format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--html", metavar="REPORT.html", help="Write a report with pictures side by side.")
@click.option(
    "--timeout",
    type=float,
    default=TIMEOUT,
    show_default=True,
    callback=read_seconds,
    metavar="SECONDS",
    help="Limit each run.",
)
@with_limits
@click.option(
    "--in-place", is_flag=True, help="Run in the notebook's own folder, not in copies of it."
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="NAME=VALUE",
    callback=read_variables,
    help="Give the runs a variable of the environment; of yours they get what is harmless.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), help="Notebooks at a time.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for every cell.")
def verify_command(**choices: Any) -> int:
    """Execute notebooks, and prove that their conversions compute and show the same.

    An .ipynb is converted in memory; with a reactive .py of the same name, that conversion is
    proved instead. A reactive .py alone is proved to be deterministic, and independent of the
    order of its cells. Folders are searched. The code runs several times, with all your rights,
    in copies of the project's folder.

    Exit code: 0 all reproduce, 1 a cell differs, 2 a FILE cannot be read, 3 a notebook raises an
    exception, 4 a limit was reached or a process died, 5 nothing could be compared.
    """
    return _verify(**choices)


def _verify(paths: Sequence[str], jobs: int | None, **choices: Any) -> int:
    found = find_tasks(paths)
    if found.passed_over:
        count = len(found.passed_over)
        one = "1 Python file is no reactive notebook"
        many = f"{count} Python files are no reactive notebooks"
        complain(f"{one if count == 1 else many}, and passed over")
    for error in found.errors:
        complain(printable(f"{error.filename}: {describe_os_error(error)}"))
    if not found.tasks and found.passed_over:
        return 2 if found.errors else DONE
    if not found.tasks:
        raise NbtoolsError(f"no notebooks in {', '.join(paths)}")
    request = Request(
        find_python(choices["python"]),
        Limits(
            choices["timeout"],
            choices["cell_timeout"],
            choices["memory"],
            choices["file_size"],
            network=not choices["no_network"],
        ),
        scrub_environment(os.environ, choices["environment"]),
        against=choices["against"],
        deep=choices["deep"],
        in_place=choices["in_place"],
        fail_on=choices["fail_on"],
    )
    workers = jobs or useful_workers(len(found.tasks))
    proofs = _prove(found.tasks, request, workers, choices)
    if choices["html"]:
        _write_report(Path(choices["html"]), proofs)
    return 2 if found.errors else exit_code(proofs)


def _prove(
    tasks: Sequence[Task], request: Request, workers: int, choices: dict[str, Any]
) -> list[Proof]:
    """Prove all, and print as far as the format allows as soon as something is known."""
    progress = _Progress(tasks)
    proofs: Iterable[Proof] = prove_tasks(tasks, request, workers, progress.tell)
    if choices["output_format"] == "text":
        return list(_print_each(progress.follow(proofs), len(tasks), verbose=choices["verbose"]))
    done = list(with_progress(progress.follow(proofs), len(tasks), "Proving"))
    for line in _render(done, choices["output_format"]):
        click.echo(line)
    return done


def _print_each(proofs: Iterable[Proof], count: int, *, verbose: bool) -> Iterator[Proof]:
    from nbtools.report.proof.text import format_proof
    from nbtools.report.proof.words import summarize

    done: list[Proof] = []
    for proof in proofs:
        for line in format_proof(proof, verbose=verbose):
            click.echo(line)
        done.append(proof)
        yield proof
    if count > 1:
        click.echo()
        for line in summarize(done):
            click.echo(line)


def _render(proofs: Sequence[Proof], output_format: str) -> Iterator[str]:
    from importlib import import_module

    module = import_module(f"nbtools.report.proof.{output_format}")
    lines: Iterator[str] = module.format_proofs(proofs)
    return lines


def _write_report(path: Path, proofs: Sequence[Proof]) -> None:
    from nbtools.files import write_atomically

    try:
        write_atomically(path, "\n".join(_render(proofs, "html")))
    except OSError as error:
        raise NbtoolsError(f"{path}: {describe_os_error(error)}") from None


class _Progress:
    """What is done at the moment, in a line of its own at the terminal."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.live = sys.stderr.isatty()
        self.names = [str(task.source) for task in tasks]
        self.done = 0

    def tell(self, words: str) -> None:
        if self.live:
            line = printable(f"{self.names[self.done]}: {words} ...")
            click.echo(f"\r\x1b[K{line[:100]}", nl=False, err=True)

    def follow(self, proofs: Iterable[Proof]) -> Iterator[Proof]:
        for proof in proofs:
            if self.live:
                click.echo("\r\x1b[K", nl=False, err=True)
            self.done = min(self.done + 1, len(self.names) - 1)
            yield proof
