"""Random numbers of a notebook: where they are drawn, and where a seed is set."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from nbtools.analysis.imported import full_name
from nbtools.analysis.regions import start_of
from nbtools.rules.program import Program
from nbtools.rules.receivers import find_imported, find_types

Source = Literal["numpy", "random", "torch", "tensorflow"]

SEEDS: dict[str, tuple[Source, ...]] = {
    "numpy.random.seed": ("numpy",),
    "numpy.random.set_state": ("numpy",),
    "random.seed": ("random",),
    "random.setstate": ("random",),
    "torch.manual_seed": ("torch",),
    "torch.random.manual_seed": ("torch",),
    "tensorflow.random.set_seed": ("tensorflow",),
    "tensorflow.set_random_seed": ("tensorflow",),
    "tensorflow.compat.v1.set_random_seed": ("tensorflow",),
    "keras.utils.set_random_seed": ("numpy", "random", "tensorflow"),
    "tensorflow.keras.utils.set_random_seed": ("numpy", "random", "tensorflow"),
    "lightning.seed_everything": ("numpy", "random", "torch"),
    "pytorch_lightning.seed_everything": ("numpy", "random", "torch"),
    "fastai.torch_core.set_seed": ("numpy", "random", "torch"),
}
"""Functions that seed a global generator."""
_NO_DRAWS = frozenset(
    "seed RandomState default_rng Generator get_state set_state SeedSequence PCG64 MT19937 "
    "Philox SFC64 BitGenerator Random SystemRandom getstate setstate set_seed manual_seed "
    "get_rng_state set_rng_state get_global_generator".split()
)
_TORCH = frozenset("rand randn randint randperm normal bernoulli multinomial".split())
_UNSEEDED_GENERATORS = frozenset(
    ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")
)


class Draw(Struct, frozen=True):
    """A call whose result is random."""

    position: int  # of the cell, in `Program.cells`
    node: ast.Call
    name: str  # as imported: "numpy.random.rand"
    source: Source
    late: bool  # in a function: it happens when that is called
    seeded_above: bool


class _Seed(Struct, frozen=True):
    position: int
    line: int
    late: bool


def find_draws(program: Program) -> tuple[Draw, ...]:
    """The calls that draw from a global generator: ask `program.once(find_draws)`."""
    seeds = program.once(find_seeds)
    return tuple(_draws(program, seeds))


def find_seeds(program: Program) -> dict[Source, _Seed]:
    """The first place where each global generator is seeded."""
    imported = program.once(find_imported)
    found: dict[Source, _Seed] = {}
    if "seed" not in program.text and "state" not in program.text:
        return found
    types = program.once(find_types)
    for position, cell in enumerate(program.cells):
        for node in cell.nodes(ast.Call):
            name = full_name(node.func, imported)
            if name is None and isinstance(node.func, ast.Name):
                name = node.func.id
            late = bool(types.regions[position].scopes_around(node))
            sources = SEEDS.get(name or "", ())
            if not sources and "seed" in (name or "").lower() and "." not in (name or "."):
                sources = ("numpy", "random", "torch", "tensorflow")  # `seed_everything(1)`
            for source in sources:
                found.setdefault(source, _Seed(position, node.lineno, late))
    return found


def is_seeded(program: Program, source: Source, position: int, line: int) -> bool:
    """Whether a seed is set above a place; one in a function counts wherever it stands."""
    seed = program.once(find_seeds).get(source)
    return seed is not None and (seed.late or (seed.position, seed.line) <= (position, line))


def _draws(program: Program, seeds: dict[Source, _Seed]) -> Iterator[Draw]:
    imported = program.once(find_imported)
    types = program.once(find_types)
    for position, cell in enumerate(program.cells):
        for node in sorted(cell.nodes(ast.Call), key=start_of):
            name = full_name(node.func, imported)
            source = _source_of(name, node)
            if name is None or source is None:
                continue
            late = bool(types.regions[position].scopes_around(node))
            above = is_seeded(program, source, position, node.lineno) or (late and source in seeds)
            if name in _UNSEEDED_GENERATORS:
                above = False
            yield Draw(position, node, name, source, late, above)


def _source_of(name: str | None, node: ast.Call) -> Source | None:
    if name is None:
        return None
    if name in _UNSEEDED_GENERATORS:
        plain = not node.args and not node.keywords
        return ("random" if name == "random.Random" else "numpy") if plain else None
    module, _, word = name.rpartition(".")
    if word in _NO_DRAWS:
        return None
    if module == "numpy.random" or (module.startswith("scipy.stats") and word == "rvs"):
        return "numpy"
    if module == "random" and word[:1].islower():
        return "random"
    if module == "torch" and word in _TORCH:
        return "torch"
    if module == "tensorflow.random":
        return "tensorflow"
    return None
