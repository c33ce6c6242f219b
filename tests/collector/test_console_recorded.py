"""Console texts of real runs, each with what it is known to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from collector.records import Clock, MetricKind
from tests.collector.reading import Reading, read

DATA = Path(__file__).parent.parent / "data"
SECOND = 10**9


def recorded(name: str) -> str:
    return (DATA / name / "stdout.txt").read_text()


def at(text: str) -> int:
    """Nanoseconds of an ISO time."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def stream_names(reading: Reading) -> set[str]:
    return {batch.streams[point.stream].name for point, batch in reading.points}


def test_the_documented_sample_is_read_whole() -> None:
    reading = read(recorded("documented-console"))
    assert reading.counts == (1, 6, 11)
    assert reading.unreadable == []
    assert reading.notes == [(9, "program output: stdout='Hello World\\n' stderr='' exit_code=0")]
    ((span, batch),) = reading.spans
    assert span.trace_id.hex() == "1453c64bd669390ef0b73508e6ef980e"
    assert span.span_id.hex() == "405d29c0e235c33e"
    assert span.parent_span_id is None
    assert (span.start_ns, span.duration_ns, span.precision_ns) == (
        at("2026-04-10T10:16:03.441094+00:00"),
        36_242_000,
        1_000,
    )
    assert (batch.operations[span.operation].name, batch.operations[span.operation].kind) == ("POST", 3)
    assert batch.resources[span.resource].service == "unknown_service"
    assert orjson.loads(span.attributes)["http.status_code"] == 200


def test_the_documented_samples_exemplar_points_at_its_span() -> None:
    reading = read(recorded("documented-console"))
    exemplars = [(exemplar, batch) for batch in reading.batches for exemplar in batch.exemplars]
    ((exemplar, batch),) = exemplars
    span, _ = reading.spans[0]
    assert (exemplar.trace_id, exemplar.span_id, exemplar.value_int) == (span.trace_id, span.span_id, 35)
    assert batch.streams[exemplar.stream].kind == MetricKind.HISTOGRAM


def test_the_documented_samples_log_lines_were_printed_an_hour_ahead() -> None:
    """They say 11:16; the span they surround says 10:16 UTC. So the zone is found without being told."""
    reading = read(recorded("documented-console"), local_zone=ZoneInfo("America/New_York"))
    first, _ = reading.logs[0]
    assert first.time_ns == at("2026-04-10T10:16:01.246+00:00")
    assert {(log.clock, log.assumed_offset_minutes, log.precision_ns) for log, _ in reading.logs} == {
        (Clock.ZONE_ASSUMED, 60, 10**6)
    }
    assert reading.log_bodies[0].startswith("Creating SandboxClaim 'sandbox-claim-30ed22c0'")
    assert {(log.severity_number, log.severity_text) for log, _ in reading.logs} == {(9, "INFO")}


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (ZoneInfo("Europe/London"), "2026-04-10T10:16:01.246+00:00"),
        (ZoneInfo("Asia/Kolkata"), "2026-04-10T05:46:01.246+00:00"),
        (timezone(timedelta(hours=-5)), "2026-04-10T16:16:01.246+00:00"),
        (UTC, "2026-04-10T11:16:01.246+00:00"),
    ],
)
def test_what_the_user_says_of_the_zone_counts_more_than_what_is_found(zone: ZoneInfo, first: str) -> None:
    reading = read(recorded("documented-console"), zone=zone)
    log, _ = reading.logs[0]
    assert log.time_ns == at(first)
    assert log.clock == Clock.CLIENT


def test_a_bare_run_prints_a_span_and_its_metrics() -> None:
    reading = read(recorded("console"))
    assert reading.counts == (1, 6, 0)
    assert reading.unreadable == []
    span, _ = reading.spans[0]
    assert (span.trace_id.hex(), span.span_id.hex()) == ("e640c75360923ff71ab9f84168a9a74a", "b3cdaa709c895ee8")
    assert "otel.sdk.processor.log.queue.capacity" in stream_names(reading)


def test_an_instrumented_run_with_an_older_sdk_is_read_whole() -> None:
    reading = read(recorded("console-old-sdk-0.5.2"), local_zone=ZoneInfo("Asia/Tokyo"))
    assert reading.counts == (6, 10, 7)
    assert reading.unreadable == []
    assert {span.trace_id.hex()[:8] for span, _ in reading.spans} == {
        "ef665def",
        "0f6a2f8f",
        "c5a0ae9d",
        "4f29dfbe",
        "4b4f7fb6",
        "6d848fcf",
    }
    # That machine kept UTC.
    assert {log.assumed_offset_minutes for log, _ in reading.logs} == {0}
    first, _ = reading.logs[0]
    assert first.time_ns == at("2026-11-23T22:33:25.197+00:00")


@pytest.mark.parametrize("name", ["documented-console", "console", "console-old-sdk-0.5.2"])
def test_windows_line_ends_colours_and_a_mark_at_the_start_change_nothing(name: str) -> None:
    text = recorded(name)
    plain = read(text)
    coloured = "\n".join(f"\x1b[32m{line}\x1b[0m" for line in text.split("\n"))
    for other in (
        text.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + text.encode(),
        text.encode("utf-16"),
        text.replace("\n", "\r\n").encode("utf-16"),
        coloured.encode(),
    ):
        reading = read(other)
        assert reading.counts == plain.counts
        assert [log for log, _ in reading.logs] == [log for log, _ in plain.logs]
        assert [span for span, _ in reading.spans] == [span for span, _ in plain.spans]
        assert reading.unreadable == []


@pytest.mark.parametrize("name", ["documented-console", "console-old-sdk-0.5.2"])
def test_wherever_a_text_is_cut_short_the_rest_is_read_and_the_cut_is_named(name: str) -> None:
    text = recorded(name)
    whole = read(text)
    for end in range(0, len(text), 311):
        reading = read(text[:end])
        assert len(reading.unreadable) <= 1
        whole_lines = max(0, len(reading.logs) - 1)  # the last one may be cut short itself
        assert reading.log_bodies[:whole_lines] == whole.log_bodies[:whole_lines]
        for line, reason in reading.unreadable:
            assert 0 < line <= text[:end].count("\n") + 1
            assert "ends inside" in reason


@pytest.mark.parametrize("name", ["documented-console", "console-old-sdk-0.5.2"])
def test_a_log_line_that_falls_into_an_object_is_taken_out_of_it(name: str) -> None:
    """A pipe is written in blocks; unbuffered log lines fall between two, in the middle of a word."""
    text = recorded(name)
    whole = read(text)
    line = "2026-11-23 22:33:26,500 - WARNING - in between\n"
    begin = text.index("\n{") + 2
    for place in range(begin + 5, len(text) - 20, 977):
        reading = read(text[:place] + line + text[place:])
        assert reading.unreadable == [], text[place - 40 : place + 40]
        assert reading.counts == (len(whole.spans), len(whole.points), len(whole.logs) + 1)
        assert "in between" in reading.log_bodies
