"""`nbtools lint`: options, what they ask for, and what is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct
from msgspec.structs import replace

from nbtools.commands.terminal import DIFFERENT, DONE, FAILED, complain, with_progress
from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.files import Choice, Found, Search, find_notebooks, write_bytes_atomically
from nbtools.lint.configuration import (
    FAIL_ON,
    FORMATS,
    TARGETS,
    Configuration,
    Configurations,
    FileIgnores,
    Selectors,
    override,
    read_configuration,
)
from nbtools.lint.outcome import Mend, Outcome
from nbtools.lint.run import Job, check_jobs, without_text
from nbtools.lint.selectors import check_selectors
from nbtools.patterns import PathPatterns, find_invalid
from nbtools.report.findings.formats import FOR_PEOPLE, render
from nbtools.report.findings.style import Style
from nbtools.report.findings.totals import count_by_rule, plural, summarize
from nbtools.report.printable import printable

STDIN = "-"
LINES = 1000  # of a report that are printed at a time: each time costs
DEFAULT_FORMAT = "full"
WITH_FIXES = ("json", "json-lines")
"""Formats that show every fix; elsewhere none is worked out for the report alone."""
LEVELS = ("info", "warning", "error")

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _split(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Selectors:
    """Selectors may stand in one option, with commas, or in many."""
    selectors = tuple(part.strip() for value in values for part in value.split(",") if part.strip())
    check_selectors(selectors, parameter.opts[0])
    return selectors


def _selectors(name: str, explanation: str) -> Callable[[_Command], _Command]:
    return click.option(name, multiple=True, metavar="RULES", callback=_split, help=explanation)


@click.command("lint")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@_selectors("--select", "Check these rules only: codes, prefixes of codes, names, ALL.")
@_selectors("--ignore", "Leave out these rules.")
@_selectors("--extend-select", "Check these rules besides those that are on.")
@click.option(
    "--per-file-ignores",
    multiple=True,
    metavar="PATTERN:RULES",
    help="Leave out rules for some files.",
)
@_selectors("--fixable", "Fix what these rules find (default: ALL).")
@_selectors("--unfixable", "Do not fix what these rules find.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely; report the rest.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="Also make fixes that may change what a notebook does."
)
@click.option("--diff", is_flag=True, help="Write nothing; print what --fix would change.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    envvar="NBTOOLS_OUTPUT_FORMAT",
    help="How to report. Default: full, or what NBTOOLS_OUTPUT_FORMAT says.",
)
@click.option("--output-file", metavar="FILE", help="Write the report to FILE.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever was found.")
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    help="Exit 1 for findings of this severity and above. Default: warning.",
)
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    help="What the notebooks are to be: reactive (default), or jupyter, which leaves out what "
    "matters to reactive notebooks alone.",
)
@click.option("--stdin-filename", metavar="NAME", help="The name of what - reads.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Pass over files and folders that are found in folders; patterns as in .gitignore.",
)
@click.option("--extend-exclude", multiple=True, metavar="PATTERN", help="As --exclude, besides.")
@click.option("--force-exclude", is_flag=True, help="Exclude files that are named, too.")
@click.option(
    "--respect-gitignore/--no-respect-gitignore",
    default=True,
    help="Pass over what .gitignore excludes (default).",
)
@click.option("--show-files", is_flag=True, help="Print which files would be checked.")
@click.option("--show-settings", is_flag=True, help="Print the settings of the first file.")
@click.option("--isolated", is_flag=True, help="Read no configuration.")
@click.option("--config", metavar="FILE", help="Take the configuration from FILE.")
@click.option("--no-cache", is_flag=True, help="Check every file anew, and remember nothing.")
@click.option("--cache-dir", metavar="DIR", help="Where to remember what was found.")
@click.option("--baseline", metavar="FILE", help="Hide the findings that FILE knows.")
@click.option("--write-baseline", metavar="FILE", help="Write all findings to FILE.")
@click.option("--add-noqa", is_flag=True, help="Add comments that hide what is found now.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only.")
def lint_command(**choices: Any) -> int:
    """Find what keeps notebooks from running again as they were saved, and from being reactive.

    PATH is a notebook, a folder to search for *.ipynb and for *.py that are notebooks, or - for
    standard input; the current folder if there is none. No code of a notebook is run.

    Exit code: 0 nothing found, 1 something found, 2 an option or a configuration is wrong, or a
    notebook could not be read.
    """
    return _lint(_settle(LintRequest(**choices)))


class LintRequest(Struct, frozen=True):
    """What `nbtools lint` was asked for, option by option."""

    paths: tuple[str, ...]
    select: Selectors
    ignore: Selectors
    extend_select: Selectors
    per_file_ignores: tuple[str, ...]
    fixable: Selectors
    unfixable: Selectors
    fix: bool
    unsafe_fixes: bool
    diff: bool
    output_format: str | None
    output_file: str | None
    statistics: bool
    exit_zero: bool
    fail_on: Any
    target: Any
    stdin_filename: str | None
    exclude: tuple[str, ...]
    extend_exclude: tuple[str, ...]
    force_exclude: bool
    respect_gitignore: bool
    show_files: bool
    show_settings: bool
    isolated: bool
    config: str | None
    no_cache: bool
    cache_dir: str | None
    baseline: str | None
    write_baseline: str | None
    add_noqa: bool
    quiet: bool

    @property
    def from_stdin(self) -> bool:
        """Whether the notebook comes through standard input."""
        return STDIN in self.paths


def _settle(request: LintRequest) -> LintRequest:
    """Fill in the defaults, and refuse options that contradict each other."""
    refused = [
        (request.from_stdin and len(request.paths) > 1, "- stands alone: it excludes other paths"),
        (request.isolated and request.config, "--isolated and --config exclude each other"),
        (request.baseline and request.write_baseline, "--write-baseline takes every finding"),
        (
            request.write_baseline and (request.fix or request.diff),
            "--write-baseline does not go with --fix and --diff",
        ),
        (
            request.add_noqa and (request.fix or request.diff or request.write_baseline),
            "--add-noqa does not go with --fix, --diff and --write-baseline",
        ),
        (request.add_noqa and request.from_stdin, "--add-noqa needs files, not -"),
        (
            request.stdin_filename and request.paths and not request.from_stdin,
            "--stdin-filename is for -",
        ),
    ]
    for wrong, message in refused:
        if wrong:
            raise click.UsageError(message)
    if not request.paths:
        request = replace(request, paths=(STDIN,) if request.stdin_filename else (".",))
    return request


def _lint(request: LintRequest) -> int:
    """Check, mend, report, and give the exit code."""
    configurations = _configure(request)
    here = configurations.of_folder(Path.cwd())
    search = _search(request, configurations)
    if request.show_files:
        return _show_files(search)
    for error in search.errors:
        complain(printable(f"{error.filename}: {describe_os_error(error)}"))
    physical = (here.output_format or DEFAULT_FORMAT) not in FOR_PEOPLE
    jobs = _plan(request, search.found, configurations, physical=physical)
    if request.show_settings:
        return _show_settings(jobs, configurations)
    outcomes = _check(request, jobs, here)
    if request.diff:
        return _print_diffs(jobs, outcomes)
    if request.fix or request.add_noqa:
        outcomes = _write(jobs, outcomes)
    if request.write_baseline:
        return _write_baseline(Path(request.write_baseline), outcomes)
    outcomes, about_baseline = _hide_known(here, outcomes)
    _report(request, here, outcomes, about_baseline)
    failed = bool(search.errors) or any(outcome.status == "failed" for outcome in outcomes)
    if failed:
        return FAILED
    return DONE if request.exit_zero else _judge(outcomes, here.fail_on or "warning")


# --- what is to be checked --------------------------------------------------------------------


def _configure(request: LintRequest) -> Configurations:
    folder = Path.cwd()

    def patterns(option: str, values: Sequence[str]) -> tuple[PathPatterns, ...]:
        wrong = find_invalid(values) if values else None
        if wrong is not None:
            raise NbtoolsError(f"{option}: expected a pattern as in .gitignore, found {wrong!r}")
        return (PathPatterns(folder, tuple(values)),) if values else ()

    ignores = [_read_file_ignore(folder, value) for value in request.per_file_ignores]
    top = Configuration(
        select=request.select or None,
        extend_select=request.extend_select,
        ignore=request.ignore,
        fixable=request.fixable or None,
        unfixable=request.unfixable,
        per_file_ignores=tuple(ignores) or None,
        exclude=patterns("--exclude", request.exclude) or None,
        extend_exclude=patterns("--extend-exclude", request.extend_exclude),
        target=request.target,
        baseline=Path(request.baseline) if request.baseline else None,
        output_format=request.output_format,
        fail_on=request.fail_on,
    )
    if request.isolated:
        return Configurations(top, fixed=top)
    if request.config:
        return Configurations(top, fixed=override(read_configuration(Path(request.config)), top))
    return Configurations(top)


def _read_file_ignore(folder: Path, value: str) -> FileIgnores:
    pattern, colon, rules = value.rpartition(":")
    selectors = tuple(part.strip() for part in rules.split(",") if part.strip())
    if not (colon and pattern and selectors):
        raise NbtoolsError(f"--per-file-ignores: expected PATTERN:RULES, found {value!r}")
    check_selectors(selectors, "--per-file-ignores")
    return FileIgnores(PathPatterns(folder, (pattern,)), selectors)


def _search(request: LintRequest, configurations: Configurations) -> Search:
    def exclude(path: Path, is_folder: bool) -> bool:
        return configurations.of_folder(path.parent).excludes(path, is_folder)

    choice = Choice(
        suffixes=(".ipynb", ".py"),
        respect_gitignore=request.respect_gitignore,
        exclude=exclude,
        exclude_named=request.force_exclude,
    )
    paths = (request.stdin_filename or STDIN,) if request.from_stdin else request.paths
    if request.from_stdin and not request.force_exclude:
        return Search((Found(Path(paths[0]), Path(paths[0]), named=True),))
    return find_notebooks(paths, choice)


def _plan(
    request: LintRequest, found: Sequence[Found], configurations: Configurations, *, physical: bool
) -> list[Job]:
    data = sys.stdin.buffer.read() if request.from_stdin else None
    fixes: Mend | None = "fixes" if request.fix or request.diff else None
    mend = "noqa" if request.add_noqa else fixes
    format_here = configurations.of_folder(Path.cwd()).output_format
    show_fixes = format_here in WITH_FIXES and not (request.statistics or request.diff)
    jobs = []
    for item in found:
        configuration = configurations.of_folder(item.path.parent)
        settings = configuration.settings_of(
            item.path, unsafe_fixes=request.unsafe_fixes, show_fixes=show_fixes
        )
        jobs.append(Job(str(item.path), settings, mend, data, physical=physical))
    return jobs


def _check(request: LintRequest, jobs: Sequence[Job], here: Configuration) -> list[Outcome]:
    cache = None
    if not request.no_cache and not request.from_stdin and jobs:
        from nbtools.lint.cache import open_cache

        beside = here.source.parent if here.source else Path.cwd()
        cache = open_cache(Path(request.cache_dir or beside / ".nbtools_cache"))
    checked = check_jobs(jobs, cache)
    if all(job.mend is None for job in jobs):
        checked = map(without_text, checked)
    return list(with_progress(checked, len(jobs), "Checking", quiet=request.quiet))


# --- fixes ------------------------------------------------------------------------------------


def _print_diffs(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> int:
    """Print what --fix would change."""
    from nbtools.report.findings.diff import render_diff

    changed = 0
    for job, outcome in zip(jobs, outcomes, strict=True):
        _complain_about(outcome)
        if outcome.text is None:
            continue
        before = Path(job.path).read_bytes() if job.data is None else job.data
        lines = list(render_diff(outcome, before))
        changed += bool(lines)
        for line in lines:
            _print_source(line)
    if any(outcome.status == "failed" for outcome in outcomes):
        return FAILED
    what = f"would change {plural(changed, 'notebook')}" if changed else "would change nothing"
    complain(f"--fix {what}.")
    return DIFFERENT if changed else DONE


def _print_source(line: str) -> None:
    """Print a line of a notebook: as it is into a file or pipe, made harmless on a terminal."""
    if sys.stdout.isatty():
        line = printable(line.expandtabs())
    click.echo(line.encode("utf-8", "replace"))


def _write(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write the files that were mended; standard input goes to standard output in any case."""
    written = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.data is not None:
            sys.stdout.buffer.write(job.data if outcome.text is None else outcome.text)
        elif outcome.text is not None:
            try:
                write_bytes_atomically(Path(job.path), outcome.text)
            except OSError as error:
                reason = f"the fixes could not be written: {describe_os_error(error)}"
                outcome = replace(outcome, status="failed", reason=reason, fixed=0)
        written.append(without_text(outcome))
    return written


