"""How long operations took, measured as their spans are written.

Before: `store` wrote new spans; this runs in the same transaction, so that a repeated span is measured once.
After: `news` notes and counts it.

A span counts in the window it started in, as lists find it by its start. One without an end is not counted until it
is sent with one, and then it is another span; one that ended before it started counts as taking no time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from collector.histogram import position
from collector.records import NewRows
from collector.rollup.news import Key, Measured, note
from collector.rollup.reading import series_in_use
from collector.rollup.windows import SHORTEST_NS, SHORTEST_S, Subject

STATUS_ERROR = 2

Row = tuple[int, int, int | None, int]  # operation, start_ns, duration_ns, status code


def update(new: NewRows) -> None:
    """Measures the new spans of a batch."""
    ids = new.operation_ids
    note(measure((ids[s.operation], s.start_ns, s.duration_ns, s.status_code) for s in new.spans))


def measure(rows: Iterable[Row]) -> dict[Key, Measured]:
    """Spans by series and window. The hot loop of this stage."""
    groups: dict[tuple[int, int, bool], list[int]] = {}
    for operation, start_ns, duration_ns, status_code in rows:
        if duration_ns is None:
            continue
        key = (operation, start_ns // SHORTEST_NS, status_code == STATUS_ERROR)
        group = groups.get(key)
        if group is None:
            groups[key] = [duration_ns]
        else:
            group.append(duration_ns)
    return {
        (Subject.OPERATION, series_of(operation, is_error), window * SHORTEST_S): Measured(
            max(0, *durations) if len(durations) > 1 else max(0, durations[0]), Counter(map(position, durations))
        )
        for (operation, window, is_error), durations in groups.items()
    }


def series_of(operation: int, is_error: bool) -> int:
    """The number under which an operation's spans are counted, those with and those without an error."""
    return 2 * operation + is_error


def operations_in_use() -> set[int]:
    """The ids of operations that were measured: rollups outlive the spans, and name them still."""
    return {series >> 1 for series in series_in_use(Subject.OPERATION)}
