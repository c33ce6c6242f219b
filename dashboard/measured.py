"""What a metric point says, in the same words for pages, API and exports: value, count, sum, extremes, percentiles.

Before: a stored point, as the database holds it. After: numbers to write down. What JSON and SQLite cannot hold as a
number (NaN, infinities) is a word, as in OTLP's JSON.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from collector.percentiles import PointLike, percentile
from collector.records import NO_RECORDED_VALUE, MetricKind

Number = int | float | str
PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
SPREADS = frozenset({MetricKind.HISTOGRAM, MetricKind.EXPONENTIAL_HISTOGRAM, MetricKind.SUMMARY})


class StoredPoint(PointLike, Protocol):
    """A point's columns; `detail` is parsed."""

    @property
    def flags(self) -> int: ...
    @property
    def value_int(self) -> int | None: ...
    @property
    def value_double(self) -> float | None: ...
    @property
    def sum(self) -> float | None: ...


class Percentile(NamedTuple):
    """A percentile of a point. `lower_bound`: it lies in a bucket without an end, and is at least this, shown as ≥."""

    name: str
    value: float
    lower_bound: bool


class Measured(NamedTuple):
    """What a point says; None is unknown. A point of a stream that has stopped says nothing."""

    value: Number | None = None
    count: int | None = None  # type: ignore[assignment]  # OTLP's word; tuple.count is not used
    sum: Number | None = None
    min: Number | None = None
    max: Number | None = None
    percentiles: tuple[Percentile, ...] = ()

    def at(self, name: str) -> float | None:
        """The percentile of that name."""
        return next((found.value for found in self.percentiles if found.name == name), None)


def measured(kind: int, point: StoredPoint) -> Measured:
    """Reads a point of a stream of this kind."""
    if point.flags & NO_RECORDED_VALUE:
        return Measured()
    nan = (point.detail or {}).get("nan", ())
    return Measured(
        point.value_int if point.value_int is not None else _number(point.value_double, "value_double", nan),
        point.count,
        _number(point.sum, "sum", nan),
        _number(point.min, "min", nan),
        _number(point.max, "max", nan),
        tuple(_percentiles(kind, point)) if kind in SPREADS else (),
    )


def _percentiles(kind: int, point: StoredPoint) -> list[Percentile]:
    found = [(name, percentile(kind, point, q)) for name, q in PERCENTILES]
    return [Percentile(name, *value) for name, value in found if value]


def _number(value: float | None, name: str, nan: list[str]) -> Number | None:
    """PostgreSQL would keep NaN, SQLite makes it NULL: which columns were NaN stands in the point's detail."""
    if value is None:
        return "NaN" if name in nan else None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
