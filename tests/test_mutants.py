"""A sample of `tests/bench/verify_mutants.py`: a doctored conversion that shows something else."""

from __future__ import annotations

import os
import runpy
from collections import Counter
from pathlib import Path

import pytest
from behaviour import read_cases

BENCH = runpy.run_path(str(Path(__file__).parent / "bench" / "verify_mutants.py"))
CASES = [case for case in read_cases() if case.theme in ("cells", "shown")][::6]


@pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")
def test_doctored_conversions_are_found() -> None:
    changed: Counter[str] = Counter()
    for case in CASES:
        counted, _, missed = BENCH["measure_case"](case, 3)
        changed += counted
        assert missed == []
    assert changed.total() >= 10
