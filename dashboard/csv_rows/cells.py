"""What all exports share: how a table is described, how values are written, look-ups of what rows point at.

Before: raw rows, as the database driver gives them. After: `telemetry` and `claims` make cells of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db.models import Model, QuerySet

from collector.raw import raw_rows
from dashboard.parameters import Parameters

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
MAX_REMEMBERED = 10_000  # rows of one small table kept at a time: memory stays flat whatever the data

Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """One export: its list, the columns read from the database, the columns written, and what lies between."""

    model: type[Model]
    find: Callable[[Parameters], QuerySet[Any]]
    read: tuple[str, ...]  # the list's time and id first: the place of a row
    columns: tuple[str, ...]
    cells: Callable[[list[Cells], Lookups], Iterable[Cells]]


class Lookups:
    """Rows of the small tables, by id, read once for all the rows that point at them."""

    def __init__(self) -> None:
        self._known: dict[type[Model], dict[int, Cells]] = {}

    def of(self, model: type[Model], ids: set[int], *columns: str) -> dict[int, Cells]:
        """The columns of the rows with these ids."""
        known = self._known.setdefault(model, {})
        missing = ids - known.keys()
        if missing:
            if len(known) + len(missing) > MAX_REMEMBERED:
                known.clear()
                missing = ids
            for row in raw_rows(model._default_manager.filter(pk__in=missing).order_by("pk"), ("id", *columns)):
                known[row[0]] = row[1:]
        return known


def text(value: str | None) -> str:
    """A text cell. One that a spreadsheet would take for a formula gets a leading apostrophe."""
    return "" if value is None else "'" + value if value.startswith(RUN_BY_SPREADSHEETS) else value


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


def known(number: Any) -> Any:
    """A number, or nothing where it is not known."""
    return "" if number is None else number


def names(text: str) -> tuple[str, ...]:
    """Column names from a text."""
    return tuple(text.split())
