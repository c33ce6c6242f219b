"""How long claims' stages took, counted as their stories change.

Before: `store` has read a claim's story anew. This runs in the same transaction: what the old story had measured is
taken back, and what the new one tells is counted. After: `latency` answers questions from it.

A claim is measured at the beginning of its axis, in all its stages, as lists find it by that. What a pool had done
beforehand is no part of it.

Where a day's claims have too many different pools, templates and namespaces (`collector.rollup.cardinality`; say, a
namespace for each run), further ones are counted together, under OTHER instead of all three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from collector.intern import Interned
from collector.rollup import SHORTEST_NS, SHORTEST_S, Sheet, Subject, note
from collector.rollup.cardinality import Cardinality, number_of
from collector.rollup.rebuild import Source
from sandboxes.lifecycle import stages_in
from sandboxes.models import Claim

CLAIMS_A_PORTION = 1_000
OTHER = "(other)"  # Kubernetes allows no such name
PLACES = 0  # the group of all: there is one limit for all claims of a day
S_PER_DAY = 86_400
TIME_TO_READY = "time to ready"  # beside the stages, which are named by the milestone they end with


class SeriesKey(NamedTuple):
    """A row of StageSeries."""

    stage: str
    start_type: str
    pool: str
    template: str
    namespace: str
    cluster_id: int | None


Measurements = Counter[tuple[SeriesKey, int, int]]  # series, window's start in seconds, duration in ns: how many


def measurements(row: Claim) -> Measurements:
    """What a stored claim measures."""
    at_s = row.zero_ns // SHORTEST_NS * SHORTEST_S
    where = (row.start_type, row.pool, row.template, row.namespace, row.cluster_id)
    found: Measurements = Counter()
    for stage, duration_ns in stages_in(row.lifecycle):
        found[SeriesKey(stage, *where), at_s, duration_ns] += 1
    if row.time_to_ready_ns is not None:
        found[SeriesKey(TIME_TO_READY, *where), at_s, row.time_to_ready_ns] += 1
    return found


def change(before: Iterable[Measurements], after: Iterable[Measurements]) -> None:
    """Counts what claims measure now instead of what they did, in the caller's transaction."""
    changed: Measurements = Counter()
    for each in after:
        changed.update(each)
    for each in before:
        changed.subtract(each)
    moved = {measurement: times for measurement, times in changed.items() if times}
    if not moved:
        return
    note(_sheets(moved))


def measure(from_ns: int, to_ns: int) -> list[Sheet]:
    """What stored claims measure whose axes begin in [from, to)."""
    found: Measurements = Counter()
    for row in Claim.objects.filter(zero_ns__gte=from_ns, zero_ns__lt=to_ns):
        found.update(measurements(row))
    return _sheets(found)


def bound_ns(from_ns: int) -> int | None:
    """Where the axis of the claim begins that lies a portion behind this moment; None when there are fewer."""
    zeros = Claim.objects.filter(zero_ns__gte=from_ns).order_by("zero_ns").values_list("zero_ns", flat=True)
    found = list(zeros[CLAIMS_A_PORTION : CLAIMS_A_PORTION + 1])
    return found[0] if found else None


def _within_bounds(moved: Mapping[tuple[SeriesKey, int, int], int]) -> dict[tuple[SeriesKey, int, int], int]:
    """The same, with what has no room on its day put together."""
    numbers = {key: number_of(*map(str, key[1:])) for key, _, _ in moved}
    # Remembers nothing, as the ids below.
    beyond = Cardinality(Subject.STAGE).beyond({(at_s // S_PER_DAY, numbers[key]): PLACES for key, at_s, _ in moved})
    if not beyond:
        return dict(moved)
    found: dict[tuple[SeriesKey, int, int], int] = {}
    for (key, at_s, duration_ns), times in moved.items():
        if (at_s // S_PER_DAY, numbers[key]) in beyond:
            key = key._replace(pool=OTHER, template=OTHER, namespace=OTHER)
        found[key, at_s, duration_ns] = found.get((key, at_s, duration_ns), 0) + times
    return found


def _sheets(moved: Mapping[tuple[SeriesKey, int, int], int]) -> list[Sheet]:
    moved = _within_bounds(moved)
    keys = sorted({key for key, _, _ in moved}, key=repr)
    # Remembers nothing beyond this transaction, which may yet be rolled back: claims change seldom enough.
    ids = dict(zip(keys, Interned("sandboxes_stageseries", SeriesKey._fields).resolve(keys), strict=True))
    return [_sheet(moved, ids, sign) for sign in (1, -1)]


def _sheet(moved: Mapping[tuple[SeriesKey, int, int], int], ids: Mapping[SeriesKey, int], sign: int) -> Sheet:
    """What is counted, or what is taken back."""
    rows = [
        (ids[key], at_s, duration_ns)
        for (key, at_s, duration_ns), times in moved.items()
        for _ in range(sign * times)  # of the other sign, none
    ]
    return Sheet(Subject.STAGE, sign, *([row[column] for row in rows] for column in range(3)))


CLAIMS = Source(Subject.STAGE, bound_ns, measure)
