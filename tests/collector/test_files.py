"""Any file of telemetry: what it is shows in what it holds."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.decode import decode
from collector.files import read_file
from tests.collector.reading import read
from tests.collector.wire import T0_NS, a_span, any_value, logs, otlp_json, traces

DATA = Path(__file__).parent.parent / "data"
SPANS_JSON = otlp_json(traces(a_span(name="one"), a_span(name="other")))
LOGS_JSON = otlp_json(logs(LogRecord(time_unix_nano=T0_NS, body=any_value("hello"))))


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*.pb")), ids=lambda path: "/".join(path.parts[-3:]))
@pytest.mark.parametrize("named", [True, False])
def test_a_recorded_protobuf_body_is_known_by_its_name_or_by_what_it_holds(path: Path, named: bool) -> None:
    signal: Any = next(word for word in ("traces", "metrics", "logs") if word in path.name)
    batch = decode(signal, path.read_bytes(), "protobuf")
    for content in (path.read_bytes(), gzip.compress(path.read_bytes())):
        reading = read(content, path.name if named else "body")
        assert reading.counts == (len(batch.spans), len(batch.points), len(batch.logs))
        assert reading.problems == []


@pytest.mark.parametrize("path", sorted(DATA.glob("*/otlp/*.json")), ids=lambda path: path.name)
def test_a_recorded_json_body_is_read_whatever_it_is_called(path: Path) -> None:
    signal: Any = next(word for word in ("traces", "metrics", "logs") if word in path.name)
    batch = decode(signal, path.read_bytes(), "json")
    indented = json.dumps(json.loads(path.read_bytes()), indent=2).encode()
    for content in (path.read_bytes(), indented, gzip.compress(indented), indented.replace(b"\n", b"\r\n")):
        reading = read(content, "whatever")
        assert reading.counts == (len(batch.spans), len(batch.points), len(batch.logs))
        assert reading.problems == []


def test_json_lines_of_several_signals_are_read_one_by_one() -> None:
    reading = read(SPANS_JSON + b"\n" + LOGS_JSON + b"\n\n" + SPANS_JSON)
    assert reading.span_names == ["one", "other", "one", "other"]
    assert reading.log_bodies == ["hello"]


def test_one_object_may_hold_several_signals() -> None:
    both = orjson.loads(SPANS_JSON) | orjson.loads(LOGS_JSON)
    assert read(orjson.dumps(both)).counts == (2, 0, 1)


def test_console_text_and_otlp_may_stand_in_one_file() -> None:
    text = (DATA / "documented-console/stdout.txt").read_bytes()
    reading = read(SPANS_JSON + b"\n" + text + b"\n" + LOGS_JSON)
    assert reading.counts == (3, 6, 12)
    assert reading.unreadable == []


def test_a_broken_line_costs_no_other_and_is_named() -> None:
    bad = otlp_json(traces(a_span())).replace(b'"spans"', b'"spans":7,"x"')
    reading = read(SPANS_JSON + b"\n" + bad + b"\n" + SPANS_JSON[:-9] + b"\n" + LOGS_JSON)
    assert reading.counts == (2, 0, 1)
    assert [line for line, _ in reading.unreadable] == [2, 3]
    assert reading.unreadable[0][1].startswith("OTLP traces: the body is not OTLP JSON")


def test_refused_items_are_counted_with_their_reason() -> None:
    reading = read(otlp_json(traces(a_span(), a_span(span_id=b""), a_span(trace_id=b""))))
    assert reading.counts == (1, 0, 0)
    (problem,) = reading.problems
    assert problem.count == 2
    assert "span id" in problem.reason
    assert "trace id" in problem.reason


def test_a_record_without_any_time_cannot_be_dated_by_a_file() -> None:
    reading = read(otlp_json(logs(LogRecord(body=any_value("undated")), LogRecord(time_unix_nano=T0_NS))))
    assert reading.counts == (0, 0, 1)
    assert reading.unreadable == [(1, "log records without a time")]


def test_equal_log_records_are_numbered_over_the_whole_file() -> None:
    """A file is one body, however it is cut into batches: so that a second import finds every record."""
    reading = read(b"\n".join([LOGS_JSON] * 3))
    assert reading.ordinals == [0, 1, 2]
    lines = "2026-11-24 06:33:08,000 - INFO - again\n" * 5_000
    reading = read(lines)
    assert len(reading.batches) > 1
    assert reading.ordinals == list(range(5_000))


def test_watch_streams_and_kubectl_output_are_found_with_their_lines() -> None:
    watch = '{"type":"ADDED","object":{"kind":"Pod"}}\n{"type":"DISCONNECT","resource":"pods","object":null}\n'
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [{}, {}, {}]}, indent=4)
    reading = read(watch + listed)
    assert reading.problems == []
    assert [(found.line, found.objects) for found in reading.objects] == [(1, 1), (2, 0), (3, 3)]


def test_gzip_that_ends_early_gives_what_it_has_and_says_so() -> None:
    text = b"".join(b"2026-11-24 06:33:08,%03d - INFO - line %d\n" % (n % 1000, n * 7919) for n in range(9_000))
    packed = gzip.compress(text)
    reading = read(packed[: len(packed) // 2])
    assert 1_000 < len(reading.logs) < 9_000
    assert (0, "the gzip data ends early: the rest of the file is missing") in reading.unreadable


def test_damaged_gzip_is_named() -> None:
    packed = bytearray(gzip.compress(SPANS_JSON))
    packed[12:20] = b"\xff" * 8
    reading = read(bytes(packed))
    assert reading.spans == []
    assert "cannot be read on" in reading.unreadable[-1][1]


def test_several_gzip_members_are_one_file() -> None:
    reading = read(gzip.compress(SPANS_JSON + b"\n") + gzip.compress(LOGS_JSON))
    assert reading.counts == (2, 0, 1)


def test_what_is_neither_text_nor_otlp_is_refused_in_one_sentence() -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20
    reading = read(picture, "shot.png")
    assert reading.batches == []
    assert reading.unreadable == [(0, "neither text nor an OTLP body: nothing in it can be read")]


def test_an_empty_file_holds_nothing() -> None:
    for content in (b"", b"\n\n", gzip.compress(b"")):
        reading = read(content)
        assert (reading.counts, reading.problems) == ((0, 0, 0), [])


def test_a_span_of_any_signal_in_the_wrong_name_is_named() -> None:
    body = traces(a_span()).SerializeToString()
    reading = read(body, "0001-logs.pb")
    assert reading.spans == []
    assert reading.unreadable != []


def test_the_stream_stays_open_for_whoever_opened_it() -> None:
    stream = io.BytesIO(SPANS_JSON)
    list(read_file(stream, "x", None, UTC))
    assert not stream.closed


def test_memory_stays_flat_over_a_long_text() -> None:
    """Batches come while the file is read, not at its end: the first one after a part of it."""
    span = json.dumps(
        {
            "name": "POST",
            "context": {"trace_id": "0x" + "1f" * 16, "span_id": "0x" + "2e" * 8},
            "kind": "SpanKind.CLIENT",
            "start_time": "2026-11-24T06:33:08.000001Z",
            "end_time": None,
        }
    ).encode()
    stream = io.BytesIO((span + b"\n") * 20_000)
    first = next(iter(read_file(stream, "x", None, UTC)))
    assert not isinstance(first, tuple)
    assert stream.tell() < len(stream.getvalue()) // 4
