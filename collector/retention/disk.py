"""What the data takes on disk, and giving freed pages back.

SQLite counts its pages: those in use are known at any time, freed ones serve the next rows. PostgreSQL keeps what
deleted rows leave and uses it again once autovacuum has been there: its files hardly shrink, so that what is in use has
to be estimated from the number of rows it counts and the widths it has analysed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection

from collector import pages
from collector.sql import execute, is_sqlite

KEPT_FREE_BYTES = 32 * 1024 * 1024  # for the next rows; to give pages back and take them again costs twice
VACUUM_PAGES = 512  # at a time, some 10 ms
UNKNOWN_ROWS = 1_000  # of a table never analysed, from which on it is

# Of a row: its header and pointer, what pages leave free, and an entry in each index.
ROW_BYTES, INDEX_ENTRY_BYTES, FILL = 28, 40, 0.9


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: of the files, of these what rows take, what is free for the next ones, and the log of writes.

    `rows`: how many there are, where `used` had to be estimated from that; 0 where it is exact.
    """

    total: int
    used: int
    free: int
    log: int = 0
    rows: int = 0

    def over(self, max_bytes: int) -> int:
        """How much too much there is. The log counts too, but no row is deleted for more than half the limit of it."""
        return self.used - max(max_bytes - self.log, max_bytes // 2)

    def without(self, rows: int) -> Disk:
        """What it will be estimated to be once so many rows are counted out."""
        freed = min(self.used, rows * self.used // max(self.rows, 1))
        return replace(self, used=self.used - freed, free=self.free + freed, rows=max(self.rows - rows, 1))


def measure() -> Disk:
    """What it takes now."""
    return _sqlite() if is_sqlite() else _postgresql()


def _sqlite() -> Disk:
    all_pages, free, size = execute(
        "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    ).fetchone()
    log = Path(f"{settings.DATABASES['default']['NAME']}-wal")
    log_bytes = log.stat().st_size if log.exists() else 0
    return Disk(all_pages * size + log_bytes, (all_pages - free) * size, free * size, log_bytes)


def _postgresql() -> Disk:
    total = used = count = 0
    for size, rows, width, indexes in execute(_SIZES, (_tables(),)):
        total += size
        count += rows
        if width is None:  # never analysed
            used += size
        else:
            used += min(size, int(rows * (ROW_BYTES + width + indexes * INDEX_ENTRY_BYTES) / FILL))
    return Disk(total, used, total - used, rows=max(count, 1))


_SIZES = """
SELECT pg_total_relation_size(c.oid), s.n_live_tup,
       (SELECT sum((1 - null_frac) * avg_width)::float8 FROM pg_stats w
        WHERE w.schemaname = s.schemaname AND w.tablename = s.relname),
       (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid)
FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE s.schemaname = current_schema() AND c.relname = ANY(%s)
"""


def analyse_new_tables() -> None:
    """PostgreSQL: analyses tables that never were, on this thread's connection.

    Autovacuum comes within a minute or two, and until then plans are guesses: of 200,000 spans every batch of deleting
    read them all, 174 ms in the median, and deleted 50. Analysing took 0.1 s.
    """
    if is_sqlite():
        return
    for (table,) in execute(_NEVER_ANALYSED, (_tables(), UNKNOWN_ROWS)).fetchall():
        execute(f"ANALYZE {table}")


def _tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_models()]


_NEVER_ANALYSED = """
SELECT relname FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND relname = ANY(%s) AND n_live_tup >= %s
  AND last_analyze IS NULL AND last_autoanalyze IS NULL
"""


def give_back() -> bool:
    """SQLite: gives some freed pages back to the file system; whether there are more to give.

    Holds the lock of writing for as long as that takes, on this thread's connection. A transaction cannot do it.
    """
    if not is_sqlite() or connection.in_atomic_block:
        return False
    free_before = _sqlite().free
    if free_before <= KEPT_FREE_BYTES:
        return False
    pages.give_back(VACUUM_PAGES)
    free = _sqlite().free
    return KEPT_FREE_BYTES < free < free_before
