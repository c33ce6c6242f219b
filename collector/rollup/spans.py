"""How long operations took, measured as their spans are written.

Before: `store` wrote new spans; this runs in the same transaction, so that a repeated span is measured once.
After: `news` notes and counts it.

A span counts in the window it started in, as lists find it by its start. One without an end is not counted until it
is sent with one, and then it is another span; one that ended before it started counts as taking no time.

Of a service with too many operations on a day (`cardinality`) the further ones are counted as its "other operations";
so are those of further services, together, when all services have too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector import intern
from collector.records import NS_PER_DAY, OTHER_KIND, NewRows, OperationRecord
from collector.rollup.cardinality import ALL_OTHERS, OTHERS, Cardinality, Place, number_of
from collector.rollup.news import Sheet, note
from collector.rollup.reading import series_in_use
from collector.rollup.windows import ALL_OPERATIONS, SHORTEST_NS, SHORTEST_S, Subject

STATUS_ERROR = 2


OTHER_OPERATIONS, OTHER_SERVICES = "other operations", "other services"

_cardinality = Cardinality(Subject.OPERATION)
intern.also_forgotten.append(_cardinality.forget)


def update(new: NewRows) -> None:
    """Measures the new spans of a batch. Short loops over columns: 0.7 us a span."""
    ids, operations = new.operation_ids, new.batch.operations
    ended = [span for span in new.spans if span.duration_ns is not None]
    wanted = {(span.start_ns // NS_PER_DAY, span.operation) for span in ended}
    counted = counted_as({(day, ids[at]): operations[at].service for day, at in wanted}, _cardinality)
    series = {(day, at): 2 * counted[day, ids[at]] for day, at in wanted}
    note(
        [
            Sheet(
                Subject.OPERATION,
                1,
                [
                    series[span.start_ns // NS_PER_DAY, span.operation] + (span.status_code == STATUS_ERROR)
                    for span in ended
                ],
                [span.start_ns // SHORTEST_NS * SHORTEST_S for span in ended],
                [span.duration_ns for span in new.spans if span.duration_ns is not None],
            )
        ]
    )


def counted_as(wanted: Mapping[Place, str], cardinality: Cardinality) -> dict[Place, int]:
    """The operation that each (day, operation's id), given with its service, is counted as: mostly itself."""
    found = {place: place[1] for place in wanted}
    beyond = cardinality.beyond({place: number_of(service) for place, service in wanted.items()})
    if not beyond:
        return found
    others = _others({wanted[place] for place in beyond})
    no_room = cardinality.beyond({(day, others[wanted[day, number]]): OTHERS for day, number in beyond})
    for day, number in beyond:
        other = others[wanted[day, number]]
        found[day, number] = other if (day, other) not in no_room else _other_services(day, cardinality)
    return found


def _others(services: Iterable[str]) -> dict[str, int]:
    """The ids of the operations that stand for others, by service."""
    ordered = sorted(services)
    records = [OperationRecord(service, OTHER_OPERATIONS, OTHER_KIND) for service in ordered]
    return dict(zip(ordered, intern.operations.resolve(records), strict=True))


def _other_services(day: int, cardinality: Cardinality) -> int:
    other = _others([OTHER_SERVICES])[OTHER_SERVICES]
    cardinality.beyond({(day, other): ALL_OTHERS})  # there is always room for one; lists find it by this
    return other


def sheet_of(rows: Iterable[tuple[int, str, int, int | None, int]]) -> Sheet:
    """The same of stored spans: (operation id, service, start_ns, duration_ns, status code)."""
    ended = [row for row in rows if row[3] is not None]
    wanted = {(start_ns // NS_PER_DAY, operation): service for operation, service, start_ns, _, _ in ended}
    counted = counted_as(wanted, Cardinality(Subject.OPERATION))  # remembers nothing: this may be rolled back
    return Sheet(
        Subject.OPERATION,
        1,
        [series_of(counted[row[2] // NS_PER_DAY, row[0]], row[4] == STATUS_ERROR) for row in ended],
        [row[2] // SHORTEST_NS * SHORTEST_S for row in ended],
        [row[3] for row in ended if row[3] is not None],
    )


def series_of(operation: int, is_error: bool) -> int:
    """The number under which an operation's spans are counted, those with and those without an error."""
    return 2 * operation + is_error


def operations_in_use() -> set[int]:
    """The ids of operations that were measured: rollups outlive the spans, and name them still."""
    return {series >> 1 for series in series_in_use(Subject.OPERATION) if series not in ALL_OPERATIONS}
