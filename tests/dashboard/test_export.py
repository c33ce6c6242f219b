"""CSV: what people open in a spreadsheet and what scripts read. Columns, cells, and what happens when it breaks."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
import urllib.request
from typing import Any

import orjson
import pytest
from asgiref.sync import async_to_sync
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest import save_now
from collector.records import MetricKind
from dashboard import export
from dashboard.csv_rows.cells import line, quoted
from tests.factories import MS, SECOND, T0_NS, batch, make_histogram, make_log, make_point, make_span, trace_id
from tests.server import ROOT, Server

Row = dict[str, str]
# What exports are asked for where all there is makes no sense: nothing lies before it to be compared with.
ASKED = dict.fromkeys(("compared_stages", "compared_operations"), "from=2025-06-01&to=2027-06-01")


def body_of(answer: Any) -> bytes:
    """A streamed answer, whole."""

    async def read() -> bytes:
        return b"".join([chunk async for chunk in answer.streaming_content])

    return async_to_sync(read)()


def rows_of(client: Client, name: str, **parameters: str) -> list[Row]:
    answer = client.get(f"/export/{name}.csv", parameters)
    assert answer.status_code == 200, answer.content
    text = body_of(answer).decode()
    assert "\r\n" in text
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_spans_have_the_promised_columns_in_order(db: None, client: Client) -> None:
    header = body_of(client.get("/export/spans.csv")).decode().splitlines()[0]
    assert header == (
        "trace_id,span_id,parent_span_id,service,name,kind,status,status_message,start_time,start_ns,end_ns,"
        "duration_ms,scope,claim_uid,claim,evidence,certainty,attributes,resource"
    )


def test_logs_have_the_promised_columns_in_order(db: None, client: Client) -> None:
    header = body_of(client.get("/export/logs.csv")).decode().splitlines()[0]
    assert header.startswith(
        "time,time_ns,severity,service,body,trace_id,span_id,scope,claim_uid,claim,evidence,attributes,resource,"
    )


def test_points_have_the_promised_columns_in_order(db: None, client: Client) -> None:
    header = body_of(client.get("/export/metric_points.csv")).decode().splitlines()[0]
    assert header.startswith(
        "time,time_ns,start_ns,service,metric,kind,unit,temporality,value,count,sum,min,max,p50,p95,p99,"
        "attributes,resource,"
    )


def test_a_span_is_written_whole(db: None, client: Client) -> None:
    span = make_span(
        "POST /execute",
        service="agent",
        trace=trace_id(7),
        parent="00000000000000ff",
        kind=3,
        status="error",
        status_message='no, "really"\nnot',
        duration_ns=1_500_000_001,
        attributes={"http.status": 500, "café": [1, "ü"]},
    )
    save_now(batch(span))
    (row,) = rows_of(client, "spans")
    assert row["trace_id"] == trace_id(7)
    assert (row["span_id"], row["parent_span_id"]) == (span.span_id, "00000000000000ff")
    assert (row["service"], row["name"], row["kind"]) == ("agent", "POST /execute", "client")
    assert (row["status"], row["status_message"]) == ("error", 'no, "really"\nnot')
    assert row["start_time"] == "2026-11-23T22:33:07.967755510Z"
    assert (row["start_ns"], row["end_ns"]) == (str(T0_NS), str(T0_NS + 1_500_000_001))
    assert row["duration_ms"] == "1500.000001"
    assert orjson.loads(row["attributes"]) == {"http.status": 500, "café": [1, "ü"]}
    assert orjson.loads(row["resource"]) == {"service.name": "agent"}


def test_what_is_not_known_is_an_empty_cell(db: None, client: Client) -> None:
    save_now(batch(make_span(duration_ns=None), make_log(None, severity=0, severity_text="")))
    (span,) = rows_of(client, "spans")
    unknown = ("parent_span_id", "status_message", "end_ns", "duration_ms", "claim_uid", "claim", "evidence")
    assert {span[name] for name in (*unknown, "certainty")} == {""}
    (log,) = rows_of(client, "logs")
    assert {log[name] for name in ("severity", "body", "trace_id", "span_id", "observed_ns")} == {""}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_no_text_is_run_by_a_spreadsheet(db: None, client: Client, text: str) -> None:
    save_now(batch(make_span(text, service=text), make_log(text), make_point(1, name=text)))
    assert rows_of(client, "spans")[0]["name"] == "'" + text
    assert rows_of(client, "spans")[0]["service"] == "'" + text
    assert rows_of(client, "logs")[0]["body"] == "'" + text
    assert rows_of(client, "metric_points")[0]["metric"] == "'" + text


@given(st.lists(st.text(alphabet=st.sampled_from("a,\"\r\n;\t'= é寿")), min_size=2))
def test_cells_are_quoted_as_python_would(values: list[str]) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(values)
    assert line(map(quoted, values)) == written.getvalue()


def test_numbers_are_never_quoted_for_the_spreadsheet(db: None, client: Client) -> None:
    save_now(batch(make_span(duration_ns=-2 * MS), make_point(-3.5), make_log(-7)))
    assert rows_of(client, "spans")[0]["duration_ms"] == "-2.000000"
    assert rows_of(client, "metric_points")[0]["value"] == "-3.5"
    assert rows_of(client, "logs")[0]["body"] == "-7"


def test_a_structured_body_is_json(db: None, client: Client) -> None:
    save_now(batch(make_log({"order": 7, "items": ["tea"]})))
    assert orjson.loads(rows_of(client, "logs")[0]["body"]) == {"order": 7, "items": ["tea"]}


def test_a_severity_without_a_word_gets_the_one_of_its_number(db: None, client: Client) -> None:
    save_now(batch(make_log(severity=17, severity_text=""), make_log(severity=17, severity_text="critical")))
    assert {row["severity"] for row in rows_of(client, "logs")} == {"ERROR", "critical"}


def test_a_histogram_has_percentiles_and_says_which_are_lower_bounds(db: None, client: Client) -> None:
    save_now(batch(make_histogram([10.0, 20.0], [5, 4, 1], sum=120.0)))
    (row,) = rows_of(client, "metric_points")
    assert (row["kind"], row["temporality"], row["unit"]) == ("histogram", "delta", "ms")
    assert (row["count"], row["sum"], row["value"]) == ("10", "120.0", "")
    assert float(row["p50"]) == pytest.approx(10.0)
    assert (row["p95"], row["p99"], row["lower_bounds"]) == ("20.0", "20.0", "p95 p99")


def test_numbers_json_has_no_word_for_are_written_as_otlp_does(db: None, client: Client) -> None:
    times = iter(range(9))
    save_now(
        batch(
            make_point(float("inf"), time_ns=next(times)),
            make_point(float("-inf"), time_ns=next(times)),
            make_point(None, time_ns=next(times), detail={"nan": ["value_double"]}),
            make_point(2**63 - 1, time_ns=next(times)),
        )
    )
    values = [row["value"] for row in reversed(rows_of(client, "metric_points"))]
    assert values == ["Infinity", "-Infinity", "NaN", "9223372036854775807"]


def test_a_point_that_only_says_its_stream_stopped_has_no_value(db: None, client: Client) -> None:
    save_now(batch(make_point(5, flags=1, kind=MetricKind.SUM, temporality=2)))
    assert rows_of(client, "metric_points")[0]["value"] == ""


def test_it_is_filtered_as_the_page_is(db: None, client: Client) -> None:
    save_now(batch(make_span("a", service="x"), make_span("b", service="y"), make_span("c", start_ns=SECOND)))
    assert [row["name"] for row in rows_of(client, "spans", service="y")] == ["b"]
    assert [row["name"] for row in rows_of(client, "spans", to="1970-01-02")] == ["c"]
    assert len(rows_of(client, "spans")) == 3, "everything there is, unless asked otherwise"


def test_it_goes_through_every_page_of_rows_once(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_A_QUERY", 3)
    save_now(batch(*(make_log(f"line {n}", time_ns=T0_NS + n // 2) for n in range(10))))
    assert sorted(row["body"] for row in rows_of(client, "logs")) == [f"line {n}" for n in range(10)]
    assert len(rows_of(client, "logs", limit="7")) == 7


def test_rows_that_arrive_meanwhile_are_not_part_of_it(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_A_QUERY", 2)
    save_now(batch(*(make_span(f"early {n}", start_ns=T0_NS + n) for n in range(4))))
    chunks = export.csv_chunks("spans", export.parse_export("spans", QueryDict("")))
    text = next(chunks)
    save_now(batch(make_span("late", start_ns=T0_NS + 10)))
    text += b"".join(chunks)
    assert text.count(b"early") == 4
    assert b"late" not in text


def test_a_wrong_parameter_is_refused_with_a_sentence(db: None, client: Client) -> None:
    answer = client.get("/export/spans.csv", {"servce": "x", "range": "2 days"})
    assert answer.status_code == 400
    assert "Did you mean service?" in answer.content.decode()
    assert "range=2 days is not known" in answer.content.decode()


def test_the_cursor_of_another_list_is_refused(db: None, client: Client) -> None:
    answer = client.get("/export/spans.csv", {"cursor": f"5-{trace_id(1)}"})
    assert answer.status_code == 400
    assert b"cursor of another list" in answer.content


def test_an_unknown_export_names_the_known_ones(client: Client) -> None:
    answer = client.get("/export/everything.csv")
    assert answer.status_code == 404
    assert b"spans, logs, metric_points" in answer.content


def test_it_is_packed_for_a_client_that_can_unpack(db: None, client: Client) -> None:
    save_now(batch(make_span("packed")))
    answer = client.get("/export/spans.csv", headers={"Accept-Encoding": "br, gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert b"packed" in gzip.decompress(body_of(answer))
    assert "Content-Encoding" not in client.get("/export/spans.csv", headers={"Accept-Encoding": "gzip;q=0"})


def test_it_downloads_under_its_name(db: None, client: Client) -> None:
    answer = client.head("/export/logs.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="logs.csv"'
    assert answer["Content-Type"].startswith("text/csv; charset=utf-8")


def send_logs(server: Server, service: str, *bodies: str) -> None:
    """Sends log records as a client would: OTLP in JSON."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    records = [
        {"timeUnixNano": str(T0_NS + number), "severityNumber": 9, "body": {"stringValue": body}}
        for number, body in enumerate(bodies)
    ]
    request = urllib.request.Request(
        f"{server.otlp_url}/v1/logs",
        orjson.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def run_export(server: Server, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "manage.py"), "export", *arguments]
    return subprocess.run(command, env=server.environment, cwd=ROOT, capture_output=True, timeout=60)


@pytest.mark.server
def test_the_command_writes_the_same_bytes(server: Server) -> None:
    send_logs(server, "exported", "from the command")
    done = run_export(server, "logs", "--service", "exported")
    assert done.returncode == 0, done.stderr
    assert done.stdout == server.get("/export/logs.csv?service=exported")
    assert done.stdout.count(b"from the command") == 1


@pytest.mark.server
def test_the_command_refuses_what_it_does_not_know(server: Server) -> None:
    done = run_export(server, "logs", "--severity", "loud")
    assert done.returncode == 2
    assert b"severity=loud is not a severity" in done.stderr
