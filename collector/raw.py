"""A queryset's rows as the database driver gives them: ids as bytes, JSON as text.

For exports: parsing JSON to write it again, and a Python call for each value, would cost more than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


def raw_rows(queryset: QuerySet[Any], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns (a foreign key as `operation_id`) of all the queryset's rows."""
    try:
        sql, parameters = queryset.values_list(*columns).query.sql_with_params()
    except EmptyResultSet:  # a filter nothing can meet
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
