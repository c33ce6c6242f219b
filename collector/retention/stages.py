"""What can be deleted: telemetry's kinds of rows, to which the layers above add theirs.

After: `passes` takes the kinds in turn.
"""

from __future__ import annotations

from functools import partial

from collector.retention import traces
from collector.retention.rows import EVERYTHING, Keep, OldRows, by_arrival, with_traces
from collector.rollup import oldest_ns, prune


def _prune_short(before_ns: int, limit: int) -> int:
    return prune(fine_before_ns=before_ns, before_ns=0, limit=limit)


def _prune_long(before_ns: int, limit: int) -> int:
    return prune(fine_before_ns=before_ns, before_ns=before_ns, limit=limit)


old_rows: list[OldRows] = [
    OldRows("spans", traces.oldest_ns, traces.prune),
    by_arrival("log records", "collector_log"),
    by_arrival("metric points", "collector_metricpoint"),
    by_arrival("exemplars", "collector_exemplar"),
    # Windows tell their own time: of what was imported, short ones older than RETENTION_DAYS go at once.
    OldRows("latency counts of short windows", partial(oldest_ns, fine=True), _prune_short, Keep.DAYS),
    OldRows("latency counts", partial(oldest_ns, fine=False), _prune_long, Keep.ROLLUPS),
]
# Tables whose arrivals are noted: all of which rows are deleted by arrival.
noted_tables = ["collector_span", "collector_log", "collector_metricpoint", "collector_exemplar"]

__all__ = [
    "EVERYTHING",
    "Keep",
    "OldRows",
    "by_arrival",
    "noted_tables",
    "old_rows",
    "with_traces",
]
