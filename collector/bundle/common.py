"""What the three signals share on the way out: resources, scopes, and rows grouped below them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from collector.decode.attributes import otlp_attributes
from collector.models import Resource, Scope

Json = dict[str, Any]


def grouped(rows: Iterable[Any]) -> Iterator[tuple[Resource, list[tuple[Scope, list[Any]]]]]:
    """Neighbouring rows of one resource, and of one scope of it: their order stays, which `beside` counts on."""
    for _, of_resource in groupby(rows, lambda row: row.resource_id):
        scopes = [list(of_scope) for _, of_scope in groupby(of_resource, lambda row: row.scope_id)]
        yield scopes[0][0].resource, [(part[0].scope, part) for part in scopes]


def resource_json(resource: Resource) -> Json:
    """A resource; its schema URL stands beside it."""
    value: Json = {"attributes": otlp_attributes(resource.attributes)}
    if resource.dropped_attributes_count:
        value["droppedAttributesCount"] = resource.dropped_attributes_count
    if resource.entity_refs:
        value["entityRefs"] = resource.entity_refs
    return value


def scope_json(scope: Scope) -> Json:
    """A scope; its schema URL stands beside it."""
    value: Json = {"name": scope.name, "version": scope.version, "attributes": otlp_attributes(scope.attributes)}
    if scope.dropped_attributes_count:
        value["droppedAttributesCount"] = scope.dropped_attributes_count
    return {name: member for name, member in value.items() if member}


def given(**members: Any) -> Json:
    """Those of the members that say something."""
    return {name: value for name, value in members.items() if value not in (None, "", 0, [])}


def ids(row: Any) -> Json:
    """The ids of a log record or exemplar, which may have none."""
    return given(traceId=row.trace_id, spanId=row.span_id)


def double(value: float) -> float | str:
    """A double where JSON has it, OTLP's word where it has not."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
