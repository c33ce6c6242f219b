"""Versions of a pool to how many of its Sandboxes were ready when, and when it was drained. Plain Python.

Before: `reading` has the versions in the order they came. After: `overview` adds the claims that met a drained pool.

A pool's status is the controller's count, written after the fact: in the recorded burst a claim that found the pool
empty was there up to half a second before the status said so. So a drain takes in claims that came a little before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from sandboxes.pools.shapes import ClaimRow, Drain, Key, Level, Version
from sandboxes.records import SECOND, ChangeType

LAG_NS = SECOND  # by which a pool's status may be late


def levels(versions: Sequence[Version], start_ns: int, end_ns: int) -> list[Level]:
    """How many were ready from `start_ns` to `end_ns`; there is no level for a time the pool was not there."""
    found: list[Level] = []
    if not versions:  # a range that ends before the pool was first seen
        return found
    filling = False
    until = [*(later.time_ns for _, later in pairwise(versions)), end_ns]
    for version, stop_ns in zip(versions, until, strict=True):
        desired = version.desired or 0
        if version.change is ChangeType.ADDED or not version.is_there or not desired:
            filling = True
        filling = filling and not version.ready
        begin_ns, stop_ns = max(version.time_ns, start_ns), min(stop_ns, end_ns)
        if version.is_there and begin_ns < stop_ns:
            level = Level(begin_ns, stop_ns, version.ready, desired, filling and desired > version.ready == 0)
            found = _joined(found, level)
    return found


def _joined(found: list[Level], level: Level) -> list[Level]:
    """A level that is as the one before it goes on."""
    if (
        found
        and found[-1].end_ns == level.start_ns
        and replace(found[-1], start_ns=0, end_ns=0) == replace(level, start_ns=0, end_ns=0)
    ):
        return [*found[:-1], replace(found[-1], end_ns=level.end_ns)]
    return [*found, level]


def drains(pool: Key, of: Sequence[Level], end_ns: int, *, still: bool) -> list[Drain]:
    """When the pool had none ready though it keeps some. `still`: what it last was, it is."""
    found: list[Drain] = []
    for position, level in enumerate(of):
        if level.ready or not level.desired or level.filling:
            continue
        if found and found[-1].end_ns == level.start_ns:  # another number is desired now
            found[-1] = replace(found[-1], end_ns=level.end_ns)
        else:
            found.append(Drain(pool, level.start_ns, level.end_ns, began_before=position == 0))
    if found and still and found[-1].end_ns == end_ns:
        found[-1] = replace(found[-1], is_open=True)
    return found


def with_claims(
    pool: Key, found: Sequence[Drain], claims: Iterable[ClaimRow], start_ns: int, end_ns: int
) -> list[Drain]:
    """Gives each claim that met the pool drained to its drain; what no drain explains, the claims themselves tell."""
    merged = list(found)
    for claim in sorted(claims, key=lambda claim: claim.zero_ns):
        until_ns = min(claim.waited_until_ns or end_ns, end_ns)
        place = next((n for n, drain in enumerate(merged) if _meets(drain, claim.zero_ns, until_ns)), None)
        if place is None:
            begin_ns = max(claim.zero_ns, start_ns)
            merged.append(Drain(pool, begin_ns, max(until_ns, begin_ns), (claim,), from_claims=True))
            continue
        drain = merged[place]
        if drain.from_claims:
            drain = replace(drain, end_ns=max(drain.end_ns, until_ns))
        merged[place] = replace(drain, waiting=(*drain.waiting, claim))
    return sorted(merged, key=lambda drain: drain.start_ns)


def _meets(drain: Drain, from_ns: int, to_ns: int) -> bool:
    return from_ns <= drain.end_ns and to_ns >= drain.start_ns - LAG_NS
