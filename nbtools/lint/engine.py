"""Rules applied to one notebook: bytes in, an outcome out. No file is opened, nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nbtools.lint.detection import detect_kind
from nbtools.lint.outcome import NOT_ASKED, Excerpt, Mend, Outcome, Reported
from nbtools.lint.settings import Settings
from nbtools.words import holds_word

if TYPE_CHECKING:  # a Python file that is no notebook is to cost next to nothing
    from nbtools.lint.reading import File, Unread
    from nbtools.rules.finding import Finding, Fix, Span
    from nbtools.rules.program import Program
    from nbtools.rules.rule import Rule

PYTHON2_RULE = "NB005"
"""What is said of a Python 2 notebook: one finding, and nothing of its cells."""

_ORDER = attrgetter("span", "code", "message")
_CONTEXT = 2  # lines of the cell that are shown above a finding, and below


def check_source(
    data: bytes,
    *,
    path: str,
    folder: Path | None,
    settings: Settings,
    mend: Mend | None = None,
    physical: bool = True,
) -> Outcome:
    """Check one file, and mend what can be mended if that is asked for.

    Args:
        data: The file's content, which alone tells what kind of notebook it is.
        path: How the user named it.
        folder: Where it lies, for modules and files beside it; None if it is not known.
        settings: What to look for.
        mend: What to mend findings by; the result is `Outcome.text`.
        physical: Whether to find where findings stand in the file of an .ipynb, not only in cells.

    Raises:
        NbtoolsError: the settings name a rule that does not exist.
    """
    name = Path(path).name
    if detect_kind(data, name) is None:
        return Outcome(path, "not-a-notebook", is_notebook=False)
    from nbtools.convert.collector import paused_collector
    from nbtools.lint.selection import select_rules

    select_rules(settings, "jupyter")  # raises before anything is tried
    try:
        with paused_collector():
            return _check(data, path, name, folder, settings, mend, physical)
    except Exception as error:
        from traceback import format_exc

        bug = f"{path}: {type(error).__name__}\n{format_exc()}"
        return Outcome(path, "failed", reason="nbtools failed, please report it", bug=bug)


def _check(
    data: bytes,
    path: str,
    name: str,
    folder: Path | None,
    settings: Settings,
    mend: Mend | None,
    physical: bool,
) -> Outcome:
    from nbtools.convert.recursion import allow_deep_trees
    from nbtools.lint.fixing import Fixing, State, fix_findings
    from nbtools.lint.reading import Unread, read_file
    from nbtools.syntax import no_warnings

    read = partial(
        read_file,
        name=name,
        folder=folder,
        builtins=settings.builtins,
        outputs=settings.outputs,
    )
    check = partial(check_file, settings=settings)
    with allow_deep_trees(), no_warnings():
        file = read(data)
        if not isinstance(file, Unread) and file.is_python2 and not _says_python2(settings):
            file = Unread("skipped", "Python 2 notebook")
        if isinstance(file, Unread):
            return _explain(file, path)
        state = State(data, file, check(file))
        fixing = Fixing(state, {})
        if mend == "fixes":
            from nbtools.lint.selection import may_fix

            allow = partial(may_fix, settings=settings)
            fixing = fix_findings(state, read, check, allow, work_out_fix)
        elif mend == "noqa":
            from nbtools.lint.silencing import silence

            fixing = fix_findings(state, read, check, lambda _: True, silence)
        state = fixing.state
        found = state.found
        if settings.show_fixes:
            found = tuple(_with_fix(state.file, each) for each in found)
    return Outcome(
        path,
        "checked",
        report_findings(state.file, found, physical=physical),
        is_notebook=state.file.is_notebook,
        fixed=sum(fixing.fixed.values()),
        fixed_codes=tuple(sorted(fixing.fixed.items())),
        text=state.data if state.data != data else None,
    )


def _explain(unread: Unread, path: str) -> Outcome:
    return Outcome(
        path,
        unread.status,
        reason=unread.reason,
        is_notebook=unread.is_notebook,
        line=unread.line,
    )


def _says_python2(settings: Settings) -> bool:
    from nbtools.lint.selection import select_rules

    return any(rule.code == PYTHON2_RULE for rule in select_rules(settings, "jupyter"))


# --- running rules --------------------------------------------------------------------------


def check_file(file: File, settings: Settings) -> tuple[Finding, ...]:
    """What is found in a file that was read."""
    from nbtools.lint.selection import select_rules

    rules = select_rules(settings, file.program.kind)
    if file.is_python2:
        rules = tuple(rule for rule in rules if rule.code == PYTHON2_RULE)
    return check_program(file.program, rules)


def work_out_fix(file: File, finding: Finding) -> Fix | None:
    """The fix of a finding, also if its rule makes it only when it is wanted."""
    if finding.offer is None:
        return finding.fix
    from nbtools.rules.registry import find_rule

    rule = find_rule(finding.code)
    return rule.mend(file.program, finding) if rule and rule.mend else None


def _with_fix(file: File, finding: Finding) -> Finding:
    if finding.offer is None:
        return finding
    return replace(finding, fix=work_out_fix(file, finding), offer=None)


def check_program(program: Program, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """What the rules find and nobody has asked to hide, in the order of the text."""
    from nbtools.lint.suppression import suppress

    first = [rule for rule in rules if not rule.runs_last and program.kind in rule.kinds]
    last = [rule for rule in rules if rule.runs_last]
    active = frozenset(rule.code for rule in first)
    kept, usage = suppress(program, run_rules(program, first), active)
    if not last or not (usage.directives or program.notebook.ignored):
        return kept
    late = run_rules(replace(program, usage=usage), last)
    return tuple(sorted([*kept, *suppress(program, late, active)[0]], key=_ORDER))


def run_rules(program: Program, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """What the rules find, in the order of the text."""
    found: list[Finding] = []
    for rule in rules:
        if program.kind in rule.kinds and (not rule.words or holds_word(program.text, rule.words)):
            found += rule.check(program)
    return tuple(sorted(found, key=_ORDER))


# --- what reports need besides --------------------------------------------------------------


def report_findings(
    file: File, found: Sequence[Finding], *, physical: bool = True
) -> tuple[Reported, ...]:
    """The findings with their places in the file and the lines around them."""
    hashes: dict[int, str] = {}
    quote = partial(_quote, file, physical or not file.is_notebook)
    return tuple(_report(file, finding, quote, hashes) for finding in found)


def _report(
    file: File, finding: Finding, quote: Callable[[Span], Excerpt], hashes: dict[int, str]
) -> Reported:
    excerpt = quote(finding.span)
    cells = file.program.notebook.cells
    cell = cells[finding.span.cell] if finding.span.cell < len(cells) else None
    if cell is not None and cell.index not in hashes:
        hashes[cell.index] = _hash(cell.source)
    return Reported(
        finding,
        excerpt.physical,
        excerpt.lines,
        excerpt.first_line,
        cell.id if cell else None,
        hashes[cell.index] if cell else "",
        tuple(quote(related.span) for related in finding.related),
    )


def _quote(file: File, physical: bool, span: Span) -> Excerpt:
    place = file.places.physical(span) if physical else NOT_ASKED
    cells = file.program.notebook.cells
    if span.cell >= len(cells):
        return Excerpt(place)
    lines = cells[span.cell].source.split("\n")
    first = max(span.line - _CONTEXT, 1)
    return Excerpt(place, tuple(lines[first - 1 : span.end_line + _CONTEXT]), first)


def _hash(source: str) -> str:
    from hashlib import sha256

    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
