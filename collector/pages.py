"""Pages of SQLite's file that deleted rows have freed: how many, and giving them back to the file system.

Before: `clearing`, `retention` and `rewriting` deleted rows. After: the file is smaller. Each says how many pages at a
time: it holds up whoever writes for so long.
"""

from __future__ import annotations

from django.db import connection

from collector.sql import execute


def free_pages() -> int:
    """How many there are."""
    return int(execute("PRAGMA freelist_count").fetchone()[0])


def give_back(pages: int) -> None:
    """Gives back so many, outside a transaction; none of a database made without incremental vacuum."""
    # A script runs to its end; a statement without columns, as this is, would be left after its first page.
    connection.connection.executescript(f"PRAGMA incremental_vacuum({pages})")
