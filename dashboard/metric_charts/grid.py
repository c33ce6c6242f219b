"""From points in time to one value a step: last values of gauges, and how fast totals grow.

Before: `reading` has points by stream. After: lines of a chart.

A total that falls began again at zero: what it shows then has grown since. A stream that begins inside the range grew
from nothing since its own start. Silence of more than a few intervals is a gap, not a straight line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from collector.records import CUMULATIVE
from dashboard.charts import Window
from dashboard.metric_charts.points import Point

GAP_INTERVALS = 3
SECOND = 10**9


class Stretch(NamedTuple):
    """A value that held for some time: (from_ns, to_ns]."""

    from_ns: int
    to_ns: int
    value: float


@dataclass(slots=True)
class Growth:
    """How a stream's total grew, per second; `resets`: when it began again."""

    stretches: list[Stretch] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)


def longest_ns(points: Sequence[Point], window: Window) -> int:
    """Longer silence than this is a gap."""
    apart = [later.time_ns - earlier.time_ns for earlier, later in pairwise(points)]
    return GAP_INTERVALS * max(window.step_ns, int(median(apart)) if apart else 0)


def last_values(points: Sequence[Point], window: Window) -> list[float | None]:
    """A gauge: the last value of each step, which holds until the next one, or a gap."""
    steps: list[float | None] = [None] * _count(window)
    limit_ns = longest_ns(points, window)
    for at, point in enumerate(points):
        until_ns = points[at + 1].time_ns if at + 1 < len(points) else point.time_ns + 1
        if until_ns - point.time_ns > limit_ns:
            until_ns = point.time_ns + 1
        first = (point.time_ns - window.from_ns) // window.step_ns
        last = (until_ns - 1 - window.from_ns) // window.step_ns
        for step in range(max(0, first), min(len(steps) - 1, last) + 1):
            steps[step] = point.value
    return steps


def growth(points: Sequence[Point], temporality: int, window: Window, *, resets_too: bool = True) -> Growth:
    """A sum's growth per second, delta or cumulative. `resets_too`: it only grows, so that a fall is a reset."""
    found = Growth()
    limit_ns = longest_ns(points, window)
    before: Point | None = None
    for point in points:
        value = point.value
        if value is None:
            before = None
            continue
        begin_ns = before.time_ns if before else point.start_ns
        if temporality == CUMULATIVE:
            earlier = before.value if before and before.value is not None else 0.0
            if before is None and not point.start_ns:
                before = point  # nothing says since when it has grown
                continue
            if resets_too and value < earlier:
                found.resets.append(point.time_ns)
                earlier = 0.0
            value -= earlier
        elif point.start_ns:
            begin_ns = point.start_ns
        before = point
        length_ns = point.time_ns - begin_ns if begin_ns else 0
        if length_ns <= 0 or (length_ns > limit_ns and temporality != CUMULATIVE):
            length_ns, begin_ns = window.step_ns, point.time_ns - window.step_ns
        found.stretches.append(Stretch(begin_ns, point.time_ns, value * SECOND / length_ns))
    return found


def on_steps(stretches: Iterable[Stretch], window: Window) -> list[float | None]:
    """The mean of each step, by how much of it the stretches cover; None where none does."""
    count = _count(window)
    sums, covered = [0.0] * count, [0] * count
    for from_ns, to_ns, value in stretches:
        first, last = (from_ns - window.from_ns) // window.step_ns, (to_ns - 1 - window.from_ns) // window.step_ns
        for step in range(max(0, first), min(count - 1, last) + 1):
            start_ns = window.from_ns + step * window.step_ns
            part_ns = min(to_ns, start_ns + window.step_ns) - max(from_ns, start_ns)
            sums[step] += value * part_ns
            covered[step] += part_ns
    return [total / part if part else None for total, part in zip(sums, covered, strict=True)]


def together(lines: Sequence[Sequence[float | None]], *, mean: bool = False) -> list[float | None]:
    """Several streams as one line: their sum, or their mean; None where none of them has a value."""
    found: list[float | None] = []
    for column in zip(*lines, strict=True):
        known = [value for value in column if value is not None]
        found.append((sum(known) / (len(known) if mean else 1)) if known else None)
    return found


def _count(window: Window) -> int:
    return (window.to_ns - window.from_ns) // window.step_ns
