"""What a span can be asked, as a tree of conditions. Plain Python.

Before: `dashboard.filter_language` reads them from a text. After: `matching` asks the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Value = str | int | bool | None


class Field(StrEnum):
    """What a comparison is about; ATTRIBUTE is looked for in the span and in its resource."""

    SERVICE = "service"
    NAME = "name"
    KIND = "kind"
    STATUS = "status"
    STATUS_MESSAGE = "status_message"
    DURATION = "duration"
    SCOPE = "scope"
    TRACE_ID = "trace_id"
    SPAN_ID = "span_id"
    ROOT = "root"
    ATTRIBUTE = "attribute"
    SPAN_ATTRIBUTE = "span attribute"
    RESOURCE_ATTRIBUTE = "resource attribute"
    TEXT = "text"  # in names, services and the beginning of ids


class Op(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="  # it is there, and another one
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    CONTAINS = "~"
    THERE = "= *"


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison. `value` is what the field's column holds, of an attribute the text as it was written."""

    field: Field
    op: Op
    value: Value = None
    key: str = ""  # of an attribute


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]


Condition = Compare | Not | And | Or

LOOKED_AT = frozenset({Field.ATTRIBUTE, Field.SPAN_ATTRIBUTE, Field.STATUS_MESSAGE, Field.SCOPE, Field.ROOT})


def comparisons(condition: Condition) -> Iterator[Compare]:
    """All of a tree, in the order they were written."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.part)
    else:
        for part in condition.parts:
            yield from comparisons(part)


def looks_at_each(condition: Condition) -> bool:
    """Whether no index helps: every span of the range has to be read."""
    return any(one.field in LOOKED_AT for one in comparisons(condition))
