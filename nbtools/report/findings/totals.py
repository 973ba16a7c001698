"""How many notebooks and findings there were, and the last line that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from nbtools.lint.outcome import Outcome
from nbtools.report.findings.places import rule_name
from nbtools.report.printable import printable


class Totals(Struct, frozen=True):
    """A run in numbers."""

    notebooks: int  # all that were meant, the skipped and failed ones too
    with_findings: int
    findings: int
    fixed: int
    skipped: int
    failed: int
    safe_fixes: int  # findings that --fix mends
    unsafe_fixes: int  # findings that need --unsafe-fixes besides
    offers: int  # findings that may have such a fix: nobody has worked it out


def count(outcomes: Sequence[Outcome]) -> Totals:
    """Count notebooks and findings."""
    notebooks = [outcome for outcome in outcomes if outcome.status != "not-a-notebook"]
    fixes = [r.finding.fix.safety for o in notebooks for r in o.found if r.finding.fix]
    return Totals(
        notebooks=len(notebooks),
        with_findings=sum(bool(outcome.found) for outcome in notebooks),
        findings=sum(len(outcome.found) for outcome in notebooks),
        fixed=sum(outcome.fixed for outcome in notebooks),
        skipped=sum(outcome.status == "skipped" for outcome in notebooks),
        failed=sum(outcome.status == "failed" for outcome in notebooks),
        safe_fixes=fixes.count("safe"),
        unsafe_fixes=fixes.count("unsafe"),
        offers=sum(bool(r.finding.offer) for o in notebooks for r in o.found),
    )


def summarize(
    outcomes: Sequence[Outcome],
    searched: Sequence[str],
    *,
    baseline: str = "",
    mended: str = "Fixed",
) -> Iterator[str]:
    """The last lines: never nothing, so that a run that checked nothing is not taken for a pass.

    searched: the paths that were asked for.
    baseline: what a baseline did, in a sentence.
    mended: what was done with the findings that are gone.
    """
    totals = count(outcomes)
    if not totals.notebooks:
        yield printable(f"No notebooks found in {', '.join(searched)}")
        return
    checked = totals.notebooks - totals.skipped - totals.failed
    left_out = _left_out(outcomes, totals)
    fixed = f"{mended} {plural(totals.fixed, 'problem')}. " if totals.fixed else ""
    if totals.findings:
        number = plural(totals.findings, "problem")
        where = plural(totals.notebooks, "notebook")
        if totals.notebooks > 1:
            where = f"{totals.with_findings:,} of {where}"
        yield f"{fixed}Found {number} in {where}{left_out}."
    elif checked == 0:
        yield f"{fixed}No notebook was checked{left_out}."
    elif left_out:
        passed = f"{checked:,} of {plural(totals.notebooks, 'notebook')} passed"
        yield f"{fixed}{passed}{left_out}."
    else:
        passed = f"All {checked:,} notebooks passed" if checked > 1 else "The notebook passed"
        yield f"{fixed}{passed}."
    if baseline:
        yield printable(baseline)
    yield from _hint(totals)


def _left_out(outcomes: Sequence[Outcome], totals: Totals) -> str:
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.status == "skipped")
    parts = [f"{number:,} skipped: {printable(why)}" for why, number in sorted(reasons.items())]
    if totals.failed:
        parts.append(f"{totals.failed:,} could not be checked")
    return f" ({'; '.join(parts)})" if parts else ""


def _hint(totals: Totals) -> Iterator[str]:
    safe, unsafe = totals.safe_fixes, totals.unsafe_fixes + totals.offers
    most = "up to " if totals.offers else ""
    if safe:
        more = f", {most}{unsafe:,} more with --fix --unsafe-fixes" if unsafe else ""
        yield f"{safe:,} can be fixed with --fix{more}."
    elif unsafe:
        sentence = f"{most}{unsafe:,} can be fixed with --fix --unsafe-fixes."
        yield sentence[0].upper() + sentence[1:]


def count_by_rule(outcomes: Sequence[Outcome]) -> list[tuple[int, str, str]]:
    """For --statistics: how often each rule found something, the most frequent first."""
    counted = Counter(reported.finding.code for o in outcomes for reported in o.found)
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(number, code, rule_name(code)) for code, number in ordered]


def plural(number: int, noun: str) -> str:
    """`1 notebook`, `2,000 notebooks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
