"""compared_stages.csv and compared_operations.csv: what stages and operations took in two ranges of time, all of them.

Before: rollups of both ranges. After: `export` writes the cells as CSV. `verdict` is of B against A: more, less, noise,
or too few to tell; empty where one of them has nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collector.latency.sides import Moved, Pair, Side, alone, most_moved_first, moved, operations_of_two
from dashboard.csv_rows.cells import Cells, iso_time, milliseconds, milliseconds_or_empty, names, number, text
from dashboard.parameters import Parameters
from dashboard.two_ranges import TwoRanges, read_two
from dashboard.words import span_kind
from sandboxes import latency

PERCENTILES = ("p50", "p95", "p99")
TIMES = names("a_from a_to b_from b_to")
DURATIONS = names(
    "a_count b_count a_p50_ms b_p50_ms p50_difference_ms p50_verdict a_p95_ms b_p95_ms p95_difference_ms p95_verdict"
    " a_p99_ms b_p99_ms p99_difference_ms p99_verdict"
)
STAGE_COLUMNS = (*names("stage start_type precision_ms"), *DURATIONS, *TIMES)
OPERATION_COLUMNS = (*names("service operation kind"), *DURATIONS, *names("a_errors b_errors errors_verdict"), *TIMES)

Compared = Callable[[Parameters], Iterator[Cells]]


def stage_cells(parameters: Parameters) -> Iterator[Cells]:
    """In the order of the stages. Raises ParameterError at once."""
    two = read_two(parameters)
    known_ns = latency.precisions_ns(parameters.claims, two.a, two.b)
    rows = []
    for one in latency.stages_of_two(parameters.claims, two.a, two.b):
        precision_ns = known_ns.get((one.stage, one.start_type), 1)
        rows.append(
            (one.stage, one.start_type, milliseconds(precision_ns), *_durations(one, precision_ns), *_times(two))
        )
    return iter(rows)


def operation_cells(parameters: Parameters) -> Iterator[Cells]:
    """What moved most first, then what one side alone has. Raises ParameterError at once."""
    two = read_two(parameters)
    found = operations_of_two(parameters.filter, two.a, two.b).operations
    rows = [*most_moved_first(found, two.a, two.b, two.sort), *alone(found)]
    return (
        (
            text(one.service),
            text(one.name),
            span_kind(one.kind),
            *_durations(one),
            *(number(side.figures.errors if side else None) for side in (one.a, one.b)),
            _verdict(moved(one, "errors")),
            *_times(two),
        )
        for one in rows
    )


def _durations(one: Pair, precision_ns: int = 1) -> Cells:
    cells = [str(side.figures.count if side else 0) for side in (one.a, one.b)]
    for name in PERCENTILES:
        found = moved(one, name, precision_ns)
        difference = "" if found is None else milliseconds(round(found.difference))
        cells += [_ms(one.a, name), _ms(one.b, name), difference, _verdict(found)]
    return tuple(cells)


def _ms(side: Side | None, name: str) -> str:
    return milliseconds_or_empty(getattr(side.figures, f"{name}_ns") if side else None)


def _verdict(found: Moved | None) -> str:
    return "" if found is None else str(found.verdict)


def _times(two: TwoRanges) -> Cells:
    return tuple(iso_time(ns) for when in (two.a, two.b) for ns in (when.from_ns, when.to_ns))


TABLES: dict[str, tuple[tuple[str, ...], Compared]] = {
    "compared_stages": (STAGE_COLUMNS, stage_cells),
    "compared_operations": (OPERATION_COLUMNS, operation_cells),
}
