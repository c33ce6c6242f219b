"""The read API: the lists as JSON, by cursor, for scripts."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from collector.ingest import save_now
from dashboard.parameters import LOG_NAMES, METRIC_NAMES, ORDER, SPAN_NAMES, TRACE_NAMES
from tests.factories import MS, T0_NS, batch, make_histogram, make_log, make_point, make_span, trace_id

LISTS = {"spans": SPAN_NAMES, "logs": LOG_NAMES, "metric_points": METRIC_NAMES, "traces": TRACE_NAMES | ORDER}


def get(client: Client, path: str, **parameters: str) -> Any:
    return answered(200, client, path, parameters)


def refused(client: Client, path: str, **parameters: str) -> Any:
    return answered(400, client, path, parameters)


def answered(status: int, client: Client, path: str, parameters: dict[str, str]) -> Any:
    answer = client.get(f"/api/v1/{path}", parameters)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/json")
    return answer.json()


def items(client: Client, path: str, **parameters: str) -> list[Any]:
    found: list[Any] = get(client, path, **parameters)["items"]
    return found


def fill() -> None:
    """One of everything, twice."""
    for number in (1, 2):
        moment = T0_NS + number * MS
        save_now(
            batch(
                make_span(f"call {number}", trace=trace_id(number), span=f"{number:016x}", start_ns=moment),
                make_log(f"line {number}", trace=trace_id(number), time_ns=moment),
                make_histogram([10.0, 20.0], [5, 4, 1], time_ns=moment),
            )
        )


@pytest.mark.parametrize("name", LISTS)
def test_a_list_without_rows_is_an_empty_list(db: None, client: Client, name: str) -> None:
    looked = {"looked_until_ns": None} if name in ("spans", "traces") else {}
    assert get(client, name) == {"items": [], "next": None, **looked}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_page_by_page(db: None, client: Client, name: str) -> None:
    fill()
    first = get(client, name, limit="1")
    second = get(client, name, limit="1", cursor=first["next"])
    assert second["next"] is None
    assert first["items"] + second["items"] == items(client, name)
    assert first["items"] != second["items"]


@pytest.mark.parametrize("name", ["spans", "logs", "metric_points"])
def test_it_shows_every_column_of_the_csv(db: None, client: Client, name: str) -> None:
    fill()
    answer: Any = client.get(f"/export/{name}.csv")

    async def read() -> bytes:
        return b"".join([chunk async for chunk in answer.streaming_content])

    rows = list(csv.DictReader(io.StringIO(async_to_sync(read)().decode(), newline="")))
    found = items(client, name)
    assert len(rows) == len(found) == 2
    for row, item in zip(rows, found, strict=True):
        assert row.keys() <= item.keys()
        for column in row.keys() - {"attributes", "resource", "lower_bounds", "duration_ms"}:
            assert row[column] == ("" if item[column] is None else str(item[column])), column


@pytest.mark.parametrize("name", LISTS)
def test_nanoseconds_are_decimal_texts(db: None, client: Client, name: str) -> None:
    fill()
    times = {key: value for key, value in items(client, name)[0].items() if key.endswith("_ns") and value is not None}
    assert times
    assert all(isinstance(value, str) and value.isdigit() for value in times.values()), times


def test_whole_numbers_that_javascript_would_round_are_texts(db: None, client: Client) -> None:
    save_now(batch(make_point(2**53 + 1), make_point(2**53, time_ns=T0_NS + 1)))
    assert [point["value"] for point in items(client, "metric_points")] == [2**53, str(2**53 + 1)]


def test_a_span_is_shown_whole(db: None, client: Client) -> None:
    span = make_span(
        "POST /execute",
        trace=trace_id(9),
        parent="00000000000000ff",
        kind=3,
        status="error",
        status_message="refused",
        attributes={"http.response.status_code": 500},
        events=[{"time_ns": str(T0_NS), "name": "exception"}],
        links=[{"trace_id": trace_id(1), "span_id": "0000000000000001"}],
    )
    save_now(batch(span))
    (found,) = items(client, "spans")
    assert found["parent_span_id"] == "00000000000000ff"
    assert (found["kind"], found["status"], found["status_message"]) == ("client", "error", "refused")
    assert found["attributes"] == {"http.response.status_code": 500}
    assert found["events"] == [{"time_ns": str(T0_NS), "name": "exception"}]
    assert found["links"] == [{"trace_id": trace_id(1), "span_id": "0000000000000001"}]
    assert found["claim_uid"] is None


def test_a_percentile_in_an_open_bucket_is_marked_as_a_lower_bound(db: None, client: Client) -> None:
    save_now(batch(make_histogram([10.0, 20.0], [5, 4, 1])))
    (point,) = items(client, "metric_points")
    assert (point["p95"], point["lower_bounds"]) == (20.0, ["p95", "p99"])
    assert point["detail"] == {"bounds": [10.0, 20.0], "counts": [5, 4, 1]}


def test_a_body_keeps_its_shape(db: None, client: Client) -> None:
    save_now(batch(make_log({"order": 7, "items": ["tea"]})))
    assert items(client, "logs")[0]["body"] == {"order": 7, "items": ["tea"]}


def test_it_is_filtered_as_the_pages_are(db: None, client: Client) -> None:
    fill()
    assert [span["name"] for span in items(client, "spans", operation="call 2")] == ["call 2"]
    assert [log["body"] for log in items(client, "logs", trace_id=trace_id(1))] == ["line 1"]
    assert items(client, "metric_points", service="nobody") == []


def test_a_trace_comes_with_its_spans_and_logs(db: None, client: Client) -> None:
    root = make_span("task", trace=trace_id(5), service="agent")
    child = make_span("call", trace=trace_id(5), parent=root.span_id, status="error", start_ns=T0_NS + MS)
    save_now(batch(child, root, make_log("inside", trace=trace_id(5)), make_span("other")))
    whole = get(client, f"traces/{trace_id(5)}")
    assert whole["trace"]["head"]["name"] == "task"
    assert (whole["trace"]["span_count"], whole["trace"]["error_count"]) == (2, 1)
    assert sorted(whole["trace"]["services"]) == ["agent", "shop"]
    assert [span["name"] for span in whole["spans"]] == ["task", "call"]
    assert [log["body"] for log in whole["logs"]] == ["inside"]
    assert whole["complete"] is True


def test_a_trace_that_is_not_here_is_a_404_with_a_sentence(db: None, client: Client) -> None:
    assert "none was received yet" in answered(404, client, f"traces/{trace_id(5)}", {})["detail"]


def test_what_is_no_trace_id_is_refused(db: None, client: Client) -> None:
    assert "32 hexadecimal digits" in refused(client, "traces/xyz")["problems"]["trace_id"]


@pytest.mark.parametrize("name", LISTS)
def test_every_wrong_parameter_is_named_with_a_sentence(db: None, client: Client, name: str) -> None:
    wrong = refused(client, name, range="2d", servce="x", limit="0")
    assert wrong["problems"].keys() == {"range", "servce", "limit"}
    assert all(sentence in wrong["detail"] for sentence in wrong["problems"].values())


def test_the_cursor_of_another_list_is_refused(db: None, client: Client) -> None:
    assert refused(client, "logs", cursor=f"5-{trace_id(1)}")["problems"].keys() == {"cursor"}


def test_the_document_names_every_parameter_that_is_taken(client: Client) -> None:
    document = get(client, "openapi.json")
    for name, names in LISTS.items():
        operation = document["paths"][f"/api/v1/{name}"]["get"]
        assert {parameter["name"] for parameter in operation["parameters"]} == names
        assert operation["responses"].keys() == {"200", "400", "401"}
    assert len(document["paths"]["/api/v1/traces/{trace_id}"]["get"]["parameters"]) == 1


def test_no_page_of_the_api_loads_anything_from_elsewhere(db: None, client: Client) -> None:
    assert client.get("/api/v1/docs").status_code == 404


def test_its_root_leads_to_its_description(client: Client) -> None:
    assert client.get("/api/v1/")["Location"] == "/api/v1/openapi.json"


def test_it_only_reads(db: None, client: Client) -> None:
    assert client.post("/api/v1/spans").status_code == 405
