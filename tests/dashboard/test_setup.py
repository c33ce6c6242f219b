"""The page Setup: commands for this very address, what the receivers have seen, import, and a fresh start."""

from __future__ import annotations

import gzip
import json
import sys
import time
from html import unescape
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from collector.ingest import Unavailable, ingest, save_now
from collector.models import Log, MetricPoint, Span
from collector.statistics import Statistics
from dashboard.doctor import Check, Examination, Status, looking
from dashboard.views import setup as setup_view
from sandboxes.watch import watcher
from sandboxes.watch.state import State
from tests.factories import batch, make_log, make_point, make_span

DATA = Path(__file__).parent.parent / "data"
CONSOLE = DATA / "documented-console" / "stdout.txt"


@pytest.fixture
def stats(monkeypatch: pytest.MonkeyPatch) -> Statistics:
    """A receiver's statistics, new."""
    fresh = Statistics()
    monkeypatch.setattr(ingest, "stats", fresh)
    return fresh


def page(client: Client) -> str:
    return unescape(client.get("/setup/").content.decode())


def imported(client: Client, status: int = 200, **fields: object) -> str:
    answer = client.post("/setup/import/", fields)
    assert answer.status_code == status, answer.content
    return unescape(answer.content.decode())


def words(html: str) -> str:
    return " ".join(html.split())


def test_the_commands_name_this_address(db: None, client: Client, settings: Settings) -> None:
    settings.OTLP_HTTP_PORT, settings.OTLP_GRPC_PORT = 14318, 14317
    html = page(client)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:14318" in html
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:14317" in html


