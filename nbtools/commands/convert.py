"""`nbtools convert`: options, what they ask for, and what is printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import click
from msgspec import Struct
from msgspec.structs import replace

from nbtools.commands.terminal import DIFFERENT, DONE, FAILED, complain, with_progress
from nbtools.convert.api import Action, Job, Outcome, convert_jobs, plan_jobs
from nbtools.convert.edits import Options, Order
from nbtools.errors import describe_os_error
from nbtools.files import Search, find_notebooks
from nbtools.report.printable import printable
from nbtools.report.text import format_diff, format_error, format_outcome, format_totals


@click.command("convert")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE (one notebook).")
@click.option(
    "--output-dir",
    metavar="DIR",
    help="Write below DIR. A notebook found in a folder keeps its place below that folder.",
)
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the result (one notebook).")
@click.option("-f", "--force", is_flag=True, help="Overwrite a .py file that differs.")
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit 1 where the .py file is missing or not what the notebook gives now.",
)
@click.option("--diff", is_flag=True, help="As --check, and print how the .py files would change.")
@click.option("--explain", is_flag=True, help="Print every edit with its reason.")
@click.option(
    "--order",
    type=click.Choice(["auto", "document", "counts"]),
    default="auto",
    show_default=True,
    help="The order the cells ran in: as they stand, by their execution counts, or (auto) by the "
    "counts only if the cells cannot run as they stand.",
)
@click.option("--format", "reformat", is_flag=True, help="Format the code with ruff.")
@click.option(
    "--script-metadata",
    is_flag=True,
    help="Add a PEP 723 block with the packages that the notebook imports.",
)
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to report what was done.",
)
@click.option("-q", "--quiet", is_flag=True, help="Report errors only.")
def convert_command(**choices: Any) -> int:
    """Convert Jupyter notebooks to reactive notebooks (marimo's .py files).

    PATH is a notebook, a folder to search for *.ipynb, or - for standard input. By default
    x.ipynb gives x.py beside it. No code of a notebook is run.

    Exit code: 0 done, 1 --check or --diff found a difference, 2 a notebook was not converted.
    """
    return _convert(_settle(ConvertRequest(**choices)))


class ConvertRequest(Struct, frozen=True):
    """What `nbtools convert` was asked for, option by option."""

    paths: tuple[str, ...]
    output: str | None
    output_dir: str | None
    to_stdout: bool
    force: bool
    check: bool
    diff: bool
    explain: bool
    order: Order
    reformat: bool
    script_metadata: bool
    output_format: Literal["text", "json"]
    quiet: bool

    @property
    def action(self) -> Action:
        """What is to become of the converted text."""
        if self.to_stdout:
            return "return"
        return "compare" if self.check or self.diff else "write"


def _settle(request: ConvertRequest) -> ConvertRequest:
    """Fill in what `-` stands for, and refuse options that contradict each other."""
    from_stdin = "-" in request.paths
    if request.output == "-" or (from_stdin and request.output is None):
        request = replace(request, output=None, to_stdout=True)
    refused = [
        (from_stdin and len(request.paths) > 1, "- stands alone: it cannot be mixed with paths"),
        (from_stdin and request.output_dir, "standard input has no name: use -o, not --output-dir"),
        (
            sum(map(bool, (request.output, request.output_dir, request.to_stdout))) > 1,
            "-o, --output-dir and --stdout exclude each other",
        ),
        (
            request.to_stdout and (request.check or request.diff),
            "--check and --diff need a file to compare with (-o FILE names one)",
        ),
        (
            request.diff and request.output_format == "json",
            "--diff prints text: use --check with --output-format json",
        ),
    ]
    for wrong, message in refused:
        if wrong:
            raise click.UsageError(message)
    return request


def _convert(request: ConvertRequest) -> int:
    """Convert, report, and give the exit code."""
    search = find_notebooks(() if request.paths == ("-",) else request.paths)
    for error in search.errors:
        complain(printable(f"{error.filename}: {describe_os_error(error)}"))
    jobs = _plan(request, search)
    if not jobs:
        complain(printable(f"no notebooks found in {', '.join(request.paths)}"))
    outcomes = with_progress(
        convert_jobs(jobs),
        len(jobs),
        "Converting",
        quiet=request.quiet,
        keep=lambda outcome: _without_text(outcome, request),
    )
    kept = _report(outcomes, request)
    if search.errors or any(outcome.status == "error" for outcome in kept):
        return FAILED
    return DIFFERENT if any(outcome.status == "would-change" for outcome in kept) else DONE


def _plan(request: ConvertRequest, search: Search) -> tuple[Job, ...]:
    """The jobs of a request. Raises NbtoolsError if two would write the same file."""
    options = Options(request.order, request.reformat, request.script_metadata)
    template = Job(Path("-"), None, options, request.action, request.force)
    output = Path(request.output) if request.output else None
    if request.paths == ("-",):
        data = sys.stdin.buffer.read()
        return (replace(template, target=output, keep_name=True, data=data),)
    if output is None and not request.to_stdout:
        output_dir = Path(request.output_dir) if request.output_dir else None
        return plan_jobs(search.found, template, output_dir)
    if len(search.found) != 1:
        option = "--stdout" if request.to_stdout else "-o"
        raise click.UsageError(f"{option} takes one notebook, found {len(search.found)}")
    return (replace(template, source=search.found[0].path, target=output, keep_name=True),)


def _without_text(outcome: Outcome, request: ConvertRequest) -> Outcome:
    """Let go of the text that has been written: of 10,000 notebooks it is some 200 MB."""
    if outcome.conversion is None or request.to_stdout or request.diff:
        return outcome
    return replace(outcome, conversion=replace(outcome.conversion, text=""))


def _report(outcomes: Iterable[Outcome], request: ConvertRequest) -> list[Outcome]:
    """Print what became of each notebook, and give the outcomes back."""
    kept = []
    as_json = request.output_format == "json"
    for outcome in outcomes:
        if outcome.bug:
            click.echo(outcome.bug, err=True, nl=False)
        if not as_json:
            _report_text(outcome, request)
        kept.append(_without_text(outcome, request))
    if as_json:
        from nbtools.report.json import format_outcomes

        click.echo(format_outcomes(kept, with_text=request.to_stdout), nl=False)
    elif len(kept) > 1 and not request.quiet:
        click.echo(format_totals(kept), err=_occupies_stdout(request))
    return kept


def _report_text(outcome: Outcome, request: ConvertRequest) -> None:
    if outcome.error:
        complain(format_error(outcome))
    if request.to_stdout and outcome.conversion:
        click.echo(outcome.conversion.text.encode(), nl=False)
    if request.diff:
        _print_diff(outcome)
    if not request.quiet:
        for line in format_outcome(outcome, explain=request.explain):
            click.echo(line, err=_occupies_stdout(request))


def _print_diff(outcome: Outcome) -> None:
    for line in format_diff(outcome):
        if sys.stdout.isatty():
            line = printable(line.rstrip("\n").expandtabs()) + "\n"
        click.echo(line.encode(), nl=False)


def _occupies_stdout(request: ConvertRequest) -> bool:
    """Tell whether standard output carries a notebook or a patch, which nothing may disturb."""
    return request.to_stdout or request.diff
