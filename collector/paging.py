"""A long list, one page after another.

Before: `queries` says which rows in which order. After: pages and the API show a page, exports walk all of them.

A cursor is the place of the last row shown: its time and its key, `1795473187967755510-42`, or with a trace id for the
key. Rows that arrive meanwhile never move a row from one page to another, as an offset would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import AutoField, Model, Q, QuerySet

from collector.records import MAX_TIME_NS

Row = TypeVar("Row", bound=Model)

CURSOR = re.compile(r"(-?[0-9]{1,19})-([0-9a-f]{32}|[0-9]{1,19})", re.ASCII)


class CursorError(ValueError):
    """A text that is no cursor, or the cursor of another list; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a row in its list."""

    time_ns: int
    key: str  # the row's id in decimal, or a trace id in hex

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises CursorError."""
        match = CURSOR.fullmatch(text)
        if match is None or abs(int(match[1])) > MAX_TIME_NS or (len(match[2]) < 32 and int(match[2]) > MAX_TIME_NS):
            raise CursorError("That is not a cursor of ours: take it from the `next` of an answer, or leave it out.")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.time_ns}-{self.key}"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and the cursor to go on from; None when these are the last."""

    rows: list[Row]
    next: Cursor | None


def page(queryset: QuerySet[Row], limit: int, cursor: Cursor | None = None) -> Page[Row]:
    """At most `limit` rows after `cursor`. The queryset is ordered by a time and a key, both up or both down.

    Raises CursorError for a cursor of another kind of list.
    """
    if cursor is not None:
        queryset = after(queryset, cursor)
    rows = list(queryset[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    time, key, _ = order(queryset)
    last = rows[limit - 1]
    return Page(rows[:limit], Cursor(getattr(last, time), str(getattr(last, key))))


def after(queryset: QuerySet[Row], cursor: Cursor) -> QuerySet[Row]:
    """The rows behind the cursor's."""
    time, key, down = order(queryset)
    if isinstance(queryset.model._meta.get_field(key), AutoField) != (len(cursor.key) < 32):
        raise CursorError("That is the cursor of another list: take it from the `next` of this list's answer.")
    side = "lt" if down else "gt"
    # The first condition follows from the second, but only the first is a range a database can seek in an index.
    return queryset.filter(
        Q(**{f"{time}__{side}e": cursor.time_ns}),
        Q(**{f"{time}__{side}": cursor.time_ns}) | Q(**{time: cursor.time_ns, f"{key}__{side}": cursor.key}),
    )


def order(queryset: QuerySet[Any]) -> tuple[str, str, bool]:
    """(time column, key column, newest first) a list is ordered by."""
    time, key = (str(name) for name in queryset.query.order_by)
    assert time.startswith("-") == key.startswith("-"), "both up or both down: a cursor is one place"
    return time.lstrip("-"), key.lstrip("-"), time.startswith("-")
