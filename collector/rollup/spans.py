"""How long operations took, measured as their spans are written.

Before: `store` wrote new spans; this runs in the same transaction, so that a repeated span is measured once.
After: `news` notes and counts it.

A span counts in the window it started in, as lists find it by its start. One without an end is not counted until it
is sent with one, and then it is another span; one that ended before it started counts as taking no time.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.records import NewRows
from collector.rollup.news import Sheet, note
from collector.rollup.reading import series_in_use
from collector.rollup.windows import ALL_OPERATIONS, SHORTEST_NS, SHORTEST_S, Subject

STATUS_ERROR = 2


def update(new: NewRows) -> None:
    """Measures the new spans of a batch. Three short loops over columns: 0.4 us a span."""
    ids = new.operation_ids
    ended = [span for span in new.spans if span.duration_ns is not None]
    note(
        [
            Sheet(
                Subject.OPERATION,
                1,
                [2 * ids[span.operation] + (span.status_code == STATUS_ERROR) for span in ended],
                [span.start_ns // SHORTEST_NS * SHORTEST_S for span in ended],
                [span.duration_ns for span in new.spans if span.duration_ns is not None],
            )
        ]
    )


def sheet_of(rows: Iterable[tuple[int, int, int | None, int]]) -> Sheet:
    """The same of stored spans: (operation id, start_ns, duration_ns, status code)."""
    series, starts_s, durations_ns = [], [], []
    for operation, start_ns, duration_ns, status_code in rows:
        if duration_ns is not None:
            series.append(series_of(operation, status_code == STATUS_ERROR))
            starts_s.append(start_ns // SHORTEST_NS * SHORTEST_S)
            durations_ns.append(duration_ns)
    return Sheet(Subject.OPERATION, 1, series, starts_s, durations_ns)


def series_of(operation: int, is_error: bool) -> int:
    """The number under which an operation's spans are counted, those with and those without an error."""
    return 2 * operation + is_error


def operations_in_use() -> set[int]:
    """The ids of operations that were measured: rollups outlive the spans, and name them still."""
    return {series >> 1 for series in series_in_use(Subject.OPERATION) if series not in ALL_OPERATIONS}
