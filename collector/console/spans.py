"""A printed span to a span record. Its scope is not printed; its times have microseconds."""

from __future__ import annotations

from typing import Any

from collector.console.builder import Builder, read_resource
from collector.console.fields import attributes_json, id_of, iso_ns, list_of, mapping_of, text_of, trace_state_of
from collector.decode.attributes import plain_json
from collector.decode.errors import ItemError
from collector.records import OperationRecord, ResourceRecord, ScopeRecord, SpanRecord

KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
STATUSES = {"UNSET": 0, "OK": 1, "ERROR": 2}
NO_SCOPE = ScopeRecord("")
PRECISION_NS = 1000


def read_span(value: dict[str, Any], builder: Builder) -> ResourceRecord:
    """Adds the span; gives its resource. Raises ItemError."""
    trace_id, span_id = _ids(value.get("context"))
    start_ns, end_ns = iso_ns(value.get("start_time"), "start time"), iso_ns(value.get("end_time"), "end time")
    if start_ns is None:
        raise ItemError("it has no start time")
    status = mapping_of(value.get("status"), "status")
    resource = read_resource(value.get("resource"))
    kind = KINDS.get(text_of(value.get("kind"), "kind").removeprefix("SpanKind."), 0)
    operation = OperationRecord(resource.service, text_of(value.get("name"), "name"), kind)
    record = SpanRecord(
        resource=-1,
        scope=-1,
        operation=-1,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=id_of(value.get("parent_id"), 8, "parent id"),
        start_ns=start_ns,
        duration_ns=None if end_ns is None else end_ns - start_ns,
        status_code=STATUSES.get(text_of(status.get("status_code"), "status").removeprefix("StatusCode."), 0),
        status_message=text_of(status.get("description"), "status description") or None,
        flags=0,
        trace_state=trace_state_of(mapping_of(value.get("context"), "context").get("trace_state")),
        attributes=attributes_json(value.get("attributes")),
        events=_events(value.get("events")),
        links=_links(value.get("links")),
        precision_ns=PRECISION_NS,
    )
    # Places are taken last: a span that is refused leaves no trace of itself.
    places = (builder.resource(resource), builder.scope(NO_SCOPE), builder.operation(operation))
    builder.batch.spans.append(record._replace(resource=places[0], scope=places[1], operation=places[2]))
    return resource


def _ids(context: Any) -> tuple[bytes, bytes]:
    members = mapping_of(context, "context")
    trace_id = id_of(members.get("trace_id"), 16, "trace id")
    span_id = id_of(members.get("span_id"), 8, "span id")
    if trace_id is None or span_id is None:
        raise ItemError("it has no trace id or no span id")
    return trace_id, span_id


def _events(value: Any) -> str | None:
    events = [_event(mapping_of(item, "event")) for item in list_of(value, "events")]
    return "[" + ",".join(events) + "]" if events else None


def _event(event: dict[str, Any]) -> str:
    time_ns = iso_ns(event.get("timestamp"), "event's time") or 0
    text = f'{{"time_ns":"{time_ns}","name":{plain_json(text_of(event.get("name"), "event name"))}'
    if event.get("attributes"):
        text += f',"attributes":{attributes_json(event["attributes"], "event attributes")}'
    return text + "}"


def _links(value: Any) -> str | None:
    links = [_link(mapping_of(item, "link")) for item in list_of(value, "links")]
    return "[" + ",".join(links) + "]" if links else None


def _link(link: dict[str, Any]) -> str:
    trace_id, span_id = _ids(link.get("context"))
    text = f'{{"trace_id":"{trace_id.hex()}","span_id":"{span_id.hex()}"'
    trace_state = trace_state_of(mapping_of(link.get("context"), "context").get("trace_state"))
    if trace_state:
        text += f',"trace_state":{plain_json(trace_state)}'
    if link.get("attributes"):
        text += f',"attributes":{attributes_json(link["attributes"], "link attributes")}'
    return text + "}"
