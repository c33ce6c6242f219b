"""Any list as CSV, streamed: as long as it is, in memory that stays the same.

Before: `views.export` or `manage.py export` with parsed parameters. After: bytes on the wire, or on standard output.

The list is walked by cursor, some thousand rows a query, each query in a thread. A server-side cursor would hold one
transaction open for as long as the slowest client reads, which on SQLite keeps the log of writes from being cleared.
What arrives meanwhile is not part of it: the walk ends where the list ended at its beginning.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import islice

from asgiref.sync import sync_to_async
from django.db.models import F, Max
from django.http import QueryDict

from collector.paging import Cursor, after
from collector.raw import raw_rows
from dashboard.csv_rows import TABLES, Lookups, Table, compared, latency
from dashboard.csv_rows.cells import Cells, line
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


def parse_export(name: str, query: QueryDict) -> Parameters:
    """The parameters of the export `name`: everything there is, unless asked otherwise. Raises ParameterError."""
    parameters = parse(query, NAMES[name], "all", default_limit=NO_LIMIT, max_limit=NO_LIMIT)
    # Whoever takes a file away waits for all of it: every span is looked at.
    return replace(parameters, filter=replace(parameters.filter, most_looked_at=None))


def csv_chunks(name: str, parameters: Parameters) -> Iterator[bytes]:
    """The export `name`, header first, in pieces of some thousand rows. Raises CursorError for another list's.

    Raises ParameterError where only a comparison knows what is wrong.
    """
    if name == "latency":
        return _pieces(latency.COLUMNS, latency.cells(parameters))
    if name in compared.TABLES:
        columns, cells = compared.TABLES[name]
        return _pieces(columns, cells(parameters))
    return _table_chunks(TABLES[name], parameters)


def _pieces(columns: tuple[str, ...], rows: Iterator[Cells]) -> Iterator[bytes]:
    """Rows that are worked out instead of read from a table. The first piece is the header alone."""
    part: list[Cells] = [columns]
    while part:
        yield "".join(map(line, part)).encode()
        part = list(islice(rows, ROWS_A_QUERY))


def _table_chunks(table: Table, parameters: Parameters) -> Iterator[bytes]:
    """Rows of a table."""
    lookups = Lookups()
    cursor, left = parameters.cursor, parameters.limit
    newest_id = table.model._default_manager.aggregate(newest=Max("id"))["newest"] or 0
    # "+ 0": a condition, and no invitation to walk by id instead of by time.
    found = table.find(parameters).alias(number=F("id") + 0).filter(number__lte=newest_id)
    header = line(table.columns)
    while True:
        rows_wanted = min(left, ROWS_A_QUERY)
        rest = found if cursor is None else after(found, cursor)
        rows = raw_rows(rest[:rows_wanted], table.read)
        lines = list(map(line, islice(table.cells(rows, lookups), left)))  # a claim has several stages
        yield (header + "".join(lines)).encode()
        left -= len(lines)
        if len(rows) < rows_wanted or not left:
            return
        cursor, header = Cursor(rows[-1][0], str(rows[-1][1])), ""


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same in gzip, each piece readable on arrival."""
    packer = zlib.compressobj(level=4, wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


async def in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Makes each piece when the client has taken the one before.

    An exception leaves the body without its end: the server closes the connection, and the client knows that rows are
    missing.
    """

    def take() -> bytes | None:
        return next(chunks, None)

    while (chunk := await sync_to_async(take)()) is not None:
        yield chunk
