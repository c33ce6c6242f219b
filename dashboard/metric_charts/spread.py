"""From histogram points to what was measured in each step of time: bucket counts that can be added and taken apart.

Before: `reading` has points by stream. After: percentiles, a heatmap and a rate of measurements.

Exponential histograms are brought to the coarsest scale among them first (each step down joins two buckets), so that
those of all streams and times share their bounds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from collector.percentiles import Bucket, buckets, quantile
from collector.records import CUMULATIVE, NO_RECORDED_VALUE, MetricKind
from dashboard.charts import Window
from dashboard.metric_charts.grid import longest_ns
from dashboard.metric_charts.points import Point

Counts = Counter[tuple[float, float]]
MOST_BUCKETS = 160
COARSEST = -10


class Part(NamedTuple):
    """What was measured in (from_ns, to_ns]. `low`, `high`: the extremes, where the sender told them."""

    from_ns: int
    to_ns: int
    counts: Counts
    low: float | None
    high: float | None


@dataclass(slots=True)
class Parts:
    """A stream's parts; `resets`: when its counts began again; `count` per part is the sum of its counts."""

    parts: list[Part] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)


class _Stored(NamedTuple):
    count: int | None  # type: ignore[assignment]
    min: float | None
    max: float | None
    detail: Any


def common_scale(points: Iterable[Point]) -> int:
    """The scale to bring exponential histograms to."""
    details = [point.detail for point in points if point.detail]
    scale = min((int(detail.get("scale") or 0) for detail in details), default=0)
    while scale > COARSEST and _width(details, scale) > MOST_BUCKETS:
        scale -= 1
    return scale


def _width(details: list[Any], scale: int) -> int:
    """How many positive buckets they reach over at that scale."""
    first, last = [], []
    for detail in details:
        positive = detail.get("positive") or {}
        counts, by = positive.get("counts") or [], int(detail.get("scale") or 0) - scale
        if counts:
            first.append(positive.get("offset", 0) >> by)
            last.append((positive.get("offset", 0) + len(counts) - 1) >> by)
    return max(last) - min(first) + 1 if first else 0


def counts_of(kind: int, point: Point, scale: int) -> Counts:
    """A point's buckets, by (lower bound, upper bound)."""
    detail = point.detail or {}
    if kind == MetricKind.EXPONENTIAL_HISTOGRAM:
        detail = _at_scale(detail, scale)
    found: Counts = Counter()
    # Without its min: the first bucket of all points then begins at the same bound.
    for lower, upper, count in buckets(kind, _Stored(point.count, None, None, detail)):
        if count:
            found[lower, upper] += count
    return found


def _at_scale(detail: dict[str, Any], scale: int) -> dict[str, Any]:
    by = int(detail.get("scale") or 0) - scale
    return detail | {"scale": scale} | {side: _joined(detail.get(side), by) for side in ("positive", "negative")}


def _joined(side: dict[str, Any] | None, by: int) -> dict[str, Any]:
    if not side or by <= 0:
        return side or {}
    joined: dict[int, int] = defaultdict(int)
    for index, count in enumerate(side.get("counts") or [], side.get("offset", 0)):
        joined[index >> by] += count
    if not joined:
        return {}
    first, last = min(joined), max(joined)
    return {"offset": first, "counts": [joined.get(index, 0) for index in range(first, last + 1)]}


def parts(points: Sequence[Point], kind: int, temporality: int, window: Window, scale: int) -> Parts:
    """What a stream measured between its points. Counts that fell began again."""
    found = Parts()
    limit_ns = longest_ns(points, window)
    before: tuple[Point, Counts] | None = None
    for point in points:
        if point.flags & NO_RECORDED_VALUE:
            before = None
            continue
        counts = counts_of(kind, point, scale)
        whole = counts
        begin_ns = (before[0].time_ns if before else 0) or point.start_ns
        if temporality == CUMULATIVE:
            if before and any(counts[key] < count for key, count in before[1].items()):
                found.resets.append(point.time_ns)
            elif before:
                counts = counts - before[1]
        elif point.start_ns:
            begin_ns = point.start_ns
        before = point, whole
        if not 0 < point.time_ns - begin_ns <= max(limit_ns, window.step_ns):
            begin_ns = point.time_ns - window.step_ns
        # Those of a total are since its start: bounds of this part, too, if not as near.
        found.parts.append(Part(begin_ns, point.time_ns, counts, point.min, point.max))
    return found


def in_steps(found: Iterable[Part], window: Window) -> list[Part | None]:
    """What ended in each step, all streams together; a step inside a longer part has that part's."""
    steps: list[list[Part]] = [[] for _ in range((window.to_ns - window.from_ns) // window.step_ns)]
    inside: dict[int, list[Part]] = defaultdict(list)
    for part in found:
        first = (part.from_ns - window.from_ns) // window.step_ns
        last = (part.to_ns - 1 - window.from_ns) // window.step_ns
        if 0 <= last < len(steps):
            steps[last].append(part)
        for step in range(max(0, first + 1), min(len(steps), last)):
            inside[step].append(part)
    return [_together(here or inside.get(step, [])) for step, here in enumerate(steps)]


def _together(found: list[Part]) -> Part | None:
    if not found:
        return None
    counts: Counts = Counter()
    for part in found:
        counts.update(part.counts)
    lows, highs = [part.low for part in found], [part.high for part in found]
    return Part(
        min(part.from_ns for part in found),
        max(part.to_ns for part in found),
        counts,
        min((low for low in lows if low is not None), default=None) if None not in lows else None,
        max((high for high in highs if high is not None), default=None) if None not in highs else None,
    )


def percentile_of(part: Part | None, q: float, kind: int) -> float | None:
    """A part's percentile, between its extremes where they are known."""
    if part is None or not part.counts:
        return None
    ordered: list[Bucket] = [(lower, upper, count) for (lower, upper), count in sorted(part.counts.items())]
    found = quantile(ordered, q, kind)
    if found is None:
        return None
    value = found[0]
    if part.high is not None:
        value = min(value, part.high)
    return value if part.low is None else max(value, part.low)


def rows_of(found: Iterable[Part | None], most: int = 28) -> list[tuple[float, float]]:
    """The buckets of a heatmap from the lowest that holds any, joined until there are no more than `most`."""
    keys = {key for part in found if part for key, count in part.counts.items() if count}
    edges = sorted({edge for key in keys for edge in key})
    while len(edges) > most + 1:
        edges = edges[:-1:2] + edges[-1:]
    return list(pairwise(edges))


def row_of(key: tuple[float, float], rows: Sequence[tuple[float, float]]) -> int:
    """The row a bucket belongs to: by its upper bound, which it does not pass."""
    return next((at for at, (_, top) in enumerate(rows) if key[1] <= top), len(rows) - 1)
