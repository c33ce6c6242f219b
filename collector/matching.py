"""Conditions as the database is asked them.

Before: `conditions`. After: `queries` filters spans with them, and traces by their spans.

Every comparison is true or false, never NULL: `not http.status_code = 200` holds for a span without that attribute.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet

from collector.attribute_sql import AttributeTest
from collector.conditions import And, Compare, Condition, Field, Not, Op, Or
from collector.models import Operation, Resource, Scope

ID_PREFIX = re.compile(r"[0-9a-fA-F]{4,32}")  # shorter ones are words more often than ids
LOOKUPS = {
    Op.EQUAL: "", Op.GREATER: "__gt", Op.AT_LEAST: "__gte", Op.LESS: "__lt", Op.AT_MOST: "__lte",
    Op.CONTAINS: "__icontains",
}  # fmt: skip


def matching(condition: Condition) -> Q:
    """For spans."""
    if isinstance(condition, Not):
        return ~matching(condition.part)
    if isinstance(condition, And | Or):
        return Q(*map(matching, condition.parts), _connector=Q.AND if isinstance(condition, And) else Q.OR)
    if condition.op == Op.UNEQUAL and condition.field not in ATTRIBUTES:
        return ~_compared(Compare(condition.field, Op.EQUAL, condition.value))
    return _compared(condition)


def named_operations(text: str) -> QuerySet[Operation, Any]:
    """Ids of the operations whose name or service holds the text."""
    return Operation.objects.filter(Q(name__icontains=text) | Q(service__icontains=text)).values("id")


def named(text: str) -> Q:
    """Spans whose name or service holds the text, or whose ids begin with it."""
    return Q(operation__in=named_operations(text)) | id_prefix("trace_id", text, 32) | id_prefix("span_id", text, 16)


def id_prefix(column: str, text: str, digits: int) -> Q:
    """Ids that begin with `text`, when it may be the beginning of one."""
    if len(text) > digits or not ID_PREFIX.fullmatch(text):
        return Q()
    return Q(**{f"{column}__gte": text.ljust(digits, "0"), f"{column}__lte": text.ljust(digits, "f")})


ATTRIBUTES = frozenset({Field.ATTRIBUTE, Field.SPAN_ATTRIBUTE, Field.RESOURCE_ATTRIBUTE})
COLUMNS = {
    Field.STATUS: "status_code", Field.STATUS_MESSAGE: "status_message", Field.DURATION: "duration_ns",
    Field.ROOT: "parent_span_id__isnull",
}  # fmt: skip


def _compared(one: Compare) -> Q:
    if one.field in ATTRIBUTES:
        return _attribute(one)
    if one.field == Field.TEXT:
        return named(str(one.value))
    if one.field in (Field.TRACE_ID, Field.SPAN_ID):
        # A text too long for one is no span's: as no condition at all it would find every span.
        return id_prefix(one.field, str(one.value), 32 if one.field == Field.TRACE_ID else 16) or Q(pk__in=[])
    if one.field in (Field.SERVICE, Field.NAME, Field.KIND):
        there = Operation.objects.filter(**{f"{one.field}{LOOKUPS[one.op]}": one.value})
        return Q(operation__in=there.values("id"))
    if one.field == Field.SCOPE:
        return Q(scope__in=Scope.objects.filter(**{f"name{LOOKUPS[one.op]}": one.value}).values("id"))
    return Q(**{f"{COLUMNS[one.field]}{LOOKUPS[one.op]}": one.value})


def _attribute(one: Compare) -> Q:
    test = AttributeTest(one.key, one.op, str(one.value))
    own = Q(test)
    of_resource = Q(resource__in=Resource.objects.filter(test).values("id"))
    if one.field == Field.SPAN_ATTRIBUTE:
        return own
    return of_resource if one.field == Field.RESOURCE_ATTRIBUTE else own | of_resource