# --- the baseline -----------------------------------------------------------------------------


def _write_baseline(file: Path, outcomes: Sequence[Outcome]) -> int:
    from nbtools.lint.baseline import write_baseline

    for outcome in outcomes:
        _complain_about(outcome)
    try:
        number = write_baseline(file, outcomes)
    except OSError as error:
        raise NbtoolsError(f"{file}: {describe_os_error(error)}") from None
    where = printable(str(file))
    click.echo(f"Wrote {plural(number, 'finding')} to {where}: --baseline {where} hides them.")
    return FAILED if any(outcome.status == "failed" for outcome in outcomes) else DONE


def _hide_known(here: Configuration, outcomes: list[Outcome]) -> tuple[list[Outcome], str]:
    """Hide what the baseline knows, and say in a sentence what that did."""
    if here.baseline is None:
        return outcomes, ""
    from nbtools.lint.baseline import compare, read_baseline

    compared = compare(read_baseline(here.baseline), outcomes)
    name = os.path.relpath(here.baseline)
    told = f"{name} hides {plural(compared.hidden, 'finding')}"
    if compared.gone:
        told += f"; {compared.gone:,} of its findings are gone: --write-baseline {name} updates it"
    return list(compared.outcomes), f"{told}."


# --- reports ----------------------------------------------------------------------------------


