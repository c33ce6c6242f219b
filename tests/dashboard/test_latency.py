"""latency.csv and /api/v1/latency: the same windows, which hold what the spans in them took."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import Client

from collector.ingest import save_now
from collector.rollup import count_news
from tests.factories import MS, SECOND, T0_NS, batch, make_span

pytestmark = pytest.mark.django_db

COLUMNS = "window_start,window_ns,service,operation,kind,count,errors,p50_ms,p90_ms,p95_ms,p99_ms,max_ms"
START_NS = T0_NS // (10 * SECOND) * (10 * SECOND)


def exported(client: Client, **parameters: str) -> list[dict[str, str]]:
    answer: Any = client.get("/export/latency.csv", parameters)
    assert answer.status_code == 200, answer.content

    async def read() -> bytes:
        return b"".join([chunk async for chunk in answer.streaming_content])

    text = async_to_sync(read)().decode()
    assert text.startswith(COLUMNS)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def items(client: Client, **parameters: str) -> list[Any]:
    """Every page."""
    found: list[Any] = []
    cursor = ""
    while True:
        answer = client.get("/api/v1/latency", {**parameters, "cursor": cursor})
        assert answer.status_code == 200, answer.content
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = page["next"]


def fill() -> None:
    save_now(batch(*(make_span("GET /", duration_ns=5 * MS, status="error" if at == 0 else "ok") for at in range(4))))
    count_news()
    save_now(
        batch(
            make_span("=run", service="till", kind=3, duration_ns=7 * MS),
            make_span("GET /", duration_ns=2 * SECOND, start_ns=T0_NS + 60 * SECOND),
        )
    )


def test_a_row_is_an_operation_in_a_window(client: Client) -> None:
    fill()
    first, second, third = exported(client)
    assert first["window_start"].startswith("2026-11-23T22:33:00.000000000Z")
    assert (first["window_ns"], first["start_ns"]) == (str(10 * SECOND), str(START_NS))
    assert (first["service"], first["operation"], first["kind"]) == ("shop", "GET /", "internal")
    assert (first["count"], first["errors"], first["max_ms"]) == ("4", "1", "5.000000")
    assert float(first["p95_ms"]) == pytest.approx(5, rel=0.022)
    assert (second["operation"], second["kind"]) == ("'=run", "client")  # no spreadsheet takes it for a formula
    assert third["start_ns"] == str(START_NS + 60 * SECOND)
    assert float(third["p50_ms"]) == pytest.approx(2_000, rel=0.022)


@pytest.mark.parametrize("limit", ["1", "2", "50"])
def test_the_api_says_the_same_page_by_page(client: Client, limit: str) -> None:
    fill()
    rows = exported(client)
    found = items(client, limit=limit)
    assert [(item["start_ns"], item["operation"], str(item["count"])) for item in found] == [
        (row["start_ns"], row["operation"].lstrip("'"), row["count"]) for row in rows
    ]
    assert [item["p99_ms"] for item in found] == [float(row["p99_ms"]) for row in rows]


def test_filters_and_limits_are_those_of_other_exports(client: Client) -> None:
    fill()
    assert len(exported(client, service="shop")) == 2
    assert len(exported(client, operation="=run")) == 1
    assert len(exported(client, q="get")) == 2
    assert len(exported(client, limit="1")) == 1
    assert len(exported(client, to=str(T0_NS + 30 * SECOND))) == 2
    assert client.get("/export/latency.csv", {"status": "ok"}).status_code == 400
    assert client.get("/api/v1/latency", {"pool": "x"}).status_code == 400


def test_a_long_range_has_longer_windows(client: Client) -> None:
    save_now(batch(make_span(), make_span(start_ns=T0_NS + 20_000 * SECOND), make_span(start_ns=T0_NS + 1 * SECOND)))
    rows = exported(client)
    assert {row["window_ns"] for row in rows} == {str(60 * SECOND)}
    assert [row["count"] for row in rows] == ["2", "1"]


def test_of_nothing_there_is_a_header(client: Client) -> None:
    assert exported(client) == []
    assert items(client) == []


def test_the_terminal_writes_the_same(client: Client, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    fill()
    call_command("export", "latency", "--service", "till")
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert lines[0].startswith(COLUMNS)
    assert len(lines) == 2
