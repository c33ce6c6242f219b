"""Latency rollups: how long things took, counted by windows of time, so that no question ever counts spans.

    windows       the lengths of windows, and which of them cover a range
    spans         what new spans measure, in their transaction
    cardinality   how many series of a day are counted each by itself
    news          noting what was measured, and counting it into the windows
    reading       what was measured in a range
    pruning       windows that are too old
    rebuild       counting anew from rows that are stored
    merging       series that turned out to be one

Before: `store` (spans) and `sandboxes.rollup` (stages of claims). After: `latency` and `sandboxes.latency` answer
questions about percentiles from what is read here. `collector.histogram` has the buckets.
"""

from __future__ import annotations

from collector.rollup.news import Sheet, count_news, count_waiting, note
from collector.rollup.pruning import oldest_ns, prune
from collector.rollup.reading import Row, extent_s, next_measured_s, rows, series_in_use, shortest_s
from collector.rollup.spans import operations_in_use, series_of, update
from collector.rollup.windows import SHORTEST_NS, SHORTEST_S, Subject, longest_s, step_s

__all__ = [
    "SHORTEST_NS",
    "SHORTEST_S",
    "Row",
    "Sheet",
    "Subject",
    "count_news",
    "count_waiting",
    "extent_s",
    "longest_s",
    "next_measured_s",
    "note",
    "oldest_ns",
    "operations_in_use",
    "prune",
    "rows",
    "series_in_use",
    "series_of",
    "shortest_s",
    "step_s",
    "update",
]