def _report(
    request: LintRequest, here: Configuration, outcomes: Sequence[Outcome], baseline: str
) -> None:
    """Print the report, then how many notebooks passed, and what could not be checked."""
    name = here.output_format or DEFAULT_FORMAT
    for outcome in outcomes:
        _complain_about(outcome)
    lines = _statistics(name, outcomes) if request.statistics else None
    if lines is None:
        colour = _has_colours() and not request.output_file
        lines = render(name, outcomes, Style(colour))
    _print_report(request, lines)
    if request.quiet:
        return
    mended = "Hid" if request.add_noqa else "Fixed"
    occupied = name not in FOR_PEOPLE or request.output_file or (request.fix and request.from_stdin)
    for line in summarize(outcomes, request.paths, baseline=baseline, mended=mended):
        click.echo(line, err=bool(occupied))


def _print_report(request: LintRequest, lines: Iterator[str]) -> None:
    if not request.output_file:
        to_stderr = request.from_stdin and request.fix  # standard output has the notebook
        colour = _has_colours()
        while block := list(islice(lines, LINES)):
            click.echo("\n".join(block), err=to_stderr, color=colour)
        return
    file = Path(request.output_file)
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(file, data)
    except OSError as error:
        raise NbtoolsError(f"{file}: {describe_os_error(error)}") from None


