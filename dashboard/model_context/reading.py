"""The database, for reading only, beside a server that writes.

Before: `server` is about to answer. After: a tool's function reads; what stands in its way is said so that an agent can
tell its person what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from dashboard.model_context.asking import Tool
from dashboard.model_context.quoting import Item, known
from dashboard.parameters import ParameterError

log = logging.getLogger(__name__)

# Not mode=ro: a database in WAL mode cannot be opened so where nobody else has it open. PostgreSQL's: for a session.
READ_ONLY = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET default_transaction_read_only = on"}


def only_read() -> None:
    """From now on this process's connections refuse to write."""
    connection_created.connect(_forbid_writing, dispatch_uid="model_context.reading")


def _forbid_writing(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(READ_ONLY[connection.vendor])


def answer(tool: Tool, arguments: Mapping[str, Any]) -> Item:
    """In a thread of the server's. Raises ParameterError, also where the database is not there or cannot be read."""
    try:
        found: Item = known(tool.answer(tool.read(arguments)))
        return found
    except DatabaseError as error:
        log.warning("%s: %s", tool.name, error)
        raise ParameterError({"": trouble(error)}) from error
    finally:
        connection.close()  # of a thread that may not be used again; opening one takes a millisecond


def trouble(error: DatabaseError) -> str:
    """What keeps us from reading, and what to do."""
    why = str(error).strip().partition("\n")[0][:200]
    if "no such table" in why or "does not exist" in why:
        return (
            f"No dashboard has kept anything in {where()} yet. Start it once (make run, or manage.py up) and send it"
            " telemetry; or say where its data is, by DASHBOARD_DATA_DIR or DATABASE_URL in this server's environment."
        )
    return (
        f"The database cannot be read ({where()}): {why}. Is it running, and of this version? manage.py up brings it"
        " up to date; DASHBOARD_DATA_DIR or DATABASE_URL in this server's environment say where it is."
    )


def where() -> str:
    """The database, without a password."""
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return str(database["NAME"])
    return f"{connection.display_name} database {database['NAME']} on {database.get('HOST') or 'this machine'}"
