"""Kinds of columns: ids as bytes, JSON as we write it, pointers without constraints.

After: `models` here and in the layer above.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.json import KeyTransform


class HexIdField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs only
    """A trace or span id: bytes in the database, hex text in Python. An empty or odd text matches nothing."""

    def from_db_value(self, value: bytes | memoryview | None, *args: object) -> str | None:
        return None if value is None else bytes(value).hex()

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, str):
            try:
                value = bytes.fromhex(value)
            except ValueError:
                value = b""
        return super().get_db_prep_value(value, connection, prepared)


class AttributesField(models.JSONField):
    """JSON: text on SQLite, JSONB on PostgreSQL. Without Django's JSON_VALID check: we write what we made ourselves."""

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        return None

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or isinstance(expression, KeyTransform):
            return super().from_db_value(value, expression, connection)
        return orjson.loads(value)


class Reference(models.ForeignKey[Any, Any]):
    """A foreign key without constraint, index or cascade."""

    def __init__(self, to: Any, **options: Any) -> None:
        ours: dict[str, Any] = {"on_delete": models.DO_NOTHING, "db_constraint": False, "db_index": False}
        super().__init__(to, **(ours | {"related_name": "+"} | options))
