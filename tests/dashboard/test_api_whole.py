"""The rest of the read API: stages, traces as OTLP, failures in one shape, the document."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest
from asgiref.sync import async_to_sync
from django.test import Client, override_settings
from ninja import Schema

from collector.decode import decode
from collector.ingest import save_now
from collector.models import Log, Span
from dashboard.api import api, otlp
from tests.factories import MS, T0_NS, batch, make_log, make_span, trace_id
from tests.sandboxes.loading import load

pytestmark = pytest.mark.django_db


def streamed(client: Client, path: str) -> bytes:
    answer: Any = client.get(path)
    assert answer.status_code == 200

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()


def test_stages_are_those_of_the_csv(client: Client) -> None:
    load("quickstart-cold")
    rows = list(csv.DictReader(io.StringIO(streamed(client, "/export/stages.csv").decode(), newline="")))
    items = client.get("/api/v1/stages").json()["items"]
    assert len(rows) == len(items) > 5
    for row, item in zip(rows, items, strict=True):
        assert row.keys() <= item.keys()
        for column in row.keys() - {"duration_ms", "lower_ms", "upper_ms", "pre_warmed"}:
            assert row[column] == str(item[column]), column


def test_stages_are_read_claim_by_claim(client: Client) -> None:
    load("burst-drained")
    everything = client.get("/api/v1/stages", {"limit": "1000"}).json()
    assert everything["next"] is None
    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get("/api/v1/stages", {"limit": "2", "cursor": cursor}).json()
        assert len({stage["claim_uid"] for stage in page["items"]}) <= 2
        seen, cursor = seen + page["items"], page["next"]
    assert seen == everything["items"]


def test_the_latency_of_stages_has_the_time_to_ready(client: Client) -> None:
    load("quickstart-cold")
    items = client.get("/api/v1/latency/stages").json()["items"]
    assert ("time to ready", "cold") in {(item["stage"], item["start_type"]) for item in items}


def test_a_trace_as_otlp_is_read_back_as_it_was(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pieces of two, so that a resource comes again."""
    monkeypatch.setattr(otlp, "ROWS_A_PIECE", 2)
    trace = trace_id(7)
    spans = [
        make_span(
            f"call {number}",
            service=f"service {number % 2}",
            trace=trace,
            start_ns=T0_NS + number * MS,
            status="error",
            status_message="no",
            attributes={"n": number, "big": {"intValue": str(2**60)}, "list": [1, "two", None], "map": {"a": 1.5}},
            events=[{"time_ns": str(T0_NS), "name": "retry", "attributes": {"of": 1}}],
            links=[{"trace_id": trace_id(1), "span_id": "0000000000000001"}],
        )
        for number in range(5)
    ]
    save_now(batch(*spans, make_log({"a": [1]}, trace=trace), make_log("line", trace=trace, severity=0)))
    bodies = {name: streamed(client, f"/api/v1/traces/{trace}/otlp/{name}") for name in ("spans", "logs")}
    before = [items(client, name, trace) for name in ("spans", "logs")]
    Span.objects.all().delete()
    Log.objects.all().delete()
    for again in (decode("traces", bodies["spans"], "json"), decode("logs", bodies["logs"], "json")):
        assert not again.rejected
        save_now(again)
    assert [items(client, name, trace) for name in ("spans", "logs")] == before
    assert [len(found) for found in before] == [5, 2]


def items(client: Client, name: str, trace: str) -> list[Any]:
    found: list[Any] = client.get(f"/api/v1/{name}", {"trace_id": trace}).json()["items"]
    return found


def test_a_trace_that_is_not_here_has_no_otlp_either(client: Client) -> None:
    answer = client.get(f"/api/v1/traces/{trace_id(9)}/otlp/spans")
    assert answer.status_code == 404
    assert trace_id(9) in answer.json()["problems"]["trace_id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "nothing", 404), ("post", "spans", 405), ("get", "spans?servce=x", 400), ("get", "claims/nobody", 404)],
)
def test_every_failure_has_one_shape(client: Client, method: str, path: str, status: int) -> None:
    answer = getattr(client, method)(f"/api/v1/{path}")
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (status, "application/json")
    failure = orjson.loads(answer.content)
    assert failure.keys() == {"detail", "problems"}
    assert failure["detail"].endswith((".", "?"))
    assert int(answer.headers.get("Content-Length", len(answer.content))) == len(answer.content)


@override_settings(DASHBOARD_TOKEN="secret")
def test_without_the_token_the_failure_has_the_same_shape(client: Client) -> None:
    answer = client.get("/api/v1/spans")
    assert answer.status_code == 401
    assert answer.json().keys() == {"detail", "problems"}


def test_the_pages_of_a_range_before_all_pools_are_there(client: Client) -> None:
    load("burst-drained")
    for to in ("0", "1970-01-02"):
        assert client.get("/api/v1/pools", {"to": to}).json()["items"]
        assert client.get("/pools/", {"to": to}).status_code == 200


def test_the_document_names_how_the_token_is_sent_and_what_may_fail() -> None:
    document: Any = api.get_openapi_schema(path_prefix="api/v1/")
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    for path, methods in document["paths"].items():
        assert {"200", "400", "401"} <= {str(status) for status in methods["get"]["responses"]}, path


def test_no_two_shapes_of_the_document_share_a_name() -> None:
    """One would take the other's place, silently."""
    shapes = [one for one in _subclasses(Schema) if one.__module__.startswith("dashboard.")]
    names = [shape.__name__ for shape in shapes]
    assert sorted(names) == sorted(set(names))


def _subclasses(kind: type) -> list[type]:
    children: list[type] = kind.__subclasses__()
    return children + [one for child in children for one in _subclasses(child)]
