"""The table of operations, the slowest first or by another column.

Before: `speed` read the rollups. After: the template writes a row each, which leads to the operation's traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.latency import Figures, OperationLatency
from collector.latency.sides import OperationOfTwo
from collector.records import OTHER_KIND
from collector.rollup.cardinality import MOST_OF_A_GROUP
from collector.rollup.spans import OTHER_OPERATIONS, OTHER_SERVICES
from dashboard.overview.area import ORDERS
from dashboard.overview.change import Change
from dashboard.overview.links import traces_link
from dashboard.overview.speed import change_of
from dashboard.overview.strips import share_words
from dashboard.owners import owner
from dashboard.parameters import Parameters
from dashboard.templatetags.formats import count, duration

MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a row; `order` is its column."""

    order: str
    words: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An operation as the table shows it; `words` say its sparkline."""

    operation: OperationLatency
    owner: str
    link: str
    cells: list[Cell]
    change: Change | None
    words: str


def row(one: OperationLatency, parameters: Parameters) -> Row:
    """The row of an operation, with the way to its traces."""
    return Row(
        operation=one,
        owner=owner(one.service, "", one.name),
        link=operation_link(one, parameters),
        cells=[_cell(order, one.now) for order in ORDERS],
        change=change_of(one),
        words=f"p95 of {one.name} over time",
    )


def operation_link(one: OperationLatency | OperationOfTwo, parameters: Parameters, **changes: object) -> str:
    """The traces with spans of this operation in the range; of other operations, those of their service."""
    service, operation = one.service, one.name
    if one.kind == OTHER_KIND:
        service, operation = "" if service == OTHER_SERVICES else service, ""
    return traces_link(parameters, service=service, operation=operation, **changes)


def crowded_words(services: Sequence[str]) -> str:
    """What happened where some operations are counted together, and what to do about it; empty where none are."""
    if not services:
        return ""
    more = len(services) - MOST_NAMED
    named = ", ".join(services[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (
        f"More than {MOST_OF_A_GROUP:,} different operations on a day: {named}. Further ones are counted together, as"
        f" “{OTHER_OPERATIONS}”; traces keep every name. Most often there are ids in the names of spans: put them into"
        " attributes, and call a span by its route, as GET /users/{id}."
    )


def _cell(order: str, now: Figures) -> Cell:
    if order == "count":
        return Cell(order, count(now.count))
    if order == "errors":
        if not now.errors:
            return Cell(order, "0")
        few = now.count < 1_000
        return Cell(order, f"{now.errors} of {now.count}" if few else share_words(100 * now.errors / now.count), True)
    return Cell(order, duration(getattr(now, f"{order}_ns")))
