"""How long operations took, from rollups: tables, series over time, heatmaps.

    ranges       the range of a question, cut in steps
    figures      percentiles, series and heatmaps of measurements
    operations   the questions about operations
    windows      every operation in every window, for CSV and API
    intervals    how well a percentile is known from its counts
    sides        two ranges side by side

Before: `collector.rollup` counted. After: pages, `latency.csv`, the API; `sandboxes.latency` asks the same of stages.
"""

from __future__ import annotations

from collector.latency.figures import PERCENTILES, Figures, Heatmap, Series
from collector.latency.operations import ORDERS, OperationLatency, OperationTable, figures, heatmap, operations, series
from collector.latency.ranges import MOST_POINTS, POINTS
from collector.latency.windows import WindowLatency, windows

__all__ = [
    "MOST_POINTS",
    "ORDERS",
    "PERCENTILES",
    "POINTS",
    "Figures",
    "Heatmap",
    "OperationLatency",
    "OperationTable",
    "Series",
    "WindowLatency",
    "figures",
    "heatmap",
    "operations",
    "series",
    "windows",
]
