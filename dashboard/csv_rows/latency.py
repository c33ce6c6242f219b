"""latency.csv: how long operations took, by window. Cells, and where a page of the API ends.

Before: the windows of `collector.latency`, worked out from rollups; there is no table of them to walk. After: `export`
writes the cells as CSV, the API makes items of the same windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from collector.latency import WindowLatency, windows
from collector.models import Operation
from collector.paging import Cursor
from dashboard.csv_rows.cells import Cells, Lookups, iso_time, milliseconds_or_empty, names, text
from dashboard.parameters import Parameters
from dashboard.words import span_kind

COLUMNS = names(
    "window_start window_ns service operation kind count errors p50_ms p90_ms p95_ms p99_ms max_ms start_ns"
)
ROWS_A_LOOK_UP = 500

Named = tuple[WindowLatency, str, str, str]  # with the operation's service, name and kind


def named_windows(parameters: Parameters) -> Iterator[Named]:
    """As many windows as are asked for, from behind the cursor on."""
    cursor, lookups = parameters.cursor, Lookups()
    place = None if cursor is None else (cursor.time_ns, int(cursor.key) if len(cursor.key) < 32 else 0)
    found = islice(windows(parameters.filter, place), parameters.limit)
    while part := list(islice(found, ROWS_A_LOOK_UP)):
        operations = lookups.of(Operation, {window.operation_id for window in part}, ("service", "name", "kind"))
        for window in part:
            if window.operation_id in operations:
                service, name, kind = operations[window.operation_id]
                yield window, service, name, span_kind(kind)


def cursor_after(window: WindowLatency) -> Cursor:
    """The place to go on from."""
    return Cursor(window.start_ns, str(window.operation_id))


def cells(named: Named) -> Cells:
    """A row of the file."""
    window, service, name, kind = named
    told = window.figures
    return (
        iso_time(window.start_ns),
        str(window.window_ns),
        text(service),
        text(name),
        kind,
        str(told.count),
        str(told.errors),
        *map(milliseconds_or_empty, (told.p50_ns, told.p90_ns, told.p95_ns, told.p99_ns, told.max_ns)),
        str(window.start_ns),
    )
