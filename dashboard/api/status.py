"""The API's answer to whether telemetry arrives and what is kept of it.

Before: the receivers count what they do, `kept` measures what is stored. After: numbers for whoever watches the
dashboard, and for `manage.py observe` and `doctor`.
"""

from __future__ import annotations

import time

from django.http import HttpRequest
from django.views.decorators.cache import never_cache
from ninja import Router, Schema
from ninja.decorators import decorate_view

from collector.ingest import ingest
from dashboard import kept
from dashboard.api.parameters import described
from dashboard.parameters import parse

router = Router()


class LastPruning(Schema):
    """What was deleted last: all received before `until_ns`, by kind."""

    reason: str
    ended_ns: str
    until_ns: str
    deleted: dict[str, int]


class Batches(Schema):
    """How long deleting held the writer of this process, a batch at a time; null before the first."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Retention(Schema):
    """What is kept, and the limits: `days` and `max_bytes`, 0 for none. `oldest_ns` is when the oldest came."""

    disk_bytes: int
    used_bytes: int
    free_bytes: int
    oldest_ns: str | None
    days: float
    max_bytes: int
    batches: Batches
    last_pruning: LastPruning | None


class CpuTime(Schema):
    """CPU time taken: by decoding, by writing, by the whole process."""

    decode: str
    write: str
    process: str


class Status(Schema):
    """Counted by this process since `started_ns`; `retention` is null when the database does not answer.

    `rejected` are items that were refused, `turned_away` requests that were asked to come again.
    """

    started_ns: str
    spans: int
    points: int
    logs: int
    rejected: int
    last_rejection: str
    turned_away: int
    last_receipt_ns: str | None
    spans_per_s: float
    transactions: int
    retention: Retention | None
    cpu_ns: CpuTime


@router.get(
    "/status",
    response=Status,
    openapi_extra=described(frozenset()),
    summary="What the receivers have done since they started",
    url_name="status",
)
@decorate_view(never_cache)
def status(request: HttpRequest) -> dict[str, object]:
    parse(request.GET, frozenset(), "all")
    stats = ingest.stats
    return {
        "started_ns": str(stats.started_ns),
        "spans": stats.spans,
        "points": stats.points,
        "logs": stats.logs,
        "rejected": stats.rejected,
        "last_rejection": stats.last_rejection,
        "turned_away": stats.turned_away,
        "last_receipt_ns": str(stats.last_receipt_ns) if stats.last_receipt_ns else None,
        "spans_per_s": stats.spans_per_s,
        "transactions": stats.transactions,
        "retention": kept.status(),
        "cpu_ns": {
            "decode": str(stats.decode_ns),
            "write": str(stats.write_ns),
            "process": str(time.process_time_ns()),
        },
    }
