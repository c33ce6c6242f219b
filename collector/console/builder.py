"""A batch while it grows: what repeats gets one position."""

from __future__ import annotations

from typing import Any

from collector.console.fields import attributes_json, mapping_of, sorted_attributes_json, text_of
from collector.decode.common import position
from collector.records import Batch, OperationRecord, ResourceRecord, ScopeRecord, StreamRecord


class Builder:
    """`batch` and the positions of what is in it."""

    def __init__(self) -> None:
        self.batch = Batch()
        self._resources: dict[ResourceRecord, int] = {}
        self._scopes: dict[ScopeRecord, int] = {}
        self._operations: dict[OperationRecord, int] = {}
        self._streams: dict[StreamRecord, int] = {}

    def resource(self, record: ResourceRecord) -> int:
        return position(self.batch.resources, self._resources, record)

    def scope(self, record: ScopeRecord) -> int:
        return position(self.batch.scopes, self._scopes, record)

    def operation(self, record: OperationRecord) -> int:
        return position(self.batch.operations, self._operations, record)

    def stream(self, record: StreamRecord) -> int:
        return position(self.batch.streams, self._streams, record)


def read_resource(value: Any, schema_url: Any = None) -> ResourceRecord:
    """A printed resource; a metrics object prints its schema URL beside it."""
    resource = mapping_of(value, "resource")
    attributes = mapping_of(resource.get("attributes"), "resource attributes")
    service = attributes.get("service.name")
    return ResourceRecord(
        service=(text_of(service, "service name") if isinstance(service, str) else "") or "unknown_service",
        attributes=sorted_attributes_json(attributes, "resource attributes"),
        schema_url=text_of(schema_url or resource.get("schema_url"), "schema URL"),
    )


def read_scope(value: Any, schema_url: Any) -> ScopeRecord:
    """A printed scope, as metrics have it; version and attributes may be null."""
    scope = mapping_of(value, "scope")
    return ScopeRecord(
        name=text_of(scope.get("name"), "scope name"),
        version=text_of(scope.get("version"), "scope version"),
        attributes=attributes_json(scope.get("attributes"), "scope attributes"),
        schema_url=text_of(schema_url or scope.get("schema_url"), "schema URL"),
    )
