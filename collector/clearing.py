"""Deletes all telemetry and claims at once, also under a running server: `manage.py clear`, the button on Setup.

The tables are emptied, not searched: that takes no longer for ten million rows than their pages take to be given back.
What writers remember of interned rows is void afterwards; the epoch tells them (`intern.refresh`).
"""

from __future__ import annotations

from contextlib import suppress

from django.apps import apps
from django.db import DatabaseError, connection, transaction

from collector.models import Epoch, MaskedWith
from collector.pages import free_pages, give_back
from collector.sql import execute, is_sqlite
from collector.writer import Unavailable

KEPT = (Epoch, MaskedWith)  # what writers go by
LOCK_TIMEOUT_S = 10  # PostgreSQL: for a long read, an export say, to end
VACUUM_PAGES = 1_024  # at a time, some 20 ms: between two steps another writer gets its turn


def clear() -> None:
    """Deletes every span, log record and point, every object of a cluster, and all that was made from them.

    Raises Unavailable.
    """
    tables = [model._meta.db_table for model in apps.get_models() if model not in KEPT]
    try:
        with transaction.atomic():
            _delete(tables)
    except DatabaseError as error:
        raise Unavailable(f"the database cannot be cleared: {error}") from error
    if is_sqlite() and not connection.in_atomic_block:
        with suppress(DatabaseError):  # the rows are gone; their pages serve the next ones if they cannot be given back
            _give_pages_back()


def _delete(tables: list[str]) -> None:
    if is_sqlite():
        move_epoch()
        for table in tables:
            execute(f"DELETE FROM {table}")
        return
    execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
    # Waits for transactions that have looked at the epoch, and holds up those about to: none may write rows that point
    # at what is deleted here.
    execute("LOCK TABLE collector_epoch IN EXCLUSIVE MODE")
    move_epoch()
    execute(f"TRUNCATE {', '.join(tables)}")


def move_epoch() -> None:
    """Makes every writer forget the ids of interned rows. Its own row may be missing: a database starts without."""
    execute(
        "INSERT INTO collector_epoch (id, number) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET number = collector_epoch.number + 1"
    )


def _give_pages_back() -> None:
    while (free := free_pages()) > 0:
        give_back(VACUUM_PAGES)
        if free_pages() >= free:
            break  # a database made without incremental vacuum keeps them
    execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
