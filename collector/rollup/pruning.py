"""Rollups that are too old, deleted in portions: `retention` calls this inside the writer's transactions.

The shortest windows go with the spans they were measured from; the longer ones are few, and stay much longer.
"""

from __future__ import annotations

from collector.records import NS_PER_DAY
from collector.rollup import cardinality
from collector.rollup.news import lock
from collector.rollup.reading import oldest_s
from collector.rollup.windows import FINE_WINDOWS_S, NS_PER_S, WINDOWS_S, Subject
from collector.sql import execute


def prune(*, fine_before_ns: int, before_ns: int, limit: int = 2_000) -> int:
    """Deletes up to `limit` rows of windows that ended by then, in the caller's transaction; gives how many.

    `fine_before_ns` is for windows of 10 s and 1 min, `before_ns` for longer ones. Fewer than `limit`: all are gone.
    """
    lock(wait=True)
    deleted = 0
    for window_s in WINDOWS_S:
        bound_ns = max(fine_before_ns, before_ns) if window_s in FINE_WINDOWS_S else before_ns
        deleted += _prune(window_s, bound_ns // NS_PER_S - window_s, limit - deleted)
        if deleted >= limit:
            return deleted
    cardinality.prune(before_ns // NS_PER_DAY, limit - deleted)
    return deleted


def oldest_ns(*, fine: bool) -> int | None:
    """When the oldest window ended, of 10 s and 1 min or of the longer ones; None when there is none."""
    lengths = [window_s for window_s in WINDOWS_S if (window_s in FINE_WINDOWS_S) == fine]
    ends = [(oldest_s(subject, window_s), window_s) for subject in Subject for window_s in lengths]
    known = [(start_s + window_s) * NS_PER_S for start_s, window_s in ends if start_s is not None]
    return min(known, default=None)


def _prune(window_s: int, last_s: int, limit: int) -> int:
    """Of one length, those that begin at `last_s` or before. By subject, as the index is."""
    oldest = (
        "SELECT id FROM collector_rollup WHERE subject = %s AND window_s = %s AND start_s <= %s"
        " ORDER BY start_s LIMIT %s"
    )
    deleted = 0
    for subject in Subject:
        parameters = (int(subject), window_s, last_s, limit - deleted)
        deleted += execute(f"DELETE FROM collector_rollup WHERE id IN ({oldest})", parameters).rowcount
    return deleted
