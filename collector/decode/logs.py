"""Log bodies to log records."""

from __future__ import annotations

import time
from typing import Any

from collector.decode.attributes import attributes_json, clean, value_json
from collector.decode.common import checked_time, open_message, optional_ids, position, read_resource, read_scope
from collector.decode.errors import ItemError
from collector.decode.shapes import LogsShape
from collector.records import Batch, Clock, LogRecord, ResourceRecord, ScopeRecord


def decode_logs(body: bytes) -> Batch:
    """An ExportLogsServiceRequest. Raises DecodeError; a bad record is refused alone."""
    batch = Batch()
    resources: dict[ResourceRecord, int] = {}
    scopes: dict[ScopeRecord, int] = {}
    receipt_ns = time.time_ns()
    for resource_logs in open_message(LogsShape, body).resource_logs:
        record = read_resource(resource_logs.resource, resource_logs.schema_url)
        resource = position(batch.resources, resources, record)
        for scope_logs in resource_logs.scope_logs:
            scope = position(batch.scopes, scopes, read_scope(scope_logs.scope, scope_logs.schema_url))
            for log in scope_logs.log_records:
                try:
                    batch.logs.append(_read_log(log, resource, scope, receipt_ns))
                except ItemError as error:
                    batch.reject(f"log record refused: {error}")
    return batch


def _read_log(log: Any, resource: int, scope: int, receipt_ns: int) -> LogRecord:
    trace_id, span_id = optional_ids(log.trace_id, log.span_id)
    observed_ns = checked_time(log.observed_time_unix_nano) or None
    time_ns, clock = checked_time(log.time_unix_nano), Clock.CLIENT
    if not time_ns:
        time_ns, clock = (observed_ns, Clock.OBSERVED) if observed_ns else (receipt_ns, Clock.RECEIPT)
    return LogRecord(
        resource=resource,
        scope=scope,
        time_ns=time_ns,
        clock=int(clock),
        observed_ns=observed_ns,
        severity_number=log.severity_number,
        severity_text=clean(log.severity_text),
        body=value_json(log.body) if log.body else None,
        event_name=clean(log.event_name),
        trace_id=trace_id,
        span_id=span_id,
        flags=log.flags,
        attributes=attributes_json(log.attributes),
        dropped_attributes_count=log.dropped_attributes_count,
    )
