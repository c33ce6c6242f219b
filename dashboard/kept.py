"""What is kept, for how long, and what was deleted when and why: in the same words on pages and in the API.

Before: `collector.retention` deletes and writes down what it did. After: Setup, /api/v1/status, and the pages of what
is not here any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from collector.models import Pruning
from collector.retention import disk, record, stages
from collector.retention.pace import Holds, pace
from collector.retention.record import Reason
from dashboard.templatetags.formats import size

NS_PER_S = 10**9


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is now. `oldest_ns` is when the oldest telemetry came; None when there is none."""

    disk: disk.Disk
    oldest_ns: int | None
    latest: Pruning | None
    deleted: str  # what the latest one deleted


def kept() -> Kept:
    """Measures it: some index look-ups."""
    ages = [kind.oldest_ns() for kind in stages.old_rows if kind.keep == stages.Keep.RAW]
    latest = record.latest()
    return Kept(
        disk.measure(),
        min((age for age in ages if age is not None), default=None),
        latest,
        rows(latest) if latest else "",
    )


def limits() -> str:
    """How long what comes in is kept."""
    parts = []
    if settings.RETENTION_DAYS:
        parts.append(f"{settings.RETENTION_DAYS:g} day{'' if settings.RETENTION_DAYS == 1 else 's'}")
    if settings.RETENTION_MAX_BYTES:
        parts.append(f"up to {size(settings.RETENTION_MAX_BYTES)}")
    return ", ".join(parts) or "without limit"


def rows(pruning: Pruning) -> str:
    """1,200 spans, 30 log records."""
    return ", ".join(f"{number:,} {kind}" for kind, number in pruning.deleted.items())


def why(pruning: Pruning) -> str:
    """The reason in words."""
    if pruning.reason == Reason.AGE:
        return f"older than RETENTION_DAYS allows ({settings.RETENTION_DAYS:g})"
    if pruning.reason == Reason.BYTES:
        return f"more than RETENTION_MAX_BYTES allows ({size(settings.RETENTION_MAX_BYTES)})"
    return "manage.py prune was told so"


def gone(at_ns: int | None = None) -> dict[str, Any]:
    """For a page about something that is not here: what deleted telemetry of its time, or of any time; or nothing."""
    pruning = record.pruned(at_ns)
    return {"pruned": pruning, "pruned_why": why(pruning)} if pruning else {}


def claim_days() -> str:
    """How long claims are kept without a change; empty when for ever."""
    return f"{settings.ROLLUP_RETENTION_DAYS:g}" if settings.ROLLUP_RETENTION_DAYS else ""


def sentence(pruning: Pruning) -> str:
    """The same for the API."""
    until, ended = (datetime.fromtimestamp(ns // NS_PER_S, UTC) for ns in (pruning.until_ns, pruning.ended_ns))
    return (
        f"What was received before {until:%Y-%m-%d %H:%M:%S} UTC was deleted, the last of it at"
        f" {ended:%Y-%m-%d %H:%M:%S} UTC: {why(pruning)}."
    )


def status() -> dict[str, Any] | None:
    """For /api/v1/status; None when the database does not tell. Times are decimal texts there."""
    try:
        now = kept()
    except DatabaseError:
        return None
    return {
        "disk_bytes": now.disk.total,
        "used_bytes": now.disk.used,
        "free_bytes": now.disk.free,
        "oldest_ns": None if now.oldest_ns is None else str(now.oldest_ns),
        "days": settings.RETENTION_DAYS,
        "max_bytes": settings.RETENTION_MAX_BYTES,
        "batches": _batches(pace.holds()),
        "last_pruning": None
        if now.latest is None
        else {
            "reason": now.latest.reason,
            "ended_ns": str(now.latest.ended_ns),
            "until_ns": str(now.latest.until_ns),
            "deleted": now.latest.deleted,
        },
    }


def _batches(holds: Holds) -> dict[str, float | int | None]:
    """How long deleting held this process's writer."""
    times_ns = {"p50": holds.p50_ns, "p99": holds.p99_ns, "max": holds.max_ns}
    return {"count": holds.batches} | {
        f"{name}_ms": None if ns is None else round(ns / 10**6, 1) for name, ns in times_ns.items()
    }
