"""Columns that Django has no field for; those with somebody else's words are masked as they are read.

Before: a model names its columns. After: whatever reads rows, through models or by `raw.raw_rows`, gets ids as hex,
JSON parsed, and nothing that redaction masks: also of what was stored before it was switched on. So no page, no export
and no API has to think of it. Where redaction is off nothing is in the way of a value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.json import KeyTransform

from collector.redaction import MASK, Rules

Redact = Callable[[Rules, str], str]  # what a column holds, as text, to the same without what is masked


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


class Redacted(models.Field):  # type: ignore[type-arg]
    """A column that is masked as it is read; with `redact=None`, one of words and numbers of our own."""

    redact: Redact | None

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        converters: list[Any] = super().get_db_converters(connection)
        masked = settings.REDACTION is not None and self.redact is not None
        return [self._masked, *converters] if masked else converters

    def _masked(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        rules: Rules | None = settings.REDACTION
        keyed = isinstance(expression, KeyTransform)  # a word of ours in a claim's story
        return value if value is None or rules is None or keyed else self.redacted(rules, value)

    def redacted(self, rules: Rules, value: str) -> str:
        """What the column holds, masked."""
        return value if self.redact is None else self.redact(rules, value)


class SaidField(Redacted, models.TextField):  # type: ignore[type-arg]
    """Text that somebody else wrote. To migrations it is a TextField: the column is the same.

    `key` is the attribute it was taken from: where its value is masked, this is.
    """

    def __init__(self, *args: Any, key: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.key = key
        self.redact = partial(_said, key)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", list(args), options


class AttributesField(Redacted, models.JSONField):
    """JSON: text on SQLite, JSONB on PostgreSQL. Without Django's JSON_VALID check: we write what we made ourselves."""

    def __init__(self, *args: Any, redact: Redact | None = Rules.stored, **options: Any) -> None:
        super().__init__(*args, **options)
        self.redact = redact

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        return None

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or isinstance(expression, KeyTransform):
            return super().from_db_value(value, expression, connection)
        return orjson.loads(value)


def _said(key: str, rules: Rules, text: str) -> str:
    return MASK if key and rules.hides(key) else rules.text(text)


class Reference(models.ForeignKey[Any, Any]):
    """A foreign key without constraint, index or cascade."""

    def __init__(self, to: Any, **options: Any) -> None:
        ours: dict[str, Any] = {"on_delete": models.DO_NOTHING, "db_constraint": False, "db_index": False}
        super().__init__(to, **(ours | {"related_name": "+"} | options))
