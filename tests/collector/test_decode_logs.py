"""Log bodies to records."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as WireLog
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from collector.decode import DecodeError, decode
from collector.records import Batch, Clock, LogRecord
from tests.collector.wire import SPAN_ID, T0_NS, TRACE_ID, any_value, logs, pairs

DATA = Path(__file__).parent.parent / "data"


def decoded(*records: WireLog) -> Batch:
    return decode("logs", logs(*records).SerializeToString(), "protobuf")


def only_log(**fields: Any) -> LogRecord:
    (log,) = decoded(WireLog(**fields)).logs
    return log


def test_it_keeps_every_field_of_a_log_record() -> None:
    log = only_log(
        time_unix_nano=T0_NS,
        observed_time_unix_nano=T0_NS + 1,
        severity_number=17,
        severity_text="Fehler",
        body=any_value("exit code 3"),
        event_name="command.failed",
        attributes=pairs({"code": 3}),
        dropped_attributes_count=2,
        flags=1,
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
    )
    assert (log.time_ns, log.clock, log.observed_ns) == (T0_NS, Clock.CLIENT, T0_NS + 1)
    assert (log.severity_number, log.severity_text, log.event_name) == (17, "Fehler", "command.failed")
    assert (log.body, log.attributes, log.dropped_attributes_count) == ('"exit code 3"', '{"code":3}', 2)
    assert (log.flags, log.trace_id, log.span_id) == (1, TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(
    "body", ["", "text", 7, True, 0.5, [1, "a"], {"message": "no", "detail": {"list": [1, None]}}, b"raw", 2**62]
)
def test_a_body_may_be_any_value(body: Any) -> None:
    wanted = {"bytesValue": "cmF3"} if body == b"raw" else {"intValue": str(2**62)} if body == 2**62 else body
    assert orjson.loads(only_log(time_unix_nano=1, body=any_value(body)).body or "missing") == wanted


def test_no_body_is_none() -> None:
    assert only_log(time_unix_nano=1).body is None
    assert only_log(time_unix_nano=1, body=any_value(None)).body is None


def test_without_a_time_the_observed_time_stands_in() -> None:
    log = only_log(observed_time_unix_nano=T0_NS)
    assert (log.time_ns, log.clock, log.observed_ns) == (T0_NS, Clock.OBSERVED, T0_NS)


def test_without_any_time_it_is_dated_by_its_receipt() -> None:
    before = time.time_ns()
    log = only_log(body=any_value("x"))
    assert before <= log.time_ns <= time.time_ns()
    assert (log.clock, log.observed_ns) == (Clock.RECEIPT, None)


@pytest.mark.parametrize("fields", [{"trace_id": bytes(16), "span_id": bytes(8)}, {"trace_id": b"", "span_id": b""}])
def test_ids_of_zeros_are_none(fields: dict[str, bytes]) -> None:
    log = only_log(time_unix_nano=1, **fields)
    assert (log.trace_id, log.span_id) == (None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": b"t" * 15},
        {"span_id": b"s" * 16},
        {"time_unix_nano": 2**63},
        {"observed_time_unix_nano": 2**64 - 1},
    ],
)
def test_it_refuses_a_bad_record_alone(fields: dict[str, Any]) -> None:
    batch = decoded(WireLog(**fields), WireLog(time_unix_nano=T0_NS, body=any_value("good")))
    assert [log.body for log in batch.logs] == ['"good"']
    assert (batch.rejected, len(batch.reasons)) == (1, 1)


def test_text_that_is_not_utf8_costs_its_record_in_the_body_and_the_request_elsewhere() -> None:
    body = logs(WireLog(time_unix_nano=1, body=any_value("MARK")), WireLog(time_unix_nano=2)).SerializeToString()
    batch = decode("logs", body.replace(b"MARK", b"\xff\xfe\xfd\xfc"), "protobuf")
    assert (len(batch.logs), batch.rejected) == (1, 1)
    body = logs(WireLog(time_unix_nano=1, severity_text="MARK")).SerializeToString()
    with pytest.raises(DecodeError):
        decode("logs", body.replace(b"MARK", b"\xff\xfe\xfd\xfc"), "protobuf")


def test_text_holds_no_nul() -> None:
    log = only_log(time_unix_nano=1, severity_text="a\x00", event_name="b\x00", body=any_value("c\x00"))
    assert (log.severity_text, log.event_name, log.body) == ("a\ufffd", "b\ufffd", '"c\ufffd"')


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*-logs.pb")), ids=lambda path: "/".join(path.parts[-3:]))
def test_recorded_bodies_read_as_the_official_classes_read_them(path: Path) -> None:
    body = path.read_bytes()
    records = [
        log for r in LogsData.FromString(body).resource_logs for scope in r.scope_logs for log in scope.log_records
    ]
    batch = decode("logs", body, "protobuf")
    assert batch.rejected == 0
    assert [(log.time_ns, log.severity_text, orjson.loads(log.body or "null")) for log in batch.logs] == [
        (log.time_unix_nano or log.observed_time_unix_nano, log.severity_text, log.body.string_value or None)
        for log in records
    ]
    assert [log.trace_id or bytes(16) for log in batch.logs] == [log.trace_id or bytes(16) for log in records]
