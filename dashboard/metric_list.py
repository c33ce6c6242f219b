"""Metrics in words, a row each: what its one stream says, or what its streams say together.

Before: `views.metrics` found the newest streams of each metric and their latest points. After: the list of metrics.
A program that runs again begins streams of its own, and a stream is no more than one set of attributes: told one by
one they would hide which metrics there are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from collector.models import MetricPoint, MetricStream
from collector.records import MetricKind
from dashboard.measured import PERCENTILES, SPREADS, Measured, measured
from dashboard.metric_rows import StreamRow, stream_row
from dashboard.templatetags.formats import value as words
from dashboard.units import figures, quantity
from dashboard.words import temporality


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a service. `latest`: (label, text) of the newest point, or of those of all that were looked at.

    `streams`: how many it has; `looked_at`: the newest of them, whose values these are; `told_apart`: the attributes
    that are not the same in all of those.
    """

    newest: StreamRow
    latest: list[tuple[str, str]]
    streams: int
    looked_at: int
    told_apart: list[str]

    @property
    def key(self) -> str:
        """What stays the same while its values move."""
        return f"{self.newest.stream.resource.service} {self.newest.stream.name}"


def metric_rows(streams: Iterable[MetricStream], latest: dict[int, MetricPoint]) -> list[MetricRow]:
    """Streams in order of service and name, each with `in_metric`, as `queries.newest_streams` has them."""
    grouped = groupby(streams, key=lambda stream: (stream.resource.service, stream.name))
    return [_metric_row(list(group), latest) for _, group in grouped]


def _metric_row(streams: list[MetricStream], latest: dict[int, MetricPoint]) -> MetricRow:
    """Of one metric; programs that disagree about its kind or unit are not counted together."""
    newest = max(streams, key=lambda stream: latest[stream.pk].time_ns if stream.pk in latest else 0)
    row = stream_row(newest, latest.get(newest.pk))
    alike = [stream for stream in streams if nature(stream) == nature(newest)]
    said = [measured(stream.kind, latest[stream.pk]) for stream in alike if stream.pk in latest]
    return MetricRow(
        newest=row,
        latest=row.latest if len(said) < 2 else _together(newest, said),
        streams=getattr(newest, "in_metric", len(streams)),
        looked_at=len(streams),
        told_apart=telling_keys(streams),
    )


def nature(stream: MetricStream) -> tuple[int, int, bool, str]:
    """What streams must share to be counted or drawn together: kind, temporality, whether it grows, unit."""
    return stream.kind, stream.temporality, stream.is_monotonic, stream.unit


def _together(stream: MetricStream, said: list[Measured]) -> list[tuple[str, str]]:
    """Totals are added; of anything else the lowest and the highest."""
    if stream.kind not in SPREADS:
        numbers = [one.value for one in said if isinstance(one.value, int | float)]
        adds_up = stream.kind == MetricKind.SUM and temporality(stream.temporality) == "cumulative"
        return [("together", quantity(sum(numbers), stream.unit)) if adds_up else ("", _span(numbers, stream.unit))]
    counts = [one.count for one in said if one.count is not None]
    found = [("count", figures(sum(counts)))] if counts else []
    for name, _ in PERCENTILES:
        values = [value for one in said if (value := one.at(name)) is not None]
        if values:
            found.append((name, _span(values, stream.unit)))
    return found


def _span(numbers: list[Any], unit: str) -> str:
    """2.0 … 75 ms: the unit once where both have the same."""
    if not numbers:
        return quantity(None, unit)
    lowest, highest = quantity(min(numbers), unit), quantity(max(numbers), unit)
    if lowest == highest:
        return lowest
    number, _, its_unit = lowest.rpartition(" ")
    return f"{number if number and highest.endswith(f' {its_unit}') else lowest} … {highest}"


def as_counted(text: str) -> list[tuple[int, str]]:
    """A key to sort by: p2 before p10. Numbers are told by their length first, then by their digits."""
    return [(len(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", text)]


def in_order(streams: Iterable[MetricStream], told_apart: Iterable[str]) -> list[MetricStream]:
    """A metric's streams by service, then by what tells them apart."""
    keys = list(told_apart)
    return sorted(
        streams,
        key=lambda stream: (
            stream.resource.service,
            [as_counted(words(stream.attributes[key]) if key in stream.attributes else "") for key in keys],
        ),
    )


def telling_keys(streams: list[MetricStream]) -> list[str]:
    """The attributes that tell streams apart: those not the same in all of them."""
    seen: dict[str, set[str]] = defaultdict(set)
    having: dict[str, int] = defaultdict(int)
    for stream in streams:
        for key, item in stream.attributes.items():
            seen[key].add(words(item))
            having[key] += 1
    return sorted(key for key, values in seen.items() if len(values) > 1 or having[key] < len(streams))
