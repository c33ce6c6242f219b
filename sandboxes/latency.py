"""Questions about how long stages of claims took: by stage, over time, as a heatmap.

Before: `dashboard.parameters` reads a ClaimFilter from a query string. After: pages show the answer. Only rollups are
read: a hundred thousand claims cost as much as a hundred.

Of a filter these count here: the range, namespace, pool, template, start, cluster. A claim is measured at the beginning
of its axis. Percentiles are within 2.2 % of the exact ones; times are integer ns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median_high
from typing import TypeVar

from collector.latency.figures import (
    MOST_BANDS,
    PERCENTILES,
    Figures,
    Heatmap,
    Series,
    Steps,
    Tally,
    add_to_steps,
    heatmaps_of_steps,
    no_heatmap,
    series_of_steps,
    together,
)
from collector.latency.ranges import POINTS, Range, asked
from collector.latency.sides import Side, pairs
from collector.rollup import Subject, rows
from collector.rollup.windows import WINDOWS_S
from sandboxes.lifecycle import STAGES, from_json
from sandboxes.models import StageSeries
from sandboxes.questions import ClaimFilter, claims, cluster_ids
from sandboxes.rollup import OTHER, TIME_TO_READY

Key = TypeVar("Key", bound=Hashable)
ORDER = [*(stage.name for stage in STAGES), TIME_TO_READY]
LOOKED_AT = 50  # newest claims of a range, for how finely their stages are known


@dataclass(frozen=True, slots=True)
class StageLatency:
    """A stage in the range, in the range before it, and its percentiles by step (None where no claim began)."""

    stage: str
    start_type: str
    now: Figures
    before: Figures | None
    p50_ns: list[int | None]
    p95_ns: list[int | None]

    @property
    def p95_change(self) -> float | None:
        """0.25: a quarter slower than before. None when either time had too few claims to tell."""
        return self.now.p95_change(self.before)


@dataclass(frozen=True, slots=True)
class StageTable:
    """Stages in their order, each by its kind of start."""

    stages: list[StageLatency]
    step_ns: int
    times_ns: list[int]


@dataclass(frozen=True, slots=True)
class StageOfTwo:
    """A stage of one kind of start in two ranges; None in one where no claim had it."""

    stage: str
    start_type: str
    a: Side | None
    b: Side | None


def stages(f: ClaimFilter, *, points: int = POINTS) -> StageTable:
    """Every stage that a claim of the filter had, and the time to ready last. Of all time there is no `before`."""
    found = asked(Subject.STAGE, f.from_ns, f.to_ns, points)
    if found is None:
        return StageTable([], 0, [])
    by_stage = _by(f, found, _kind)
    earlier = _by(f, found.before(), _kind) if f.from_ns is not None else None
    table = []
    for stage, start_type in sorted(by_stage, key=lambda key: (_place(key[0]), key)):
        steps = by_stage[stage, start_type]
        line = series_of_steps(steps, found, (0.5, 0.95)).percentiles_ns
        before = None if earlier is None else together(earlier.get((stage, start_type), {}).values()).figures()
        now = together(steps.values()).figures()
        table.append(StageLatency(stage, start_type, now, before, line[0.5], line[0.95]))
    return StageTable(table, found.step_ns, found.times_ns)


def stages_of_two(f: ClaimFilter, a: Range, b: Range) -> list[StageOfTwo]:
    """Every stage of either range, as `stages` has them, whatever range the filter has itself."""
    left, right = ({key: together(steps.values()) for key, steps in _by(f, when, _kind).items()} for when in (a, b))
    found = pairs(left, right)
    return [StageOfTwo(*key, *found[key]) for key in sorted(found, key=lambda key: (_place(key[0]), key))]


def precisions_ns(f: ClaimFilter, *ranges: Range) -> dict[tuple[str, str], int]:
    """How finely each stage by kind of start is known, as the newest claims tell: rollups count lengths alone."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for when in ranges:
        newest = claims(replace(f, from_ns=when.from_ns, to_ns=when.until_ns)).prefetch_related(None)[:LOOKED_AT]
        for claim in newest:
            for stage in from_json(claim.lifecycle).stages:
                if not stage.pre_warmed:
                    found[stage.name, claim.start_type].append(stage.precision_ns)
            if claim.time_to_ready_precision_ns is not None:
                found[TIME_TO_READY, claim.start_type].append(claim.time_to_ready_precision_ns)
    return {key: median_high(known) for key, known in found.items()}


