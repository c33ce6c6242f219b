"""The charts of the page of metrics: a metric over time, as its kind wants it.

Before: `views.charts` has read the parameters. After: a Chart. Gauges are lines of their last values, sums lines of
their growth per second, histograms percentiles, a heatmap and measurements a second, summaries their own quantiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.models import MetricStream
from collector.records import MetricKind
from dashboard.charts import Chart
from dashboard.metric_charts.lines import draw_metric, rate_unit
from dashboard.metric_charts.measurements import draw_heatmap, draw_rate
from dashboard.metric_charts.reading import is_spread, split_keys
from dashboard.parameters import METRIC_PAGE_NAMES, PAGING_NAMES, Parameters
from dashboard.units import unit_word

__all__ = ["METRIC_CHARTS", "Shown", "charts_of", "split_keys"]

NAMES = METRIC_PAGE_NAMES - PAGING_NAMES
METRIC_CHARTS: dict[str, tuple[frozenset[str], Callable[[Parameters], Chart]]] = {
    "metric": (NAMES, draw_metric),
    "metric-heatmap": (NAMES, draw_heatmap),
    "metric-rate": (NAMES, draw_rate),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A chart of a page: its name, and what stands above it."""

    name: str
    title: str
    unit: str


def charts_of(stream: MetricStream) -> list[Shown]:
    """What a metric of this kind is drawn as."""
    unit = unit_word(stream.unit)
    measured = Shown("metric-rate", "Measurements", "per second")
    if is_spread(stream):
        return [
            Shown("metric", "Percentiles", f"{unit}, p50 thick, p95 thin, p99 dashed".removeprefix(", ")),
            Shown("metric-heatmap", "Where they lie", f"{unit}, measurements in each bucket".removeprefix(", ")),
            measured,
        ]
    if stream.kind == MetricKind.SUMMARY:
        return [Shown("metric", "Quantiles", unit), measured]
    if stream.kind == MetricKind.SUM and (stream.is_monotonic or stream.temporality == 1):
        return [Shown("metric", "Growth", unit_word(rate_unit(stream.unit)).replace("/s", " per second").strip())]
    return [Shown("metric", "Value", unit)]
