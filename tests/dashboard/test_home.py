"""The first page: what to do while nothing has been received, and where it leads when something has."""

from __future__ import annotations

import time
from html import unescape

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from collector.ingest import save_now
from sandboxes.watch.state import State
from tests.factories import SECOND, batch, make_log, make_point, make_span

HOUR = 3_600 * SECOND


def test_with_nothing_received_it_says_what_to_do(db: None, client: Client) -> None:
    html = unescape(client.get("/").content.decode())
    assert 'pip install "k8s-agent-sandbox[tracing]" opentelemetry-distro' in html
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in html
    assert 'action="/setup/import/"' in html


def test_with_no_program_at_hand_there_are_recorded_sessions_or_a_run_in_the_cluster(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = client.get("/").content.decode()
    assert "manage.py demo" in html
    assert "This process watches no cluster" in html
    monkeypatch.setattr("dashboard.views.home.standing", lambda own: State("ok", "watches kind"))
    html = client.get("/").content.decode()
    assert "manage.py demo" not in html
    assert "Watches kind" in html
    assert 'href="/runs/new/"' in html


def test_commands_name_the_address_the_reader_uses(db: None, client: Client, settings: Settings) -> None:
    settings.DASHBOARD_HOST = settings.OTLP_HOST = "0.0.0.0"
    settings.ALLOWED_HOSTS = ["*"]
    settings.OTLP_HTTP_PORT = 14318
    html = client.get("/", headers={"Host": "lab.example:8000"}).content.decode()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://lab.example:14318" in html


@pytest.mark.parametrize("host", ["lab.example:8000", "lab.example"])  # behind a proxy, there is no port in it
@pytest.mark.parametrize("page", ["/", "/claims/", "/traces/", "/logs/", "/metrics/"])
def test_every_page_that_is_empty_says_where_to_send_to(
    db: None, client: Client, settings: Settings, page: str, host: str
) -> None:
    settings.OTLP_HOST = "0.0.0.0"
    settings.ALLOWED_HOSTS = ["*"]
    settings.OTLP_HTTP_PORT = 14318
    html = client.get(page, headers={"Host": host}).content.decode()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://lab.example:14318" in html


def test_it_is_the_overview_once_there_are_spans(db: None, client: Client) -> None:
    save_now(batch(make_span(start_ns=time.time_ns() - SECOND), make_log()))
    assert "<h1>Overview</h1>" in client.get("/").content.decode()


def test_it_leads_to_what_there_is_when_that_is_logs_or_metrics_alone(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=time.time_ns() - SECOND)))
    assert client.get("/")["Location"] == "/metrics/"
    save_now(batch(make_log(time_ns=time.time_ns() - SECOND)))
    assert client.get("/")["Location"] == "/logs/"


def test_it_leads_far_enough_back_to_show_something(db: None, client: Client) -> None:
    save_now(batch(make_span(start_ns=time.time_ns() - 2 * HOUR)))
    assert client.get("/")["Location"] == "/?range=6h"
    assert client.get("/", {"range": "15m"}).status_code == 200
    save_now(batch(make_span(start_ns=time.time_ns() - SECOND)))
    assert client.get("/").status_code == 200


def test_an_open_page_is_told_that_it_became_another_one(db: None, client: Client) -> None:
    waiting = client.get("/", headers={"X-Partial": "1"})
    assert b"<html" not in waiting.content
    assert b'id="waiting"' in waiting.content
    save_now(batch(make_span(start_ns=time.time_ns() - SECOND)))
    assert client.get("/", headers={"X-Partial": "1"}).headers["X-Reload"] == "1"
