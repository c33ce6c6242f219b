"""Where a trace's time went, by operation. Plain Python.

Before: `tree`. After: the Statistics tab. Self time is what no child was running in, so that the self times of a
trace without parallel work add up to its length, and a caller is not blamed for what it called.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.axis import percent
from dashboard.owners import owner
from dashboard.trace.tree import TraceTree


@dataclass(slots=True)
class OperationTime:
    """The spans of one operation in a trace. Times in ns; `share` is of all self time, in percent."""

    service: str
    name: str
    owner: str
    count: int = 0
    errors: int = 0
    total_ns: int = 0
    self_ns: int = 0
    longest_ns: int = 0
    share: float = 0.0

    @property
    def mean_ns(self) -> int:
        return self.total_ns // self.count


def operation_times(tree: TraceTree) -> list[OperationTime]:
    """By self time, the most first. Spans with an unknown end count with the time up to the trace's end."""
    found: dict[tuple[str, str], OperationTime] = {}
    for node in tree.walk():
        span = node.span
        if span is None:
            continue
        key = (span.service, span.name)
        if key not in found:
            found[key] = OperationTime(*key, owner(span.service, span.scope, span.name, span.attributes))
        row, length_ns = found[key], node.end_ns - node.start_ns
        row.count += 1
        row.errors += span.is_error
        row.total_ns += length_ns
        row.self_ns += node.self_ns
        row.longest_ns = max(row.longest_ns, length_ns)
    whole_ns = sum(row.self_ns for row in found.values())
    for row in found.values():
        row.share = percent(row.self_ns, whole_ns)
    return sorted(found.values(), key=lambda row: (-row.self_ns, row.service, row.name))
