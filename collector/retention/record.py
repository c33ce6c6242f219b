"""What was deleted when and why: a row an hour and reason, written in the transaction that deletes.

After: Setup shows it, and the page of a trace that is not here says since when.
"""

from __future__ import annotations

import time
from enum import StrEnum

from collector.models import Pruning

NS_PER_HOUR = 3_600 * 10**9


class Reason(StrEnum):
    """Why something was deleted."""

    AGE = "age"
    BYTES = "bytes"
    ASKED = "asked"  # `manage.py prune --older-than`


def add(reason: Reason, kind: str, rows: int, until_ns: int) -> None:
    """Takes note of a batch: what was received before `until_ns` is gone. In the caller's transaction."""
    now_ns = time.time_ns()
    row = Pruning.objects.filter(reason=reason, hour=now_ns // NS_PER_HOUR).first()
    if row is None:
        row = Pruning(reason=reason, hour=now_ns // NS_PER_HOUR, began_ns=now_ns, until_ns=0, deleted={})
    row.ended_ns = now_ns
    row.until_ns = max(row.until_ns, until_ns)
    row.deleted = row.deleted | {kind: row.deleted.get(kind, 0) + rows}
    row.save()


def latest() -> Pruning | None:
    """The last hour in which anything was deleted."""
    return Pruning.objects.order_by("-ended_ns").first()


def pruned(at_ns: int | None) -> Pruning | None:
    """What deleted telemetry of this time, as far as it was; with no time, what deleted last."""
    if at_ns is None:
        return latest()
    return Pruning.objects.filter(until_ns__gt=at_ns).order_by("ended_ns").first()


def forget(before_ns: int, limit: int) -> int:
    """Deletes rows about what was deleted long ago; gives how many."""
    ids = list(Pruning.objects.filter(ended_ns__lt=before_ns).order_by("ended_ns").values_list("pk", flat=True)[:limit])
    Pruning.objects.filter(pk__in=ids).delete()
    return len(ids)
