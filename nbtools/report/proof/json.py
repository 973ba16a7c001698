"""Format `json`: proofs for programs; docs/reference/verify-json.md describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import nbtools
from nbtools.report.proof.words import summarize
from nbtools.verify.verdict import CellProof, Check, Item, Proof

SHAPE = 1
"""Raised when a program that reads the document has to be changed."""

_MOST = 2000  # characters of a text that are given whole


def format_proofs(proofs: Sequence[Proof]) -> Iterator[str]:
    """One document, in ASCII; cells are numbered as people count them."""
    document = {
        "version": SHAPE,
        "nbtools": nbtools.__version__,
        "summary": list(summarize(proofs)),
        "notebooks": [_notebook(proof) for proof in proofs],
    }
    yield json.dumps(document, indent=2)


def _notebook(proof: Proof) -> dict[str, Any]:
    return {
        "source": proof.source,
        "conversion": proof.target,
        "kind": proof.kind,
        "status": proof.status,
        "reason": proof.reason,
        "python": proof.python,
        "engine": proof.engine,
        "marimo": proof.marimo,
        "references": proof.references,
        "seconds": round(proof.seconds, 3),
        "checks": [_check(check) for check in proof.checks],
        "recorded": None if proof.recorded is None else list(map(_cell, proof.recorded.cells)),
        "notes": list(proof.notes),
        "bug": proof.bug,
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "runs": check.runs,
        "seconds": round(check.seconds, 3),
        "note": check.note,
        "cells": [_cell(cell) for cell in check.cells],
    }


def _cell(cell: CellProof) -> dict[str, Any]:
    return {
        "cells": [number + 1 for number in cell.cells],
        "parts": [number + 1 for number in cell.parts],
        "verdict": cell.verdict,
        "shows": cell.shows,
        "values": cell.values,
        "code": cell.code,
        "seeded": cell.seeded,
        "note": cell.note,
        "items": [_item(item) for item in cell.items],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "what": item.what,
        "verdict": item.verdict,
        "mime": item.mime,
        "rules": list(item.rules),
        "cause": item.cause,
        "detail": item.detail,
        "expected": _content(item.expected),
        "found": _content(item.found),
    }


def _content(text: str | None) -> dict[str, Any] | None:
    """A text, whole if it is short; its length and digest tell longer ones apart."""
    if text is None:
        return None
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return {
        "text": text if len(text) <= _MOST else None,
        "characters": len(text),
        "blake2b": digest,
    }
