"""The doctor's checks of the dashboard, of telemetry and of clocks, from what is stored and served."""

from __future__ import annotations

import shutil
import socket
import time
from collections import namedtuple
from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from collector.ingest import ingest, save_now
from collector.redaction import read_rules
from collector.rewriting.noted import note_masked
from dashboard.doctor import clocks, own
from dashboard.doctor.serving import Serving, serving
from dashboard.doctor.shapes import Status
from dashboard.doctor.stored import Stored, read_stored
from dashboard.instructions import MANAGE
from sandboxes.records import Clock, Milestone, Moment, State
from sandboxes.watch.state import State as Watching
from tests.dashboard.test_claim import made, moment
from tests.factories import MS, SECOND, T0_NS, batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link, load
from tests.server import Server

RUNNING = Serving(running=True, grpc=True)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def usual_ports(settings: Settings) -> None:
    settings.DASHBOARD_PORT, settings.OTLP_HTTP_PORT, settings.OTLP_GRPC_PORT = 8000, 4318, 4317


def test_redaction_says_how_much_is_masked(settings: Settings) -> None:
    settings.REDACTION = None
    assert own.redaction(Stored()).status is Status.NOT_APPLICABLE
    settings.REDACTION = read_rules(["aws", "jwt"], "", ["password"])
    assert own.redaction(Stored()).found == "on: 2 patterns and 1 key"


@pytest.mark.django_db
def test_redaction_says_whether_anything_was_stored_before_it(settings: Settings) -> None:
    settings.REDACTION = None
    save_now(batch(make_span()))
    assert not read_stored().before_redaction
    settings.REDACTION = read_rules(["aws"], "", [])
    found = own.redaction(read_stored())
    assert (found.status, found.commands) == (Status.WARNING, (f"{MANAGE} redact",))
    assert "not in the database" in found.found
    ingest.run_from_thread(note_masked)
    assert own.redaction(read_stored()).status is Status.OK


def test_addresses_are_named_while_a_dashboard_runs() -> None:
    found = own.addresses(RUNNING)
    assert found.status is Status.OK
    assert "http://127.0.0.1:4318" in found.found
    assert "Pods cannot send here" in found.found
    assert own.addresses(replace(RUNNING, grpc=False)).status is Status.FAILED


def test_a_port_that_something_else_holds_is_named_with_its_variable(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings.OTLP_HTTP_PORT = port = other.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as free:
            settings.DASHBOARD_PORT = free.getsockname()[1]
        settings.OTLP_GRPC_PORT = 0
        found = own.addresses(serving(Watching()))
    assert found.status is Status.FAILED
    assert f"port {port} (OTLP_HTTP_PORT)" in found.found
    assert str(port) in found.commands[0]


def test_nobody_serving_is_no_failure() -> None:
    found = own.addresses(Serving(running=False))
    assert found.status is Status.NOT_APPLICABLE
    assert found.commands == (f"{MANAGE} up",)


def test_a_running_dashboard_is_asked_by_its_ports(server: Server, settings: Settings) -> None:
    settings.DASHBOARD_PORT = server.pages_port
    found = serving(Watching())
    assert found.running
    assert found.grpc


@pytest.mark.parametrize(
    ("free", "status"), [(5 << 30, Status.OK), (500 << 20, Status.WARNING), (50 << 20, Status.FAILED)]
)
def test_little_space_is_a_warning_and_none_a_failure(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, free: int, status: Status
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10 << 30, 0, free))
    assert own.disk().status is status


