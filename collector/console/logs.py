"""Log records: printed by the exporter as JSON, or by Python's logging as lines."""

from __future__ import annotations

from typing import Any

from collector.console.builder import Builder, read_resource
from collector.console.fields import attributes_json, id_of, int_of, iso_ns, text_of, value_json
from collector.console.lines import SEVERITIES, LogLine
from collector.console.spans import NO_SCOPE, PRECISION_NS
from collector.decode.attributes import clean, plain_json
from collector.decode.errors import ItemError
from collector.records import MAX_TIME_NS, Clock, LogRecord, ResourceRecord, ScopeRecord


def read_log(value: dict[str, Any], builder: Builder) -> ResourceRecord:
    """Adds the log record; gives its resource. Raises ItemError."""
    time_ns, clock = iso_ns(value.get("timestamp"), "time"), Clock.CLIENT
    observed_ns = iso_ns(value.get("observed_timestamp"), "observed time")
    if time_ns is None:
        time_ns, clock = observed_ns, Clock.OBSERVED
    if time_ns is None:
        raise ItemError("it has neither a time nor an observed time")
    resource = read_resource(value.get("resource"))
    record = LogRecord(
        resource=-1,
        scope=-1,
        time_ns=time_ns,
        clock=int(clock),
        observed_ns=observed_ns,
        severity_number=int_of(value.get("severity_number"), "severity number", 24),
        severity_text=text_of(value.get("severity_text"), "severity"),
        body=None if value.get("body") is None else value_json(value["body"], "body"),
        event_name=text_of(value.get("event_name"), "event name"),
        trace_id=id_of(value.get("trace_id"), 16, "trace id"),
        span_id=id_of(value.get("span_id"), 8, "span id"),
        flags=int_of(value.get("trace_flags"), "trace flags", 2**32 - 1),
        attributes=attributes_json(value.get("attributes")),
        dropped_attributes_count=int_of(value.get("dropped_attributes"), "count of dropped attributes", 2**32 - 1),
        precision_ns=PRECISION_NS,
    )
    builder.batch.logs.append(
        record._replace(resource=builder.resource(resource), scope=builder.scope(NO_SCOPE)),
    )
    return resource


def add_log_line(log: LogLine, offset_s: int, told: bool, resource: ResourceRecord, builder: Builder) -> None:
    """Adds a log line whose clock is `offset_s` ahead of UTC: as the line itself or the user says (`told`), or
    assumed. Raises ItemError."""
    time_ns = log.local_ns - offset_s * 10**9
    if not 0 < time_ns <= MAX_TIME_NS:
        raise ItemError("its time lies before 1970 or beyond the year 2262")
    attributes = {"code.file.path": log.file, "code.line.number": log.file_line} if log.file else {}
    record = LogRecord(
        resource=builder.resource(resource),
        scope=builder.scope(ScopeRecord(clean(log.logger))),
        time_ns=time_ns,
        clock=int(Clock.CLIENT if told else Clock.ZONE_ASSUMED),
        observed_ns=None,
        severity_number=SEVERITIES[log.level],
        severity_text=log.level,
        body=plain_json(log.message),
        event_name="",
        trace_id=log.trace_id,
        span_id=log.span_id,
        flags=int(log.sampled),
        attributes=plain_json(attributes),
        precision_ns=log.precision_ns,
        assumed_offset_minutes=None if log.offset_minutes is not None else offset_s // 60,
    )
    builder.batch.logs.append(record)
