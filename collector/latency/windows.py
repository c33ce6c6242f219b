"""Every operation in every window of a range, one after the other: what `latency.csv` and the API list.

Before: a filter, and for a further page the place to go on from. After: rows of CSV, items of the API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.latency.figures import Figures, Tally
from collector.latency.operations import filtered
from collector.latency.ranges import Range, asked
from collector.queries import TelemetryFilter
from collector.rollup import Row, Subject, next_measured_s, shortest_s
from collector.rollup.windows import NS_PER_S, WINDOWS_S

MOST_WINDOWS = 360  # 10 s of an hour, 1 min of six, 5 min of a day, half an hour of a week
WINDOWS_A_READ = 16  # so that memory stays the same however long the range is


@dataclass(frozen=True, slots=True)
class WindowLatency:
    """An operation in one window. The range cuts the first window and the last: they hold what lies inside."""

    start_ns: int
    window_ns: int
    operation_id: int
    figures: Figures


def windows(f: TelemetryFilter, after: tuple[int, int] | None = None) -> Iterator[WindowLatency]:
    """The oldest window first, in it operations by id; from behind the place (start_ns, operation id) `after` on.

    All windows are of one length: the shortest of which the range has no more than MOST_WINDOWS.
    """
    found = asked(Subject.OPERATION, f.from_ns, f.to_ns)
    if found is None:
        return
    window_s = _length_s(found)
    first_s = found.from_ns // NS_PER_S // window_s * window_s
    if after is not None:
        first_s = max(first_s, after[0] // NS_PER_S // window_s * window_s)
    from_s, end_s = first_s, -(-found.to_ns // NS_PER_S)
    while from_s < end_s:
        until_s = from_s + WINDOWS_A_READ * window_s
        part = Range(max(found.from_ns, from_s * NS_PER_S), min(found.to_ns, until_s * NS_PER_S), window_s)
        tallies = _tallies(f, part)
        for (start_s, operation), tally in sorted(tallies.items()):
            place = (start_s * NS_PER_S, operation)
            if after is None or place > after:
                yield WindowLatency(place[0], window_s * NS_PER_S, operation, tally.figures())
        from_s = until_s
        if not tallies:  # maybe for years: a clock that was never set begins in 1970
            next_s = next_measured_s(Subject.OPERATION, until_s)
            if next_s is None:
                return
            from_s = max(until_s, next_s // window_s * window_s)


def _length_s(found: Range) -> int:
    length_s = -(-(found.to_ns - found.from_ns) // NS_PER_S)
    enough = (window_s for window_s in WINDOWS_S if length_s <= MOST_WINDOWS * window_s)
    return max(next(enough, WINDOWS_S[-1]), shortest_s(Subject.OPERATION, found.from_ns))


def _tallies(f: TelemetryFilter, part: Range) -> dict[tuple[int, int], Tally]:
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in filtered(f, part):
        groups.setdefault((row.start_s - row.start_s % part.step_s, row.series >> 1), []).append(row)
    return {place: Tally.of(group) for place, group in groups.items()}