def test_data_in_postgresql_has_no_disk_here(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert own.disk().status is Status.NOT_APPLICABLE


def test_a_database_that_is_away_or_old_says_what_to_do() -> None:
    away = own.database(Stored(problem="could not connect", vendor="postgresql"))
    assert away.status is Status.FAILED
    assert "DATABASE_URL" in away.fix
    old = own.database(Stored(pending_migrations=2, vendor="sqlite"))
    assert old.status is Status.WARNING
    assert old.commands == (f"{MANAGE} migrate",)


@pytest.mark.parametrize(
    ("serves", "status"),
    [
        (replace(RUNNING, watch_status="ok", watch_sentence="watches lab"), Status.OK),
        (replace(RUNNING, watch_status="ok", watch_sentence="watches lab; pods: forbidden"), Status.WARNING),
        (replace(RUNNING, watch_status="waiting", watch_sentence="lab does not answer"), Status.WARNING),
        (replace(RUNNING, watch_status="waiting", watch_sentence="no cluster: none"), Status.NOT_APPLICABLE),
        (Serving(running=False), Status.NOT_APPLICABLE),
    ],
)
def test_the_watch_is_told_as_it_stands(settings: Settings, serves: Serving, status: Status) -> None:
    settings.DASHBOARD_CLUSTER = "auto"
    assert own.watch(serves).status is status


def test_telemetry_that_never_came_says_where_to_send_it() -> None:
    found = own.arriving(RUNNING, Stored())
    assert found.status is Status.WARNING
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in found.commands[0]


def test_telemetry_that_came_is_counted_and_dated() -> None:
    now = replace(RUNNING, received=1, last_receipt_ns=time.time_ns())
    assert "1 item since the start" in own.arriving(now, Stored()).found
    before = own.arriving(RUNNING, Stored(newest_log_ns=time.time_ns() - 5 * SECOND))
    assert before.status is Status.OK
    assert "5 s ago" in before.found or "6 s ago" in before.found
    refused = own.arriving(replace(now, rejected=2, last_rejection="a short id"), Stored())
    assert refused.status is Status.WARNING
    assert "a short id" in refused.found


def test_claims_without_any_span_say_what_is_missing() -> None:
    found = own.joined(Stored(claims=3, newest_span_ns=T0_NS))
    assert found.status is Status.WARNING
    assert "opentelemetry-bootstrap -a install" in found.commands
    assert own.joined(Stored(claims=3, joined=1, newest_span_ns=T0_NS)).status is Status.OK
    assert own.joined(Stored(claims=3)).status is Status.NOT_APPLICABLE
    assert own.joined(Stored()).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("ahead_ns", "status"),
    [
        ((-900 * MS, 100 * MS), Status.OK),
        ((200 * MS, SECOND), Status.OK),
        ((3 * SECOND, 4 * SECOND), Status.WARNING),
        ((-9 * SECOND, -3 * SECOND), Status.WARNING),
    ],
)
def test_only_what_is_certain_of_a_clock_is_told(ahead_ns: tuple[int, int], status: Status) -> None:
    assert clocks.of_clients(Stored(client_ahead_ns=ahead_ns)).status is status


def test_a_clock_nobody_told_of_does_not_apply() -> None:
    assert clocks.of_clients(Stored()).status is Status.NOT_APPLICABLE
    assert clocks.of_cluster(None).status is Status.NOT_APPLICABLE


@pytest.mark.django_db
def test_an_empty_database_says_so() -> None:
    found = read_stored()
    assert (found.problem, found.pending_migrations, found.claims, found.newest_span_ns) == ("", 0, 0, None)


@pytest.mark.django_db
def test_what_is_stored_is_read_at_once() -> None:
    claims = load("bootstrapped-cold")
    save_now(batch(make_span(), make_log()))
    link(next(iter(claims.values())), trace_id(1), span_id(1))
    found = read_stored()
    assert None not in (found.newest_span_ns, found.newest_log_ns)
    assert (found.claims, found.joined) == (len(claims), 1)
    assert found.observed in {claim.name for claim in claims.values()}
    assert found.client_ahead_ns is not None
    assert found.client_ahead_ns[0] < 0 < found.client_ahead_ns[1]  # one machine, one clock


@pytest.mark.django_db
def test_a_client_that_asked_after_its_claim_was_made_has_a_clock_ahead() -> None:
    requested = Moment(Milestone.REQUESTED, T0_NS + 5 * SECOND, 0, 0, Clock.CLIENT, 1, "annotation")
    claim = made(moments={Milestone.REQUESTED: requested, Milestone.CREATED: moment(Milestone.CREATED, T0_NS)})
    claim.cluster_id = 1
    claim.save()
    ahead_ns = read_stored().client_ahead_ns
    assert ahead_ns is not None
    assert ahead_ns[0] == 5 * SECOND


@pytest.mark.django_db
def test_claims_that_wait_for_a_controller_are_named_until_they_are_gone() -> None:
    waiting, gone = made("waiting", state=State.STUCK), made("gone", state=State.DELETED)
    for claim in (waiting, gone):
        claim.cause = "controller silent"
        claim.deleted_ns = None if claim is waiting else T0_NS
        claim.save()
    assert read_stored().silent == ("waiting",)
