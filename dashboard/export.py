"""Any list as CSV, piece by piece: as long as it is, in memory that stays the same.

Before: `views.export` or `manage.py export` with parsed parameters. After: bytes on the wire, or on standard output.
`export_writer` has the rest of a long list written by a process of its own.

The list is walked by cursor, some thousand rows a query. A server-side cursor would hold one transaction open for as
long as the slowest client reads, which on SQLite keeps the log of writes from being cleared, and could not be handed to
another process. What arrives meanwhile is not part of it: the walk ends where the list ended at its beginning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import F, Max
from django.http import QueryDict

from collector.paging import Cursor, after
from collector.raw import raw_rows
from dashboard.csv_rows import TABLES, Lookups, Table, compared, latency, line
from dashboard.parameters import (
    CLAIM_NAMES,
    COMPARED_OPERATION_NAMES,
    COMPARED_STAGE_NAMES,
    LATENCY_NAMES,
    LOG_NAMES,
    METRIC_NAMES,
    RUN_NAMES,
    SPAN_NAMES,
    Parameters,
    parse,
)

NAMES = {
    "spans": SPAN_NAMES,
    "logs": LOG_NAMES,
    "metric_points": METRIC_NAMES,
    "claims": CLAIM_NAMES,
    "stages": CLAIM_NAMES,
    "links": CLAIM_NAMES,
    "latency": LATENCY_NAMES,
    "runs": RUN_NAMES,
    "compared_stages": COMPARED_STAGE_NAMES,
    "compared_operations": COMPARED_OPERATION_NAMES,
}
ROWS_A_QUERY = 2_000
NO_LIMIT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of an export: its cursor says from where on, its limit how many rows."""

    name: str
    parameters: Parameters
    newest_id: int | None = None  # the newest row when the list began; None before that

    @property
    def query(self) -> str:
        """The same as a query string, for `parse_export` of another process: a range ends when it did here."""
        from_ns = self.parameters.filter.from_ns
        changes = {"cursor": self.parameters.cursor, "limit": self.parameters.limit, "range": None, "from_": from_ns}
        return self.parameters.link(**changes)[1:]


class Piece(NamedTuple):
    """Some thousand rows, and what is left behind them; behind the last, nothing."""

    lines: bytes
    rest: Rest | None


def parse_export(name: str, query: QueryDict) -> Parameters:
    """The parameters of the export `name`: everything there is, unless asked otherwise. Raises ParameterError."""
    parameters = parse(query, NAMES[name], "all", default_limit=NO_LIMIT, max_limit=NO_LIMIT)
    # Whoever takes a file away waits for all of it: every span is looked at.
    return replace(parameters, filter=replace(parameters.filter, most_looked_at=None))


def csv_chunks(name: str, parameters: Parameters) -> Iterator[bytes]:
    """The export `name`, header first, in pieces of some thousand rows. Raises as `pieces` does."""
    head = header(name)
    for piece in pieces(Rest(name, parameters)):
        yield head + piece.lines
        head = b""


def header(name: str) -> bytes:
    """The names of the columns."""
    if name in compared.TABLES:
        return line(compared.TABLES[name][0]).encode()
    return line(latency.COLUMNS if name == "latency" else TABLES[name].columns).encode()


def pieces(rest: Rest) -> Iterator[Piece]:
    """What is left, piece by piece; at least one, and it may be empty.

    Raises CursorError for another list's, and ParameterError where only a comparison knows what is wrong.
    """
    if rest.name in compared.TABLES:
        _, cells = compared.TABLES[rest.name]
        return iter([Piece("".join(map(line, cells(rest.parameters))).encode(), None)])  # never long
    return _latency_pieces(rest) if rest.name == "latency" else _table_pieces(rest, TABLES[rest.name])


def _latency_pieces(rest: Rest) -> Iterator[Piece]:
    """Rows that are worked out instead of read from a table."""
    found, left = latency.named_windows(rest.parameters), rest.parameters.limit
    while True:
        part = list(islice(found, ROWS_A_QUERY))
        left -= len(part)
        lines = "".join(line(latency.cells(window)) for window in part).encode()
        if len(part) < ROWS_A_QUERY or not left:
            yield Piece(lines, None)
            return
        yield Piece(lines, _go_on(rest, latency.cursor_after(part[-1][0]), left))


def _table_pieces(rest: Rest, table: Table) -> Iterator[Piece]:
    """Rows of a table."""
    if rest.newest_id is None:
        rest = replace(rest, newest_id=table.model._default_manager.aggregate(newest=Max("id"))["newest"] or 0)
    lookups = Lookups()
    cursor, left = rest.parameters.cursor, rest.parameters.limit
    # "+ 0": a condition, and no invitation to walk by id instead of by time.
    found = table.find(rest.parameters).alias(number=F("id") + 0).filter(number__lte=rest.newest_id)
    while True:
        rows_wanted = min(left, ROWS_A_QUERY)
        rows = raw_rows((found if cursor is None else after(found, cursor))[:rows_wanted], table.read)
        lines = list(map(line, islice(table.cells(rows, lookups), left)))  # a claim has several stages
        left -= len(lines)
        if len(rows) < rows_wanted or not left:
            yield Piece("".join(lines).encode(), None)
            return
        cursor = Cursor(rows[-1][0], str(rows[-1][1]))
        yield Piece("".join(lines).encode(), _go_on(rest, cursor, left))


def _go_on(rest: Rest, cursor: Cursor, left: int) -> Rest:
    return replace(rest, parameters=replace(rest.parameters, cursor=cursor, limit=left))


async def in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Makes each piece when the client has taken the one before.

    An exception leaves the body without its end: the server closes the connection, and the client knows that rows are
    missing.
    """

    def take() -> bytes | None:
        return next(chunks, None)

    try:
        while (chunk := await sync_to_async(take)()) is not None:
            yield chunk
    finally:
        await sync_to_async(release_connection)()


def release_connection() -> None:
    """Gives this thread's database connection back.

    Django does when a body has ended, and not at all when it breaks: PostgreSQL's pool was empty after sixteen.
    """
    if not connection.in_atomic_block:  # else whoever opened the transaction needs it
        connection.close()
