"""Two traces, operation by operation: how often, how long in all and by themselves, and what one alone has.

Before: `views.compare` read the spans of both. After: the page's template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.models import Trace
from dashboard.trace.statistics import OperationTime, operation_times
from dashboard.trace.tree import TraceTree

MOST_LIKE = 8
MOST_LOOKED_THROUGH = 5_000  # traces: no index leads from an operation to those it begins


@dataclass(frozen=True, slots=True)
class Row:
    """An operation in both; None where it does not occur."""

    service: str
    name: str
    owner: str
    a: OperationTime | None
    b: OperationTime | None

    @property
    def difference_ns(self) -> int:
        """By how much more b spent in it itself."""
        return (self.b.self_ns if self.b else 0) - (self.a.self_ns if self.a else 0)

    @property
    def alone(self) -> str:
        """The side that alone has it."""
        return "" if self.a and self.b else "a" if self.a else "b"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The operations, what differs most first."""

    a: TraceTree
    b: TraceTree
    rows: Sequence[Row]

    @property
    def a_ns(self) -> int:
        return self.a.end_ns - self.a.start_ns

    @property
    def b_ns(self) -> int:
        return self.b.end_ns - self.b.start_ns

    @property
    def difference_ns(self) -> int:
        return self.b_ns - self.a_ns


def like(trace: Trace) -> list[Trace]:
    """Those before it that begin with the same operation, the newest first: what one that was slow is compared with."""
    before = Trace.objects.filter(start_ns__lt=trace.start_ns).order_by("-start_ns")[:MOST_LOOKED_THROUGH]
    alike = Trace.objects.filter(pk__in=before.values("pk"), head_operation=trace.head_operation_id)
    return list(alike.prefetch_related("head_operation").order_by("-start_ns", "trace_id")[:MOST_LIKE])


def compare(a: TraceTree, b: TraceTree) -> Comparison:
    """`b` against `a`."""
    left, right = ({(one.service, one.name): one for one in operation_times(tree)} for tree in (a, b))
    rows = []
    for key in dict.fromkeys([*left, *right]):
        one, other = left.get(key), right.get(key)
        known = one or other
        assert known is not None
        rows.append(Row(*key, known.owner, one, other))
    return Comparison(a, b, sorted(rows, key=lambda row: (-abs(row.difference_ns), row.service, row.name)))
