"""Percentiles of a histogram point, by the rules of OTLP's data model, and of plain values. Plain Python.

Buckets are walked from the most negative to the most positive: linear inside explicit bounds, logarithmic inside
exponential ones, held between min and max when the point has them. An explicit histogram's last bucket is open: its
lower bound is all that is known, and the answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from collector.records import MetricKind


class PointLike(Protocol):
    """What a percentile needs of a point; `detail` is parsed JSON as `records.PointRecord` describes it."""

    @property
    def count(self) -> int | None: ...
    @property
    def min(self) -> float | None: ...
    @property
    def max(self) -> float | None: ...
    @property
    def detail(self) -> Any: ...


Value = TypeVar("Value")
Bucket = tuple[float, float, int]  # lower bound, upper bound, how many


def nearest(ordered: Sequence[Value], q: float) -> Value:
    """The `q` quantile of sorted values by nearest rank: one that was measured."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def percentile(kind: int, point: PointLike, q: float) -> tuple[float, bool] | None:
    """(value, open ended) of the point's `q` quantile, 0 <= q <= 1; None when the point cannot tell.

    Open ended: the value lies in a bucket without an upper bound; it is at least this, shown as "≥".
    A summary gives its own quantiles only: they cannot be interpolated.
    """
    detail = point.detail or {}
    if kind == MetricKind.SUMMARY:
        given = [float(value) for at, value in detail.get("quantiles") or [] if float(at) == q]
        return (given[0], False) if given and math.isfinite(given[0]) else None
    found = quantile(buckets(kind, point), q, kind)
    return (_held(found[0], point), found[1]) if found else None


def buckets(kind: int, point: PointLike) -> list[Bucket]:
    """A histogram point's buckets from the lowest, empty ones too; none for other kinds."""
    if kind == MetricKind.HISTOGRAM:
        return list(_explicit(point.detail or {}, point.min))
    return list(_exponential(point.detail or {})) if kind == MetricKind.EXPONENTIAL_HISTOGRAM else []


def quantile(found: list[Bucket], q: float, kind: int) -> tuple[float, bool] | None:
    """(value, open ended) of buckets from the lowest, which may be of several points of one kind."""
    filled = [bucket for bucket in found if bucket[2] > 0]
    rank = q * sum(count for _, _, count in filled)
    for position, (lower, upper, count) in enumerate(filled):
        if rank <= count or position == len(filled) - 1:
            if upper == math.inf and kind == MetricKind.HISTOGRAM:
                return (lower, True) if math.isfinite(lower) else None
            value = _inside(lower, upper, min(rank / count, 1.0), kind)
            return (value, False) if math.isfinite(value) else None
        rank -= count
    return None


def _inside(lower: float, upper: float, share: float, kind: int) -> float:
    """The value `share` of the way through a bucket."""
    if kind == MetricKind.EXPONENTIAL_HISTOGRAM and lower * upper > 0 and math.isfinite(upper):
        value = math.exp(math.log(abs(lower)) * (1 - share) + math.log(abs(upper)) * share)
        return math.copysign(value, lower)
    return lower + (upper - lower) * share


def _held(value: float, point: PointLike) -> float:
    """Between the point's min and max, when it has them."""
    if point.max is not None and value > point.max:
        value = point.max
    return point.min if point.min is not None and value < point.min else value


def _explicit(detail: dict[str, Any], lowest: float | None) -> Iterator[Bucket]:
    """The first bucket has no lower bound: it begins at the point's min, else at 0 when it reaches above that."""
    bounds = [float(bound) for bound in detail.get("bounds") or []]
    counts = detail.get("counts") or []
    first = min(0.0, bounds[0]) if bounds else math.nan
    if lowest is not None and bounds:
        first = min(lowest, bounds[0])
    edges = [first, *bounds, math.inf]
    for index, count in enumerate(counts[: len(bounds) + 1]):
        yield edges[index], edges[index + 1], int(count)


def _exponential(detail: dict[str, Any]) -> Iterator[Bucket]:
    scale = int(detail.get("scale") or 0)
    threshold = float(detail.get("zero_threshold") or 0.0)
    negative, positive = detail.get("negative") or {}, detail.get("positive") or {}
    for index, count in reversed(list(enumerate(negative.get("counts") or [], negative.get("offset", 0)))):
        yield -_edge(index + 1, scale), -_edge(index, scale), int(count)
    yield -threshold, threshold, int(detail.get("zero_count") or 0)
    for index, count in enumerate(positive.get("counts") or [], positive.get("offset", 0)):
        yield _edge(index, scale), _edge(index + 1, scale), int(count)


def _edge(index: int, scale: int) -> float:
    """base ** index, where base is 2 ** (2 ** -scale); any scale a sender may make up, in floating point."""
    try:
        return float(2.0 ** math.ldexp(float(index), -scale))
    except OverflowError:
        return math.inf if index > 0 else 0.0