def test_an_agent_is_started_with_the_paths_of_this_very_dashboard(
    db: None, client: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.DASHBOARD_DATA_DIR, settings.DASHBOARD_PORT = tmp_path / "a b", 18000
    html = page(client)
    manage = settings.BASE_DIR / "manage.py"
    assert f"-- {sys.executable} {manage} run_mcp" in html
    configuration = json.loads(html.partition('id="agent-configuration">')[2].partition("</pre>")[0])
    started = configuration["mcpServers"]["agent-sandbox"]
    assert (started["command"], started["args"]) == (sys.executable, [str(manage), "run_mcp"])
    assert started["env"]["DASHBOARD_DATA_DIR"] == str(tmp_path / "a b")
    assert started["env"]["DASHBOARD_PORT"] == "18000"
    assert started["env"].get("DATABASE_URL", "YOUR_DATABASE_URL") == "YOUR_DATABASE_URL"
    assert "--transport http" not in html


def test_where_agents_have_a_port_its_address_is_told(db: None, client: Client, settings: Settings) -> None:
    settings.MCP_PORT, settings.DASHBOARD_TOKEN = 18001, "secret-token"
    html = page(Client(headers={"authorization": "Bearer secret-token"}))
    assert "--transport http agent-sandbox http://127.0.0.1:18001/mcp \\\n  --header" in html
    assert "secret-token" not in html


def test_behind_a_proxy_the_commands_name_its_host(db: None, client: Client, settings: Settings) -> None:
    settings.DASHBOARD_PUBLIC_URL = "https://lab.example/dashboard"
    settings.OTLP_HOST = "0.0.0.0"
    settings.ALLOWED_HOSTS = ["lab.example"]
    html = client.get("/setup/", headers={"Host": "lab.example"}).content.decode()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://lab.example:4318" in html


def test_a_key_is_asked_for_by_its_header_and_never_shown(db: None, client: Client, settings: Settings) -> None:
    assert "x-otlp-api-key" not in page(client)
    settings.OTLP_API_KEY = ["hush-hush"]
    html = page(client)
    assert "OTEL_EXPORTER_OTLP_HEADERS=x-otlp-api-key=YOUR_KEY" in html
    assert "hush-hush" not in html


def test_scripts_are_told_how_to_read_and_the_token_is_never_shown(
    db: None, client: Client, settings: Settings
) -> None:
    assert "curl 'http://127.0.0.1:8000/api/v1/spans?" in page(client)
    settings.DASHBOARD_TOKEN = "hush-hush"
    html = unescape(client.get("/setup/", headers={"Authorization": "Bearer hush-hush"}).content.decode())
    assert 'curl -H "Authorization: Bearer YOUR_TOKEN"' in html
    assert "hush-hush" not in html


def test_it_says_what_the_receivers_have_seen(db: None, client: Client, stats: Statistics) -> None:
    assert "nothing received yet" in page(client)
    received = batch(make_span(), make_span(), make_log(), make_point(1))
    received.reject("a span has a trace id of 3 bytes")
    stats.count(received)
    stats.turned_away = 2
    html = page(client)
    assert "2 spans, 1 log record, 1 metric point;" in html
    assert "1 item refused" in html
    assert "a span has a trace id of 3 bytes" in html
    assert "2 requests asked to come again" in html


def test_it_says_what_is_stored(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save_now(batch(make_span(), make_span(), make_log()))
    assert "<dt>spans</dt><dd>2</dd>" in page(client)
    monkeypatch.setattr(setup_view, "COUNTED", 1)
    assert "<dt>spans</dt><dd>about 2</dd>" in page(client)
    assert "<dt>log records</dt><dd>1</dd>" in page(client)


def test_what_changes_is_drawn_alone_when_asked(db: None, client: Client) -> None:
    html = client.get("/setup/", headers={"X-Partial": "1"}).content.decode()
    assert "<html" not in html
    assert 'id="state"' in html


def test_a_pasted_console_output_is_imported(db: None, client: Client) -> None:
    html = words(imported(client, text=CONSOLE.read_text()))
    assert Span.objects.count() == 1
    assert Log.objects.count() == 11
    assert MetricPoint.objects.count() == 6
    (span,) = Span.objects.all()
    assert f'href="/traces/{span.trace_id}/"' in html
    assert "program output: stdout='Hello World" in html, "what was left out is named"
    assert "zone assumed (UTC" in html


@pytest.mark.parametrize("held_in_memory", [True, False])
def test_a_file_is_imported_whether_it_is_held_in_memory_or_on_disk(
    db: None, client: Client, settings: Settings, held_in_memory: bool
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000 if held_in_memory else 0
    imported(client, file=SimpleUploadedFile("run.txt", CONSOLE.read_bytes()))
    assert Span.objects.count() == 1


def test_importing_twice_changes_nothing_and_says_so(db: None, client: Client) -> None:
    imported(client, text=CONSOLE.read_text())
    assert "all of which were there already" in imported(client, text=CONSOLE.read_text())
    assert (Span.objects.count(), Log.objects.count()) == (1, 11)


def test_several_files_are_imported_each_with_its_own_account(db: None, client: Client) -> None:
    bodies = DATA / "gzip-and-json" / "otlp"
    packed = SimpleUploadedFile("0008-traces.json.gz", gzip.compress((bodies / "0008-traces.json").read_bytes()))
    protobuf = SimpleUploadedFile("0005-traces.pb", (bodies / "0005-traces.pb").read_bytes())
    html = imported(client, file=[packed, protobuf])
    assert "0008-traces.json.gz" in html
    assert "0005-traces.pb" in html
    assert Span.objects.count() > 6


def test_what_cannot_be_read_is_named_by_its_line(db: None, client: Client) -> None:
    html = words(imported(client, text='{"resourceSpans": [{"scopeSpans": 7}]}\n'))
    assert "1 unreadable" in html
    assert '<td class="number mono faint">1</td>' in html


def test_a_text_without_telemetry_says_how_to_print_some(db: None, client: Client) -> None:
    html = imported(client, text="hello\nworld\n")
    assert "no telemetry in it" in html
    assert "<h1>Nothing to import</h1>" in html
    assert "OTEL_TRACES_EXPORTER=console" in html


def test_nothing_of_an_import_is_markup(db: None, client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    answer = client.post("/setup/import/", {"text": hostile, "zone": hostile})
    assert b"<script>alert" not in answer.content
    answer = client.post("/setup/import/", {"file": SimpleUploadedFile("<b>.txt", hostile.encode())})
    assert b"<script>alert" not in answer.content


def test_a_zone_that_is_none_is_said_at_its_field_and_the_text_is_kept(db: None, client: Client) -> None:
    html = imported(client, 400, text="some text", zone="Mars/Base")
    assert "'Mars/Base' is no time zone" in html
    assert ">some text</textarea>" in html
    assert 'value="Mars/Base"' in html


def test_an_import_of_nothing_says_so(db: None, client: Client) -> None:
    assert "there is nothing to import yet" in imported(client, 400)


def test_a_database_that_cannot_be_written_is_said(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(batch: object) -> None:
        raise Unavailable("the database cannot be written: it is locked")

    monkeypatch.setattr(ingest, "save_from_thread", refuse)
    html = imported(client, 503, text=CONSOLE.read_text())
    assert "Not all of it was stored: the database cannot be written: it is locked" in html


@pytest.mark.parametrize("path", ["/setup/import/", "/setup/clear/"])
def test_no_other_page_can_send_these_forms(db: None, path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path, {"text": "x"}).status_code == 403


def test_looking_at_the_import_leads_to_its_form(db: None, client: Client) -> None:
    assert client.get("/setup/import/")["Location"] == "/setup/#import"


def test_clearing_asks_first(db: None, client: Client) -> None:
    save_now(batch(make_span()))
    html = unescape(client.get("/setup/clear/").content.decode())
    assert "Clear everything?" in html
    assert "<dt>spans</dt><dd>1</dd>" in html
    assert Span.objects.count() == 1


def test_clearing_deletes_everything(transactional_db: None, client: Client) -> None:
    save_now(batch(make_span(), make_log(), make_point(1)))
    assert client.post("/setup/clear/")["Location"] == "/setup/?cleared=1"
    assert not Span.objects.exists()
    assert not Log.objects.exists()
    assert not MetricPoint.objects.exists()
    assert "Everything was cleared" in unescape(client.get("/setup/?cleared=1").content.decode())


def test_clearing_that_fails_says_why(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Unavailable("the database cannot be cleared: it is locked")

    monkeypatch.setattr(setup_view, "clear", refuse)
    answer = client.post("/setup/clear/")
    assert answer.status_code == 503
    assert "Nothing was cleared: the database cannot be cleared: it is locked" in unescape(answer.content.decode())


CHECKS = (
    Check("router", "Router", "the Service", Status.WARNING, "<b>none</b>", "Install it.", ("kubectl apply -f x",)),
    Check("disk", "Disk", "free space", Status.OK, "5 GiB free"),
    Check("api", "API", "groups", Status.NOT_APPLICABLE, "there is no cluster"),
)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has looked a moment ago."""
    monkeypatch.setattr(looking, "_last", Examination(CHECKS, time.time_ns(), 1))


def test_the_page_does_not_wait_for_the_checks(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("somebody looks")

    monkeypatch.setattr(looking, "_last", None)
    monkeypatch.setattr(looking, "examine", refuse)
    assert "Looking at the cluster, this machine and the dashboard" in page(client)


def test_checks_are_drawn_alone_when_asked_with_their_fix_to_copy(db: None, client: Client, examined: None) -> None:
    html = client.get("/setup/", headers={"X-Partial": "checks"}).content.decode()
    assert "<html" not in html
    assert '<pre tabindex="0" id="fix-router-1">kubectl apply -f x</pre>' in html
    assert "1 ok, 1 warning, 1 not applicable" in html
    assert "1 does not apply here" in html
    assert Examination(CHECKS * 2, 1, 1).tally == [("ok", 2), ("warnings", 2), ("not applicable", 2)]
    assert "<b>none</b>" not in html, "what a cluster says is text"


def test_what_was_found_before_is_on_the_page_at_once(db: None, client: Client, examined: None) -> None:
    html = page(client)
    assert 'data-check="router" data-status="warning"' in html
    assert 'data-check="disk" data-status="ok"' in html


def test_it_says_how_the_watch_stands_and_what_it_may_not_see(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = {"pods in all namespaces": "pods is forbidden"}
    monkeypatch.setattr(watcher, "state", State("ok", "watches lab", gaps=gaps))
    html = page(client)
    assert "watches lab" in html
    assert "pods in all namespaces: pods is forbidden" in html
