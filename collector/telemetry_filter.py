"""What lists of telemetry are filtered by, and the range of time in SQL.

Before: `dashboard.parameters` reads a query string. After: `queries` asks the database, `having` for traces by their
spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db.models import Model, QuerySet

from collector.conditions import Condition

Row = TypeVar("Row", bound=Model)

MOST_LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFilter:
    """What to look for. Empty, 0 and None mean: whatever it is. Times are half-open, [from_ns, to_ns)."""

    from_ns: int | None = None
    to_ns: int | None = None
    service: str = ""
    operation: str = ""
    status: str = ""  # ok, error or unset
    min_duration_ns: int | None = None
    q: str = ""
    trace_id: str = ""
    severity: int = 0  # the lowest severity number to show
    stream: int = 0  # a metric stream's id
    where: Condition | None = None  # what one span has to meet
    most_looked_at: int | None = MOST_LOOKED_AT  # spans, for what no index helps with; None: all of them
    linked: frozenset[tuple[str, str]] | None = None  # (trace id, span id): these spans, and what was said in them
    metric: str = ""  # the name of one


class Ranged(Protocol):
    """A filter with a range of time: from_ns <= time < to_ns, each end open where it is None."""

    @property
    def from_ns(self) -> int | None: ...
    @property
    def to_ns(self) -> int | None: ...


def in_range(queryset: QuerySet[Row], f: Ranged, time: str) -> QuerySet[Row]:
    """The rows whose column `time` lies in the range."""
    if f.from_ns is not None:
        queryset = queryset.filter(**{f"{time}__gte": f.from_ns})
    if f.to_ns is not None:
        queryset = queryset.filter(**{f"{time}__lt": f.to_ns})
    return queryset