def series(
    f: ClaimFilter,
    *,
    stage: str = TIME_TO_READY,
    by: str = "start_type",
    percentiles: Sequence[float] = PERCENTILES,
    points: int = POINTS,
) -> dict[str, Series]:
    """A stage over time, a line for each value of `by` (a column of StageSeries; empty: one line named ""), by name."""
    found = asked(Subject.STAGE, f.from_ns, f.to_ns, points)
    if found is None:
        return {}
    split = _by(f, found, lambda series: getattr(series, by) if by else "", stage)
    return {name: series_of_steps(split[name], found, percentiles) for name in sorted(split)}


def heatmap(f: ClaimFilter, *, stage: str = TIME_TO_READY, points: int = POINTS) -> Heatmap:
    """How many claims took how long when."""
    return heatmaps(f, stage=stage, by="", points=points).get("") or no_heatmap()


def heatmaps(
    f: ClaimFilter, *, stage: str = TIME_TO_READY, by: str = "start_type", points: int = POINTS, bands: int = MOST_BANDS
) -> dict[str, Heatmap]:
    """How many claims took how long when, one for each value of `by`, all with the same steps and bounds."""
    found = asked(Subject.STAGE, f.from_ns, f.to_ns, points)
    if found is None:
        return {}
    return heatmaps_of_steps(_by(f, found, lambda series: getattr(series, by) if by else "", stage), found, bands)


def figures(f: ClaimFilter, *, stage: str = TIME_TO_READY) -> tuple[Figures, Figures | None]:
    """(in the range, in the range of the same length before it)."""
    return figures_by(f, stage=stage, by="")[""]


def figures_by(
    f: ClaimFilter, *, stage: str = TIME_TO_READY, by: str = "start_type"
) -> dict[str, tuple[Figures, Figures | None]]:
    """The same for each value of `by` that the range has, and under "" for all together."""
    found = asked(Subject.STAGE, f.from_ns, f.to_ns)
    if found is None:
        return {"": (Tally.empty().figures(), None)}
    now = _totals(f, found, stage, by)
    before = _totals(f, found.before(), stage, by) if f.from_ns is not None else None
    return {
        name: (tally.figures(), None if before is None else before.get(name, Tally.empty()).figures())
        for name, tally in now.items()
    }


def crowded(f: ClaimFilter) -> bool:
    """Whether claims of the range were counted together, since their days had too many pools, templates, namespaces."""
    found = asked(Subject.STAGE, f.from_ns, f.to_ns)
    others = set(StageSeries.objects.filter(namespace=OTHER).values_list("pk", flat=True))
    if found is None or not others:
        return False
    read = rows(Subject.STAGE, found.from_ns, found.until_ns, WINDOWS_S[-1], others, found.edge_s)
    return next(read, None) is not None


def _totals(f: ClaimFilter, found: Range, stage: str, by: str) -> dict[str, Tally]:
    """By value of `by`, and all; from the longest windows the range has."""
    split = _by(f, found, lambda series: getattr(series, by) if by else "", stage, WINDOWS_S[-1])
    tallies = {name: together(steps.values()) for name, steps in split.items()}
    return tallies | {"": together(tallies.values())}


def _by(
    f: ClaimFilter,
    found: Range,
    key: Callable[[StageSeries], Key],
    stage: str = "",
    longest_s: int | None = None,
) -> dict[Key, Steps]:
    """The rows the filter means, by what `key` makes of their series, and by step; or by windows up to `longest_s`."""
    series = {row.pk: row for row in _series(f, stage)}
    split: dict[Key, Steps] = {}
    read = rows(Subject.STAGE, found.from_ns, found.until_ns, longest_s or found.longest_s, series.keys(), found.edge_s)
    for row in read:
        add_to_steps(split.setdefault(key(series[row.series]), {}), row, found)
    return split


def _kind(series: StageSeries) -> tuple[str, str]:
    return series.stage, series.start_type


def _series(f: ClaimFilter, stage: str) -> Iterator[StageSeries]:
    exact = {"stage": stage, "namespace": f.namespace, "pool": f.pool, "template": f.template, "start_type": f.start}
    found = StageSeries.objects.filter(**{name: value for name, value in exact.items() if value})
    if f.cluster:
        found = found.filter(cluster__in=cluster_ids(f.cluster))
    return found.iterator()


def _place(stage: str) -> int:
    return ORDER.index(stage) if stage in ORDER else len(ORDER)
