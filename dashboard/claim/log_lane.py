"""The log lines said inside a claim's spans as rows of its timeline.

Before: `reading` has found them. After: `timeline_html` writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.models import Log
from dashboard.attributes import one_line
from dashboard.claim.axis import ClaimAxis
from dashboard.claim.lanes import Dot, LaneRow, outside
from dashboard.words import severity


def log_lane(axis: ClaimAxis, logs: Iterable[Log]) -> list[LaneRow]:
    """A mark for each line."""
    return [_log_row(axis, log) for log in logs]


def _log_row(axis: ClaimAxis, log: Log) -> LaneRow:
    word = severity(log.severity_number, log.severity_text)
    level = "error" if log.severity_number >= 17 else "warning" if log.severity_number >= 13 else ""
    x = axis.at(log.time_ns)
    return LaneRow(
        f"log-{log.pk}", word or "LOG", about=log.scope.name.rpartition(".")[2], kind=f"log {level}".strip(),
        dots=[Dot(x, x)] if axis.shows(log.time_ns, log.time_ns) else [],
        words=one_line(log.body if log.body is not None else log.event_name, 160),
        outside=outside(axis, log.time_ns),
        said_ns=log.time_ns - axis.zero_ns,
        trace_id=log.trace_id or "",
        span_id=log.span_id or "",
        log_id=log.pk,
    )  # fmt: skip
