"""What people paste: printed telemetry mixed with anything, whole or not, meant well or not."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.records import Clock, MetricKind
from tests.collector.reading import read

TRACE, SPAN = "0x" + "1f" * 16, "0x" + "2e" * 8
RESOURCE = {"attributes": {"service.name": "shop"}, "schema_url": ""}


def printed(value: dict[str, Any]) -> str:
    """As the exporters print it."""
    return json.dumps(value, indent=4) + "\n"


def a_span(**members: Any) -> dict[str, Any]:
    return {
        "name": "POST",
        "context": {"trace_id": TRACE, "span_id": SPAN, "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": None,
        "start_time": "2026-11-24T06:33:08.000001Z",
        "end_time": "2026-11-24T06:33:08.000003Z",
        "status": {"status_code": "UNSET"},
        "attributes": {},
        "events": [],
        "links": [],
        "resource": RESOURCE,
        **members,
    }


def a_log(**members: Any) -> dict[str, Any]:
    return {
        "body": "hello",
        "severity_number": 9,
        "severity_text": "INFO",
        "attributes": {},
        "dropped_attributes": 0,
        "timestamp": "2026-11-24T06:33:08.000001Z",
        "observed_timestamp": "2026-11-24T06:33:08.000002Z",
        "trace_id": "0x" + "0" * 32,
        "span_id": "0x" + "0" * 16,
        "trace_flags": 0,
        "resource": RESOURCE,
        "event_name": "",
        **members,
    }


def metrics(data: dict[str, Any], **point: Any) -> dict[str, Any]:
    points = [{"attributes": {}, "start_time_unix_nano": 5, "time_unix_nano": 9, "exemplars": [], **point}]
    metric = {"name": "m", "description": "", "unit": "s", "data": {"data_points": points, **data}}
    scope = {"name": "lib", "version": None, "schema_url": "", "attributes": None}
    scope_metrics = [{"scope": scope, "metrics": [metric], "schema_url": ""}]
    return {"resource_metrics": [{"resource": RESOURCE, "scope_metrics": scope_metrics, "schema_url": ""}]}


def test_a_span_keeps_all_that_is_printed() -> None:
    event = {"name": "exception", "timestamp": "2026-11-24T06:33:08.000002Z", "attributes": {"stack": "a\n  b\n{"}}
    link = {
        "context": {"trace_id": TRACE, "span_id": SPAN, "trace_state": "['{key=b, value=2}']"},
        "attributes": {"w": 1},
    }
    span, batch = read(
        printed(
            a_span(
                context={"trace_id": TRACE, "span_id": SPAN, "trace_state": "['{key=a, value=1}', '{key=c, value=3}']"},
                parent_id="0x" + "3d" * 8,
                status={"status_code": "ERROR", "description": "no"},
                attributes={"n": [1, 2], "big": 2**60, "text": "\u00e9"},
                events=[event],
                links=[link],
            )
        )
    ).spans[0]
    assert (span.trace_id, span.span_id, span.parent_span_id) == (b"\x1f" * 16, b"\x2e" * 8, b"\x3d" * 8)
    assert (span.status_code, span.status_message, span.trace_state) == (2, "no", "a=1,c=3")
    assert (span.duration_ns, span.precision_ns) == (2_000, 1_000)
    assert orjson.loads(span.attributes) == {"n": [1, 2], "big": {"intValue": str(2**60)}, "text": "\u00e9"}
    (kept,) = orjson.loads(span.events or "")
    assert (kept["name"], kept["attributes"]) == ("exception", {"stack": "a\n  b\n{"})
    assert kept["time_ns"] == str(span.start_ns + 1_000)
    assert orjson.loads(span.links or "") == [
        {"trace_id": "1f" * 16, "span_id": "2e" * 8, "trace_state": "b=2", "attributes": {"w": 1}}
    ]
    assert batch.resources[span.resource].service == "shop"


def test_a_printed_resource_is_the_one_that_otlp_would_bring() -> None:
    """The same attributes in another order are no other resource."""
    one = {"attributes": {"b": 1, "service.name": "shop", "a": [2]}, "schema_url": ""}
    other = {"attributes": {"a": [2], "b": 1, "service.name": "shop"}, "schema_url": ""}
    (batch,) = read(printed(a_span(resource=one)) + printed(a_log(resource=other))).batches
    assert len(batch.resources) == 1
    assert batch.resources[0].attributes == '{"a":[2],"b":1,"service.name":"shop"}'


def test_a_log_record_keeps_all_that_is_printed() -> None:
    body = {"message": "no", "list": [1, None]}
    log, _ = read(printed(a_log(body=body, trace_id=TRACE, span_id=SPAN, trace_flags=1, event_name="e"))).logs[0]
    assert (orjson.loads(log.body or ""), log.event_name, log.flags) == (body, "e", 1)
    assert (log.trace_id, log.span_id, log.clock) == (b"\x1f" * 16, b"\x2e" * 8, Clock.CLIENT)
    log, _ = read(printed(a_log(timestamp=None, body=None))).logs[0]
    assert (log.clock, log.trace_id, log.body) == (Clock.OBSERVED, None, None)


@pytest.mark.parametrize(
    ("data", "point", "kind"),
    [
        ({}, {"value": 3}, MetricKind.GAUGE),
        ({"aggregation_temporality": 2, "is_monotonic": True}, {"value": 3}, MetricKind.SUM),
        (
            {"aggregation_temporality": 2},
            {"count": 3, "sum": 4, "min": 1, "max": 2, "bucket_counts": [1, 2], "explicit_bounds": [1.5]},
            MetricKind.HISTOGRAM,
        ),
        (
            {"aggregation_temporality": 1},
            {
                "count": 3,
                "sum": 4.5,
                "min": 1,
                "max": 2,
                "scale": 20,
                "zero_count": 0,
                "positive": {"offset": -1, "bucket_counts": [3]},
                "negative": {"offset": 0, "bucket_counts": []},
            },
            MetricKind.EXPONENTIAL_HISTOGRAM,
        ),
        ({}, {"count": 2, "sum": 3, "quantile_values": [{"quantile": 0.5, "value": 1}]}, MetricKind.SUMMARY),
    ],
)
def test_the_kind_of_a_metric_is_told_by_its_members(data: Any, point: Any, kind: MetricKind) -> None:
    reading = read(printed(metrics(data, **point)))
    assert reading.problems == []
    ((record, batch),) = reading.points
    assert batch.streams[record.stream].kind == kind
    assert (record.start_ns, record.time_ns) == (5, 9)


def test_an_exemplars_decimal_ids_become_the_spans() -> None:
    exemplar = {"filtered_attributes": None, "value": 0.5, "time_unix_nano": 8, "span_id": 255, "trace_id": 2**127}
    data = {"aggregation_temporality": 2, "is_monotonic": True}
    (batch,) = read(printed(metrics(data, value=1, exemplars=[exemplar]))).batches
    (kept,) = batch.exemplars
    assert (kept.trace_id, kept.span_id) == (b"\x80" + bytes(15), bytes(7) + b"\xff")
    assert (kept.value_double, kept.attributes) == (0.5, "{}")


@pytest.mark.parametrize(
    ("line", "severity", "logger", "body"),
    [
        ("2026-11-24 06:33:08,123 - INFO - ready", 9, "", "ready"),
        ("2026-11-24 06:33:08,123 - my.agent - WARNING - slow - very", 13, "my.agent", "slow - very"),
        ("2026-11-24 06:33:08.123 ERROR no", 17, "", "no"),
        ("2026-11-24T06:33:08.123Z CRITICAL: gone", 21, "", "gone"),
        ("2026-11-24 06:33:08,123 [DEBUG] tiny", 5, "", "tiny"),
    ],
)
def test_log_lines_of_the_usual_formats_are_read(line: str, severity: int, logger: str, body: str) -> None:
    reading = read(line + "\n")
    ((log, batch),) = reading.logs
    assert (log.severity_number, batch.scopes[log.scope].name, orjson.loads(log.body or "")) == (severity, logger, body)
    assert log.time_ns % 10**9 == 123_000_000
    assert log.precision_ns == 10**6


def test_a_line_with_trace_context_is_joined_to_its_trace() -> None:
    context = f"[trace_id={'1f' * 16} span_id={'2e' * 8} resource.service.name=shop trace_sampled=True]"
    line = f"2026-11-24 06:33:08,123 INFO [my.agent] [agent.py:42] {context} - claimed"
    ((log, batch),) = read(line).logs
    assert (log.trace_id, log.span_id, log.flags) == (b"\x1f" * 16, b"\x2e" * 8, 1)
    assert batch.scopes[log.scope].name == "my.agent"
    assert batch.resources[log.resource].service == "shop"
    assert orjson.loads(log.attributes) == {"code.file.path": "agent.py", "code.line.number": 42}
    assert log.body == '"claimed"'


def test_a_line_that_says_its_zone_is_believed() -> None:
    ((log, _),) = read("2026-11-24 08:33:08.5+02:00 INFO ready", zone=ZoneInfo("Asia/Tokyo")).logs
    ((utc, _),) = read("2026-11-24T06:33:08.5Z INFO ready").logs
    assert log.time_ns == utc.time_ns
    assert (log.clock, log.assumed_offset_minutes) == (Clock.CLIENT, None)


def test_without_anything_beside_them_lines_were_printed_on_this_machine() -> None:
    ((log, _),) = read("2026-07-01 12:00:00,000 - INFO - summer", local_zone=ZoneInfo("Europe/Berlin")).logs
    ((utc, _),) = read("2026-07-01 10:00:00,000 - INFO - summer", local_zone=UTC).logs
    assert log.time_ns == utc.time_ns
    assert (log.clock, log.assumed_offset_minutes) == (Clock.ZONE_ASSUMED, 120)


def test_lines_belong_to_the_only_program_that_printed() -> None:
    ((log, batch),) = read(printed(a_span()) + "2026-11-24 06:33:08,000 - INFO - mine\n").logs
    assert batch.resources[log.resource].service == "shop"
    two = printed(a_span()) + printed(a_log(resource={"attributes": {"service.name": "till"}}))
    reading = read(two + "2026-11-24 06:33:08,000 - INFO - whose\n")
    log, batch = reading.logs[-1]
    assert batch.resources[log.resource].service == "unknown_service"


def test_output_that_only_looks_like_telemetry_is_noted_not_refused() -> None:
    text = "{'a': 1}\n{x}\n{\n}\nprint('{')\n{\"answer\": 42}\n[1, 2]\nINFO:root:untimed\n99%|####| {\n"
    reading = read(text + printed(a_span()))
    assert reading.span_names == ["POST"]
    assert reading.unreadable == []
    assert (8, "a log line without a time: INFO:root:untimed") in reading.notes


def test_an_object_may_follow_output_without_a_line_end() -> None:
    reading = read("waiting..." + printed(a_span()) + "done\n")
    assert reading.span_names == ["POST"]
    assert [reason for _, reason in reading.notes] == ["program output: waiting...", "program output: done"]


def test_objects_may_follow_each_other_on_a_line() -> None:
    line = json.dumps(a_span()) + json.dumps(a_log()) + " " + json.dumps(a_span())
    assert read(line).counts == (2, 0, 1)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"context": {"trace_id": "0x12", "span_id": SPAN}}, "trace id is not 16 bytes"),
        ({"context": {"trace_id": "0x" + "0" * 32, "span_id": SPAN}}, "no trace id"),
        ({"context": {"trace_id": "nope", "span_id": SPAN}}, "not hex"),
        ({"context": None}, "no trace id"),
        ({"context": 7}, "not a JSON object"),
        ({"parent_id": 7}, "not text"),
        ({"start_time": None}, "no start time"),
        ({"start_time": "yesterday"}, "not an ISO 8601 time"),
        ({"start_time": "1901-01-01T00:00:00Z"}, "before 1970"),
        ({"end_time": "9999-01-01T00:00:00Z"}, "beyond the year 2262"),
        ({"attributes": [1]}, "not a JSON object"),
        ({"attributes": {"n": 2**70}}, "not a number of 64 bits"),
        ({"name": "\ud800"}, "not valid Unicode"),
        ({"events": [7]}, "not a JSON object"),
        ({"links": {}}, "not a list"),
    ],
)
def test_a_span_that_cannot_be_kept_is_named_with_its_line_and_costs_no_other(members: Any, reason: str) -> None:
    reading = read("hello\n" + printed(a_span(**members)) + printed(a_span(name="good")))
    assert reading.span_names == ["good"]
    ((line, told),) = reading.unreadable
    assert line == 2
    assert reason in told
    assert told.startswith("a span is left out: ")


def test_a_bad_point_costs_no_other_and_is_named() -> None:
    good, bad = metrics({}, value=1), metrics({}, value="x")
    reading = read(printed(bad) + printed(good))
    assert reading.counts == (0, 1, 0)
    assert reading.unreadable == [(1, "a point of metric 'm' is left out: its value is not a number of 64 bits")]


def test_deep_nesting_and_long_numbers_are_named_not_fatal() -> None:
    deep = '{"name": ' + "[" * 5_000 + "]" * 5_000 + "}\n"
    number = '{"name": ' + "9" * 5_000 + "}\n"
    reading = read(deep + number + printed(a_span()))
    assert reading.span_names == ["POST"]
    assert len(reading.problems) == 2


def test_broken_json_is_named_with_its_line_and_what_follows_is_read() -> None:
    broken = printed(a_span()).replace('"kind":', '"kind"')
    reading = read("one\n" + broken + printed(a_span(name="good")))
    assert reading.span_names == ["good"]
    ((line, reason),) = reading.unreadable
    assert line == 2
    assert "in line 9" in reason


def test_terminal_codes_in_output_never_reach_the_users_terminal() -> None:
    reading = read("\x1b]0;title\x07\x1b[31mred\x07\x08 text\n" + "x" * 500)
    assert reading.notes[0][1] == "program output: red\ufffd\ufffd text"
    assert len(reading.notes[1][1]) < 120


def test_a_text_longer_than_the_window_is_read_whole_and_its_lines_are_counted() -> None:
    big = a_span(attributes={"long": "x" * 300_000, "braces": "}{" * 1_000})
    text = "".join(f"output {n}\n" for n in range(9_000)) + printed(big) + printed(a_span(start_time=None))
    reading = read(text)
    assert reading.span_names == ["POST"]
    assert reading.unreadable[0][0] == 9_000 + printed(big).count("\n") + 1
    assert sum(problem.count for problem in reading.problems if not problem.unreadable) == 9_000


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.text(st.sampled_from('{}[]":, \n\\a1'), max_size=120))
def test_no_text_whatever_makes_the_reader_fail(text: str, jsonish: str) -> None:
    reading = read(text + "\n" + jsonish + "\n" + printed(a_span()))
    assert len(reading.spans) <= 1


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_the_reader_fail(content: bytes) -> None:
    read(content)
