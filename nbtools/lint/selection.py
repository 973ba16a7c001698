"""Which rules hold for a notebook, and which of them may mend what they find."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nbtools.errors import NbtoolsError
from nbtools.lint.settings import Settings
from nbtools.rules.finding import Finding
from nbtools.rules.program import Kind
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Rule
from nbtools.rules.selectors import matching_codes, nearest_selector, precision_of


@lru_cache(maxsize=1000)
def select_rules(settings: Settings, kind: Kind) -> tuple[Rule, ...]:
    """The rules that hold for a kind of notebook, in the order of their codes.

    Of selectors that contradict each other the more exact one wins: `NB101` over `NB1`, that
    over `ALL`, and `ignore` where they are equally exact.

    Raises:
        NbtoolsError: a selector is neither a code, the beginning of one, a name nor ALL.
    """
    chosen: dict[str, int] = {}
    if settings.select is None:
        chosen = {code: 0 for code, rule in all_rules().items() if is_default(rule, settings, kind)}
    else:
        chosen = _weigh(settings.select)
    for code, weight in _weigh(settings.extend_select).items():
        chosen[code] = max(weight, chosen.get(code, 0))
    ignored = _weigh(settings.ignore)
    return tuple(
        rule
        for code, rule in all_rules().items()
        if kind in rule.kinds and chosen.get(code, -1) > ignored.get(code, -1)
    )


def is_default(rule: Rule, settings: Settings, kind: Kind) -> bool:
    """Whether a rule is on without being asked for."""
    if rule.default == "reactive":
        return settings.target == "reactive" or kind == "reactive"
    return rule.default == "on"


def _weigh(selectors: Iterable[str]) -> dict[str, int]:
    """Code -> how exactly the selectors name it."""
    found: dict[str, int] = {}
    for selector in selectors:
        for code in require_codes(selector):
            found[code] = max(found.get(code, 0), precision_of(selector))
    return found


def require_codes(selector: str) -> frozenset[str]:
    """The codes that a selector means.

    Raises:
        NbtoolsError: it means none; the text names the nearest one that does.
    """
    codes = matching_codes(selector)
    if not codes:
        nearest = nearest_selector(selector)
        hint = f": did you mean {nearest}?" if nearest else ""
        raise NbtoolsError(f"unknown rule `{selector}`{hint or ' (see `nbtools rule --all`)'}")
    return codes


def may_fix(finding: Finding, settings: Settings) -> bool:
    """Whether the fix of a finding, if it has one, is to be made."""
    safety = finding.fix.safety if finding.fix else finding.offer
    if safety is None or (safety == "unsafe" and not settings.unsafe_fixes):
        return False
    return finding.code in _fixable(settings)


@lru_cache(maxsize=1000)
def _fixable(settings: Settings) -> frozenset[str]:
    chosen, refused = _weigh(settings.fixable), _weigh(settings.unfixable)
    return frozenset(code for code, weight in chosen.items() if weight > refused.get(code, -1))
