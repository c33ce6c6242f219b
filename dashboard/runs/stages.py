"""A run's stages beside those of an earlier run: each with its dots, percentiles, and whether it moved.

Before: `outcome` has the durations, the worker has compared. After: views.run draws a row a stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dashboard.axis import log_percent
from sandboxes.models import Run, RunComparison
from sandboxes.runs.outcome import Measure, Sample

MAX_DOTS = 120  # of a row; more lie on each other
SMALLEST_NS, LARGEST_NS = 10**5, 10**12
TICKS = [(10**6, "1 ms"), (10**7, "10"), (10**8, "100"), (10**9, "1 s"), (10**10, "10"), (10**11, "100")]


@dataclass(frozen=True, slots=True)
class Place:
    """A tick of the logarithmic scale, in percent."""

    percent: float
    label: str


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage. Places on the scale are in percent; `moved` is comparison.Moved as JSON."""

    measure: Measure
    dots: list[float]
    p50_percent: float
    earlier_percent: float | None
    moved: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stages:
    """The table, and the run it is compared with, if it is with one."""

    rows: list[StageRow]
    ticks: list[Place]
    earlier: Run | None
    waits: bool  # it was asked for, and the worker has not compared yet


def read(run: Run, measures: list[Measure], samples: Mapping[str, Sample], earlier: Run | None) -> Stages:
    """The stages, compared with `earlier` when the worker has done that."""
    found = RunComparison.objects.filter(run=run, earlier=earlier).first() if earlier else None
    moved = {stage["name"]: stage for stage in found.stages} if found else {}
    values = [duration.ns for sample in samples.values() for duration in sample if duration.ns]
    low_ns, high_ns = _ends(values)
    return Stages(
        rows=[
            _row(
                measure, samples[measure.name], moved.get(measure.name), partial(log_percent, low=low_ns, high=high_ns)
            )
            for measure in measures
        ],
        ticks=[Place(log_percent(ns, low_ns, high_ns), label) for ns, label in TICKS if low_ns <= ns <= high_ns],
        earlier=earlier,
        waits=earlier is not None and found is None,
    )


def _row(measure: Measure, sample: Sample, moved: dict[str, Any] | None, place: Callable[[float], float]) -> StageRow:
    durations = [duration.ns for duration in sample]
    step = max(1, len(durations) // MAX_DOTS)
    return StageRow(
        measure=measure,
        dots=[place(duration_ns) for duration_ns in sorted(durations)[::step]],
        p50_percent=place(measure.all.p50_ns),
        earlier_percent=place(moved["earlier_p50_ns"]) if moved else None,
        moved=moved,
    )


def _ends(values_ns: Sequence[int]) -> tuple[int, int]:
    """A power of ten below the shortest, and one above the longest."""
    low_ns = 10 ** math.floor(math.log10(max(min(values_ns, default=10**6), SMALLEST_NS)))
    longest_ns = min(max(max(values_ns, default=10**9), 10 * low_ns), LARGEST_NS)
    return low_ns, 10 ** math.ceil(math.log10(longest_ns))
