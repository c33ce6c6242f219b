"""Log lines carry no time zone: the offset from UTC that puts them beside the rest of their file.

Clocks differ by whole quarters of an hour. Of these the one wins that leaves the least time between the lines and the
file's spans (or, without spans, its other times that say their zone).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

QUARTER_NS = 15 * 60 * 10**9
CANDIDATE_MINUTES = sorted(range(-12 * 60, 14 * 60 + 1, 15), key=abs)
MAX_LINES = 500  # looked at: that many, spread evenly over the file
Interval = tuple[int, int]


def best_offset_minutes(local_ns: Sequence[int], intervals: Sequence[Interval]) -> int | None:
    """The offset from UTC in minutes, or None when none brings the lines within a quarter of an hour of anything."""
    if not local_ns or not intervals:
        return None
    sample = sorted(local_ns)[:: -(-len(local_ns) // MAX_LINES)]
    busy = _union(intervals)
    edges = sorted({edge for interval in intervals for edge in interval})
    scores = {minutes: _score(sample, minutes, busy, edges) for minutes in CANDIDATE_MINUTES}
    best = min(scores, key=scores.__getitem__)
    return best if scores[best][0] <= QUARTER_NS * len(sample) else None


def _score(sample: Sequence[int], minutes: int, busy: Sequence[Interval], edges: Sequence[int]) -> tuple[int, int]:
    """How far the lines lie from the spans; where they all lie inside, how far from their beginnings and ends."""
    shift_ns = minutes * 60 * 10**9
    starts = [start for start, _ in busy]
    outside_ns = edges_ns = 0
    for local in sample:
        time_ns = local - shift_ns
        at = bisect_left(starts, time_ns)
        before = max(0, time_ns - busy[at - 1][1]) if at else None
        after = starts[at] - time_ns if at < len(starts) else None
        outside_ns += min(gap for gap in (before, after) if gap is not None)
        edge = bisect_left(edges, time_ns)
        edges_ns += min(abs(time_ns - other) for other in edges[max(0, edge - 1) : edge + 1])
    return outside_ns, edges_ns


def _union(intervals: Sequence[Interval]) -> list[Interval]:
    """Intervals without overlaps, in order."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, max(start, end)))
    return merged
