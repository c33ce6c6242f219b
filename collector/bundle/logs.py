"""Stored log records as one line of OTLP JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
from django.conf import settings

from collector.bundle.beside import BESIDE, columns
from collector.bundle.common import Json, given, grouped, ids, resource_json, scope_json
from collector.decode.attributes import otlp_attributes, otlp_value
from collector.models import Log, Scope


def log_line(rows: Sequence[Log]) -> Json:
    """A request with these log records, in their order. Which of equal ones each is always stands beside them."""
    beside = columns(rows, {"clock": 0, "precision_ns": 1, "assumed_offset_minutes": None})
    return {
        "resourceLogs": [
            {
                "resource": resource_json(resource),
                "scopeLogs": [_scope_logs(scope, logs) for scope, logs in scopes],
                "schemaUrl": resource.schema_url,
            }
            for resource, scopes in grouped(rows)
        ],
        BESIDE: {**beside, "ordinal": _ordinals(rows)},
    }


def _ordinals(rows: Sequence[Log]) -> list[int]:
    """As they are stored; those that masking has made equal to others of the line are counted on."""
    if settings.REDACTION is None:
        return [row.ordinal for row in rows]
    seen: Counter[bytes] = Counter()
    found = []
    for row in rows:
        key = orjson.dumps([row.resource_id, row.scope_id, _log(row)])
        found.append(max(row.ordinal, seen[key]))
        seen[key] = found[-1] + 1
    return found


def _scope_logs(scope: Scope, logs: Sequence[Log]) -> Json:
    return {"scope": scope_json(scope), "logRecords": [_log(log) for log in logs], "schemaUrl": scope.schema_url}


def _log(log: Log) -> Json:
    return given(
        timeUnixNano=str(log.time_ns),
        observedTimeUnixNano=log.observed_ns and str(log.observed_ns),
        severityNumber=log.severity_number,
        severityText=log.severity_text,
        body=None if log.body is None else otlp_value(log.body),
        eventName=log.event_name,
        flags=log.flags,
        attributes=otlp_attributes(log.attributes),
        droppedAttributesCount=log.dropped_attributes_count,
        **ids(log),
    )
