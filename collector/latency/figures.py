"""What is told of measurements: counts and percentiles, of a range, by step, and as a heatmap.

Before: rows of `collector.rollup`. After: `operations` and `sandboxes.latency` hand them to pages, CSV and API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from collector.histogram import Histogram, sum_of, upper_ns
from collector.latency.ranges import Range
from collector.rollup import Row

PERCENTILES = (0.5, 0.9, 0.95, 0.99)
MOST_BANDS = 40  # of a heatmap
FEWEST = 5  # then and now, that make a change worth telling


@dataclass(frozen=True, slots=True)
class Figures:
    """Durations in ns, within 2.2 % of the exact ones; None of nothing. `errors` is a part of `count`."""

    count: int
    errors: int
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    max_ns: int | None

    def p95_change(self, before: Figures | None) -> float | None:
        """Since an earlier time, 0.25: a quarter slower. None when either had too few to tell."""
        if before is None or not before.p95_ns or self.p95_ns is None or min(self.count, before.count) < FEWEST:
            return None
        return self.p95_ns / before.p95_ns - 1


@dataclass(frozen=True, slots=True)
class Series:
    """By step: each list has an item for each of `times_ns`, at which the steps begin. None where nothing was."""

    step_ns: int
    times_ns: list[int]
    counts: list[int]
    errors: list[int]
    percentiles_ns: dict[float, list[int | None]]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """How many took how long when: counts[band][step]. Band i is above bounds_ns[i] and not above bounds_ns[i + 1]."""

    step_ns: int
    times_ns: list[int]
    bounds_ns: list[int]
    counts: list[list[int]]


_COUNT, _MAX_NS = (itemgetter(Row._fields.index(name)) for name in ("count", "max_ns"))


@dataclass(slots=True)
class Tally:
    """Measurements being added up, those with errors told apart."""

    all: Histogram
    errors: int = 0

    @classmethod
    def empty(cls) -> Tally:
        return cls(Histogram())

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Tally:
        """The sum of an operation's rows, whose odd series are errors. Summed in C: a third of a call for each row."""
        packed = [row.counts for row in rows if isinstance(row.counts, bytes)]
        number = sum_of(packed)
        if len(packed) < len(rows):
            number += sum(row.counts for row in rows if isinstance(row.counts, int))
        return cls(
            Histogram(sum(map(_COUNT, rows)), max(map(_MAX_NS, rows), default=0), number),
            sum(row.count for row in rows if row.series & 1),
        )

    def merge(self, other: Tally) -> None:
        """Adds what another has."""
        self.all.merge(other.all)
        self.errors += other.errors

    def figures(self) -> Figures:
        """What is told of it."""
        found = self.all
        p50, p90, p95, p99 = found.percentiles(PERCENTILES)
        return Figures(found.count, self.errors, p50, p90, p95, p99, found.max_ns if found.count else None)


Steps = dict[int, Tally]  # by the second a step begins at


def steps_of(rows: Iterable[Row], asked: Range) -> Steps:
    """Rows of operations by step."""
    step_s = asked.step_s
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.start_s - row.start_s % step_s, []).append(row)
    return {start_s: Tally.of(group) for start_s, group in groups.items()}


def add_to_steps(steps: Steps, row: Row, asked: Range) -> None:
    """Adds a row at its step, none of it an error."""
    start_s = row.start_s - row.start_s % asked.step_s
    tally = steps.get(start_s)
    if tally is None:
        tally = steps[start_s] = Tally(Histogram())
    tally.all.add(row.count, row.max_ns, row.number)


def together(tallies: Iterable[Tally]) -> Tally:
    """Their sum."""
    found = Tally.empty()
    for tally in tallies:
        found.merge(tally)
    return found


def series_of_steps(steps: Steps, asked: Range, percentiles: Sequence[float]) -> Series:
    """Every step of the range, those with nothing too."""
    tallies = [steps.get(start_s) for start_s in asked.starts_s]
    found = [[None] * len(percentiles) if tally is None else tally.all.percentiles(percentiles) for tally in tallies]
    return Series(
        asked.step_ns,
        asked.times_ns,
        [0 if tally is None else tally.all.count for tally in tallies],
        [0 if tally is None else tally.errors for tally in tallies],
        {percentile: [each[index] for each in found] for index, percentile in enumerate(percentiles)},
    )


def no_series(percentiles: Sequence[float]) -> Series:
    """The series of no range at all."""
    return Series(0, [], [], [], {percentile: [] for percentile in percentiles})


def no_heatmap() -> Heatmap:
    """The heatmap of no range at all."""
    return Heatmap(0, [], [], [])


def heatmap_of_steps(steps: Steps, asked: Range, most_bands: int = MOST_BANDS) -> Heatmap:
    """Bands as narrow as `most_bands` lets them be, from the shortest duration there is to the longest."""
    return heatmaps_of_steps({"": steps}, asked, most_bands)[""]


def heatmaps_of_steps(split: Mapping[str, Steps], asked: Range, most_bands: int = MOST_BANDS) -> dict[str, Heatmap]:
    """One each, over the same bands, so that they can be laid upon each other."""
    columns = {
        name: [steps[start_s].all.counts() if start_s in steps else (0, ()) for start_s in asked.starts_s]
        for name, steps in split.items()
    }
    filled = [(first, first + len(counts)) for each in columns.values() for first, counts in each if counts]
    if not filled:
        return {name: Heatmap(asked.step_ns, asked.times_ns, [], []) for name in split}
    low, high = min(first for first, _ in filled), max(end for _, end in filled)
    width = next(width for width in (1, 2, 4, 8, 16, 32) if (high - 1) // width - low // width < most_bands)
    bands = range(low // width, (high - 1) // width + 1)
    bounds = [round(upper_ns(band * width - 1)) if band else 0 for band in range(bands.start, bands.stop + 1)]
    return {
        name: Heatmap(asked.step_ns, asked.times_ns, bounds, _grid(each, bands, width))
        for name, each in columns.items()
    }


def _grid(columns: Sequence[tuple[int, Sequence[int]]], bands: range, width: int) -> list[list[int]]:
    grid = [[0] * len(columns) for _ in bands]
    for at, (first, counts) in enumerate(columns):
        for index, count in enumerate(counts):
            grid[(first + index) // width - bands.start][at] += count
    return grid