def _complain_about(outcome: Outcome) -> None:
    if outcome.bug:
        click.echo(outcome.bug, err=True, nl=False)
    if outcome.status == "failed":
        complain(printable(f"{outcome.path}: {outcome.reason}"))


def _statistics(name: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    counted = count_by_rule(outcomes)
    if name in FOR_PEOPLE:
        width = max((len(str(number)) for number, _, _ in counted), default=0)
        yield from (f"{number:>{width}}  {code}  {rule}" for number, code, rule in counted)
        return
    import json

    rows = [{"code": code, "name": rule, "count": number} for number, code, rule in counted]
    yield json.dumps(rows, indent=2)


def _has_colours() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _judge(outcomes: Sequence[Outcome], fail_on: str) -> int:
    if fail_on == "never":
        return DONE
    severe = LEVELS[LEVELS.index(fail_on) :]
    found = (reported.finding for outcome in outcomes for reported in outcome.found)
    return DIFFERENT if any(finding.severity in severe for finding in found) else DONE


def _show_files(search: Search) -> int:
    for error in search.errors:
        complain(printable(f"{error.filename}: {describe_os_error(error)}"))
    for item in search.found:
        click.echo(printable(str(item.path)))
    return FAILED if search.errors else DONE


def _show_settings(jobs: Sequence[Job], configurations: Configurations) -> int:
    if not jobs:
        complain("No notebooks found.")
        return DONE
    from msgspec.structs import asdict

    configuration = configurations.of_folder(Path(jobs[0].path).parent)
    click.echo(printable(f"file: {jobs[0].path}"))
    click.echo(printable(f"configuration: {configuration.source or 'none'}"))
    shown = asdict(jobs[0].settings) | {
        "baseline": configuration.baseline and str(configuration.baseline),
        "output_format": configuration.output_format or DEFAULT_FORMAT,
        "fail_on": configuration.fail_on or "warning",
    }
    for key, value in shown.items():
        if isinstance(value, (tuple, frozenset)):
            value = sorted(value)
        click.echo(printable(f"{key.replace('_', '-')}: {value}"))
    return DONE
