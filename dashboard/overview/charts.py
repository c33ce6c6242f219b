"""The overview's two charts: time to ready over time, and the heatmap.

Before: `views.charts` has the page's parameters. After: figures with their tables; the browser draws and moves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from collector import latency
from collector.latency import Series
from collector.rollup.cardinality import MOST_OF_A_GROUP
from dashboard.charts import Area, Chart, Layer, Mark, Note, Percentiles, Window, heatmap, nothing, percentile_lines
from dashboard.overview.area import CLAIMS, read_view
from dashboard.overview.heatmap import counted
from dashboard.parameters import OVERVIEW_NAMES, Parameters
from sandboxes import latency as claim_latency
from sandboxes.plans import from_json
from sandboxes.records import StartType
from sandboxes.rollup import OTHER
from sandboxes.runs.questions import runs

POINTS = (60, 30, 15)  # of a line: as many as leave no more gaps than FILLED allows
FILLED = 0.6  # of the steps, over all kinds of start: claims come in bursts, and a line of dots says little
MOST_RUNS = 5  # marks with words beside each other
COLUMNS, BANDS = 45, 24  # of the heatmap
NAMES = {StartType.COLD: "cold", StartType.WARM: "warm", StartType.UNKNOWN: ""}
COLOURS = {StartType.COLD: "cold", StartType.WARM: "warm", StartType.UNKNOWN: "program"}


def time_to_ready(parameters: Parameters) -> Chart:
    """p50, p95 and p99 of cold and warm starts; with a sentence where some are counted without pool and namespace."""
    chart = _time_to_ready(parameters)
    if not claim_latency.crowded(parameters.claims):
        return chart
    return replace(
        chart,
        note=Note(
            f"More than {MOST_OF_A_GROUP:,} different pools, templates and namespaces on a day: further ones are"
            f" counted together, as {OTHER}, and missing here by pool, template or namespace. The list of claims has"
            " them."
        ),
    )


def _time_to_ready(parameters: Parameters) -> Chart:
    f = parameters.claims
    for points in POINTS:
        found = claim_latency.series(f, percentiles=(0.5, 0.95, 0.99), points=points)
        if _filled(found) >= FILLED:
            break
    if not found:
        return nothing(_no_start(parameters))
    one = next(iter(found.values()))
    groups = [
        Percentiles(
            name=NAMES[kind],
            colour=COLOURS[kind],
            p50=found[kind].percentiles_ns[0.5],
            p95=found[kind].percentiles_ns[0.95],
            p99=found[kind].percentiles_ns[0.99],
            gap=f"no {NAMES[kind]} starts".replace("  ", " "),
        )
        for kind in StartType
        if kind in found
    ]
    window = _window(parameters, one.times_ns, one.step_ns)
    middles = _middles(one.times_ns, one.step_ns)
    return percentile_lines(middles, groups, window, marks=_runs(parameters), empty=_no_start(parameters))


def latency_heatmap(parameters: Parameters) -> Chart:
    """Starts of claims, cold and warm, or all operations: how many took how long when."""
    if counted(parameters) == CLAIMS:
        found = claim_latency.heatmaps(parameters.claims, points=COLUMNS, bands=BANDS)
        layers = [
            Layer(name=NAMES[kind], colour=COLOURS[kind], cells=found[kind].counts)
            for kind in StartType
            if kind in found
        ]
        first = next(iter(found.values()), None)
        noun, empty = "claims", _no_start(parameters)
    else:
        first = latency.heatmap(parameters.filter, points=COLUMNS, bands=BANDS)
        layers = [Layer(name="", colour="program", cells=first.counts)]
        noun, empty = "calls", "No operation in this time range."
    if first is None or not first.bounds_ns:
        return nothing(empty)
    window = _window(parameters, first.times_ns, first.step_ns)
    area = _selected(parameters, window)
    return heatmap(first.times_ns, first.bounds_ns, layers, window, noun=noun, selected=area, empty=empty)


def _runs(parameters: Parameters) -> list[Mark]:
    """Runs of test sandboxes: a reader should not take their load for the users'."""
    found = [(run, from_json(run.plan)) for run in runs(parameters.claims)[:MOST_RUNS]]
    return [
        Mark(time_ns=run.began_ns, words=f"run {run.pk}, {plan.count} sandbox{'es' if plan.count > 1 else ''}")
        for run, plan in found
        if run.began_ns is not None
    ]


def _filled(found: Mapping[str, Series]) -> float:
    """The share of steps with a value, between the first and the last of each line; 1 of nothing."""
    lines = [[at for at, count in enumerate(one.counts) if count] for one in found.values() if any(one.counts)]
    return min((len(places) / (places[-1] - places[0] + 1) for places in lines), default=1.0)


def _window(parameters: Parameters, times_ns: list[int], step_ns: int) -> Window:
    """Whole steps, so that the picture moves on by steps."""
    return Window(times_ns[0], times_ns[-1] + step_ns, step_ns)


def _middles(times_ns: list[int], step_ns: int) -> list[int]:
    return [ns + step_ns // 2 for ns in times_ns]


def _selected(parameters: Parameters, window: Window) -> Area | None:
    area = read_view(parameters.query).area
    if area is None:
        return None
    first = window.from_ns if area.from_ns is None else max(area.from_ns, window.from_ns)
    last = window.to_ns if area.to_ns is None else min(area.to_ns, window.to_ns)
    return Area(first, last, area.min_ns, area.max_ns) if first < last else None


def _no_start(parameters: Parameters) -> str:
    f = parameters.claims
    filtered = f.namespace or f.pool or f.template or f.start or f.cluster
    return "No claim of these filters became ready in this time." if filtered else "No claim became ready in this time."


Draw = Callable[[Parameters], Chart]
OVERVIEW_CHARTS: dict[str, tuple[frozenset[str], Draw]] = {
    "time-to-ready": (OVERVIEW_NAMES, time_to_ready),
    "latency-heatmap": (OVERVIEW_NAMES, latency_heatmap),
}
