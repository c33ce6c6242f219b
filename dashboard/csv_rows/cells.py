"""What all exports share: how a table is described, how values are written, look-ups of what rows point at.

Before: raw rows, as the database driver gives them. After: `telemetry` and `claims` make cells of them.

Cells are finished when they leave here: the line is no more than cells with commas between. Python's csv module looks
at each character of each value (6 us for a span of eight attributes); most values of a list are its numbers, which
need no look, and names that come again and again, which are looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db.models import Model, QuerySet

from collector.raw import raw_rows
from dashboard.parameters import Parameters

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
MAX_REMEMBERED = 10_000  # rows of one small table kept at a time: memory stays flat whatever the data

Row = tuple[Any, ...]  # as it is read
Cells = tuple[str, ...]  # as it is written: each a cell, or several that always come together


@dataclass(frozen=True)
class Table:
    """One export: its list, the columns read from the database, the columns written, and what lies between."""

    model: type[Model]
    find: Callable[[Parameters], QuerySet[Any]]
    read: tuple[str, ...]  # the list's time and id first: the place of a row
    columns: tuple[str, ...]
    cells: Callable[[list[Row], Lookups], Iterable[Cells]]


def as_read(*values: Any) -> Row:
    """The columns of a row, as they are."""
    return values


class Lookups:
    """Rows of the small tables, by id, read once for all the rows that point at them."""

    def __init__(self) -> None:
        self._known: dict[type[Model], dict[int, Any]] = {}

    def of(
        self, model: type[Model], ids: set[int], columns: Sequence[str], make: Callable[..., Any] = as_read
    ) -> dict[int, Any]:
        """What `make` makes, once, of the columns of the rows with these ids: one maker for each model."""
        known = self._known.setdefault(model, {})
        missing = ids - known.keys()
        if missing:
            if len(known) + len(missing) > MAX_REMEMBERED:
                known.clear()
                missing = ids
            for row in raw_rows(model._default_manager.filter(pk__in=missing).order_by("pk"), ("id", *columns)):
                known[row[0]] = make(*row[1:])
        return known


def line(cells: Iterable[str]) -> str:
    """A line of finished cells, with its end."""
    return ",".join(cells) + "\r\n"


def text(value: str | None) -> str:
    """A text cell: the one place where texts become cells. What a spreadsheet would run gets a leading apostrophe."""
    if not value:
        return ""
    return quoted("'" + value if value.startswith(RUN_BY_SPREADSHEETS) else value)


def quoted(value: str) -> str:
    """A cell as RFC 4180 has it: in quotes where it holds a quote, a comma or a line break."""
    if '"' in value:
        return '"' + value.replace('"', '""') + '"'
    return f'"{value}"' if "," in value or "\n" in value or "\r" in value else value


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_time(time_ns: int) -> str:
    """UTC with nanoseconds."""
    seconds, ns = divmod(time_ns, 10**9)
    return f"{_second(seconds)}.{ns:09d}Z"


def milliseconds(duration_ns: int) -> str:
    """Exact, in decimal: a float would round."""
    whole, rest = divmod(abs(duration_ns), 10**6)
    return f"{'-' if duration_ns < 0 else ''}{whole}.{rest:06d}"


def iso_or_empty(time_ns: int | None) -> str:
    """A time that may not be known."""
    return "" if time_ns is None else iso_time(time_ns)


def milliseconds_or_empty(duration_ns: int | None) -> str:
    """A duration that may not be known."""
    return "" if duration_ns is None else milliseconds(duration_ns)


def number(value: float | str | None) -> str:
    """A number, or OTLP's word for one that is none, or nothing where it is not known."""
    return "" if value is None else str(value)


def names(text: str) -> tuple[str, ...]:
    """Column names from a text."""
    return tuple(text.split())
