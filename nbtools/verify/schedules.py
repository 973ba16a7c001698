"""Other orders in which a reactive notebook may run: what it shows must not depend on them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from nbtools.analysis.graph import reachable, running_order
from nbtools.run.job import Job


def parents_of(job: Job) -> list[set[int]]:
    """For each cell of a job, by its place in the job, the places of those it directly needs."""
    places = {cell.index: place for place, cell in enumerate(job.cells)}
    parents: list[set[int]] = [set() for _ in job.cells]
    for place, cell in enumerate(job.cells):
        for child in cell.children:
            if child in places:
                parents[places[child]].add(place)
    return parents


def reverse_ties(job: Job) -> Job:
    """The job with cells that nothing links in the opposite order.

    It is still an order of the dataflow: each cell comes after those that it needs.
    """
    last = len(job.cells) - 1
    turned = [{last - parent for parent in found} for found in reversed(parents_of(job))]
    order = [last - place for place in running_order(turned)]
    return replace(job, cells=tuple(job.cells[place] for place in order))


def ancestors_only(job: Job) -> Iterator[Job]:
    """For each cell that no other one needs: a job of it and its ancestors alone."""
    parents = parents_of(job)
    needed = set[int]().union(*parents)
    for place in range(len(job.cells)):
        if place not in needed:
            chosen = reachable([place], parents.__getitem__)
            if len(chosen) < len(job.cells):
                cells = tuple(cell for p, cell in enumerate(job.cells) if p in chosen)
                yield replace(job, cells=cells, values=False)  # others may go on with them
