"""Bundles: what one dashboard has, another opens: nothing is lost on the way, and the claim's page looks the same."""

from __future__ import annotations

import gzip
import io
import re
from datetime import UTC
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.http import QueryDict
from django.test import Client

from collector.clearing import clear
from collector.importing import Account, import_stream
from collector.ingest import save_now
from collector.models import Exemplar, Log, MetricPoint, Span
from collector.records import Clock, MetricKind
from dashboard.bundle import choose, packed
from sandboxes.correlate import correlate
from sandboxes.models import Claim, Cluster, Link, Run, RunSandbox
from sandboxes.plans import Plan, to_json
from sandboxes.store import save_changes
from tests.dashboard.test_export import body_of
from tests.factories import T0_NS, batch, make_histogram, make_log, make_point, make_span, trace_id
from tests.sandboxes.loading import LAB, changes_of
from tests.sandboxes.recordings import DATA, SCENARIOS

pytestmark = pytest.mark.long

# What moves with the clock, or is the database's own number.
MOVING = re.compile(
    r'data-version="[^"]*"|data-open-ms="[^"]*"|(?<=<span data-counts>)[^<]*|open for [^·]*·|(?<=")log-[0-9]+'
)
# Spans that name no claim are joined by elimination among the claims of that moment: alone, one is told more surely.
ALONE = [scenario for scenario in SCENARIOS if scenario != "burst-drained"]


def taken_in(content: bytes, name: str = "bundle") -> Account:
    account = import_stream(io.BytesIO(content), name, save_now, zone=None, local_zone=UTC)
    correlate()
    return account


def load_all(scenario: str) -> None:
    """A scenario's cluster, under its name, and all that its programs sent or printed."""
    save_changes(LAB, changes_of(scenario))
    for path in sorted((DATA / scenario).glob("otlp/*.pb*")) + sorted((DATA / scenario).glob("stdout.txt")):
        taken_in(path.read_bytes(), str(path))
    correlate()


def written(kind: str, **parameters: str) -> bytes:
    query = QueryDict(mutable=True)
    query.update(parameters)
    return b"".join(packed(choose(kind, query)))


def lines_of(content: bytes) -> list[Any]:
    return [orjson.loads(line) for line in gzip.decompress(content).splitlines()]


def records_of(content: bytes, claim: str = "") -> list[str]:
    """What a bundle holds without its header, in an order of its own. `claim`: without the stories of its neighbours,
    whose own telemetry is no part of it."""
    found: set[str] = set()
    for line in lines_of(content):
        if line.get("type") == "BUNDLE" or (claim and line.get("type") == "CLAIM" and line["object"]["uid"] != claim):
            continue
        for signal in ("resourceSpans", "resourceLogs", "resourceMetrics"):
            if signal in line:
                found |= set(_records(line[signal], line.get("notInOtlp", {})))
                break
        else:
            found.add(_text(line))
    return sorted(found)


def _records(resources: list[Any], beside: dict[str, list[Any]]) -> list[str]:
    """Each span, log record and point with all that stands around it."""
    found: list[str] = []
    for resource in resources:
        shared = {name: value for name, value in resource.items() if not name.startswith("scope")}
        scopes = next(value for name, value in resource.items() if name.startswith("scope"))
        for scope in scopes:
            around = {name: value for name, value in scope.items() if name in ("scope", "schemaUrl")}
            items = next(value for name, value in scope.items() if name in ("spans", "logRecords", "metrics"))
            for item in items:
                number = len(found)
                own = {name: values[number] for name, values in beside.items()}
                found.append(_text([_in_order(shared), _in_order(around), _in_order(item), own]))
    return found


def _in_order(value: Any) -> Any:
    """Attributes by name: PostgreSQL keeps no order of them."""
    if isinstance(value, dict):
        return {name: _in_order(member) for name, member in value.items()}
    if isinstance(value, list):
        members = [_in_order(member) for member in value]
        return (
            sorted(members, key=_text) if members and isinstance(members[0], dict) and "key" in members[0] else members
        )
    return value


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def looks(client: Client) -> dict[str, str]:
    """Every claim's page, without what moves with the clock or the database's own numbers."""
    pages = {}
    for uid in Claim.objects.order_by("uid").values_list("uid", flat=True):
        # A claim that is open grows: both times it is as old.
        with patch("dashboard.views.claim.time", SimpleNamespace(time_ns=lambda: T0_NS + 10**15)):
            answer = client.get(f"/claims/{uid}/")
        assert answer.status_code == 200
        pages[uid] = MOVING.sub("", answer.content.decode())
    return pages


def links() -> set[tuple[Any, ...]]:
    return set(Link.objects.values_list("claim_uid", "trace_id", "span_id", "evidence", "certainty"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_range_comes_back_as_it_was(scenario: str, client: Client) -> None:
    load_all(scenario)
    first, pages, joined = written("range"), looks(client), links()
    assert Claim.objects.exists()
    clear()
    assert not Claim.objects.exists()
    account = taken_in(first)
    assert account.unreadable == account.skipped == 0, account.problems
    assert links() == joined
    assert looks(client) == pages
    assert records_of(written("range")) == records_of(first)
    assert set(Cluster.objects.values_list("uid", "name")) == {(LAB.uid, LAB.name)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scenario", ALONE)
def test_a_claim_comes_back_as_it_was(scenario: str, client: Client) -> None:
    load_all(scenario)
    claim = Claim.objects.order_by("zero_ns").first()
    assert claim is not None
    first, told = written("claim", claim=claim.uid), links()
    clear()
    assert taken_in(first).unreadable == 0
    assert records_of(written("claim", claim=claim.uid), claim.uid) == records_of(first, claim.uid)
    assert {each for each in links() if each[0] == claim.uid} == {each for each in told if each[0] == claim.uid}
    again = Claim.objects.get(uid=claim.uid)
    assert again.lifecycle == claim.lifecycle


@pytest.mark.django_db(transaction=True)
def test_what_no_recording_has_comes_back_as_well() -> None:
    events = [{"name": "retry", "time_ns": str(T0_NS), "attributes": {"n": 3}, "dropped_attributes_count": 2}]
    span = make_span("GET /", status="error", attributes={"whole": 2**60, "tiny": 1.0, "list": [1, {"a": None}]})
    span.record = span.record._replace(
        events=orjson.dumps(events).decode(),
        links=orjson.dumps([{"trace_id": trace_id(7), "span_id": "00" * 7 + "01", "flags": 257}]).decode(),
        flags=0x301,
        trace_state="a=b",
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
        precision_ns=1000,
    )
    log = make_log("said twice")
    late = make_log("no time at all")
    late.record = late.record._replace(clock=int(Clock.ZONE_ASSUMED), assumed_offset_minutes=-300, precision_ns=10**6)
    save_now(
        batch(
            span,
            log,
            late,
            make_point(float("inf")),
            make_point(3, kind=MetricKind.SUM),
            make_histogram([1.0, 5.0], [1, 2, 3]),
        )
    )
    before = _rows()
    first = written("range")
    clear()
    taken_in(first)
    assert _rows() == before
    assert records_of(written("range")) == records_of(first)


def _rows() -> list[Any]:
    left_out = {"id", "resource_id", "scope_id", "operation_id", "stream_id", "digest"}
    return [
        {name: value for name, value in row.items() if name not in left_out}
        for model in (Span, Log, MetricPoint, Exemplar)
        for row in model._default_manager.order_by("id").values()
    ]


@pytest.mark.django_db(transaction=True)
def test_a_run_comes_back_as_one_that_is_over() -> None:
    plan = Plan(pool="pool", commands=("true",))
    run = Run.objects.create(
        uid="abcdef123456", plan=to_json(plan), form=plan.form, state="running", asked_by="me", note="n",
        asked_ns=T0_NS, changed_ns=T0_NS, problem="",
    )  # fmt: skip
    RunSandbox.objects.create(run=run, number=1, claim="run-1", state="deleted", steps=[], trace_id=trace_id(9))
    run.refresh_from_db()
    content = written("run", run=run.uid)
    clear()
    Run.objects.all().delete()
    RunSandbox.objects.all().delete()
    assert taken_in(content).objects == 2
    again = Run.objects.get(uid=run.uid)
    assert (again.state, again.plan, again.note) == ("interrupted", run.plan, "n")
    assert RunSandbox.objects.get(run=again).trace_id == trace_id(9)
    assert taken_in(content).new == 0


def test_it_says_what_is_wrong(db: None, client: Client) -> None:
    assert client.get("/export/nothing.bundle").status_code == 404
    answer = client.get("/export/trace.bundle", {"trace_id": trace_id(1)})
    assert answer.status_code == 400
    assert b"Nothing of the trace" in answer.content
    assert client.get("/export/range.bundle", {"service": "x"}).status_code == 400


def test_a_trace_is_a_file_to_download(db: None, client: Client) -> None:
    save_now(batch(make_span("GET /", trace=trace_id(5)), make_span("other", trace=trace_id(6))))
    answer = client.get("/export/trace.bundle", {"trace_id": trace_id(5)})
    assert answer["Content-Disposition"] == f'attachment; filename="trace-{trace_id(5)}.bundle.jsonl.gz"'
    content = body_of(answer)
    assert b'"GET /"' in gzip.decompress(content)
    assert b'"other"' not in gzip.decompress(content)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "line",
    [
        {"bundle": 2, "type": "CLAIM", "object": {}},
        {"bundle": 1, "type": "CLAIM", "object": {"uid": 3}},
        {"bundle": 1, "type": "RUN", "object": {"uid": "abcdef", "plan": {"count": "many"}}},
        {"bundle": 1, "type": "ADDED", "cluster": "nowhere", "resource": "pods", "received_unix_nano": 1, "object": {}},
        {"bundle": 1, "type": "WHAT", "object": {}},
    ],
)
def test_it_refuses_a_line_of_another_shape_alone(line: dict[str, Any]) -> None:
    account = taken_in(orjson.dumps(line) + b"\n")
    assert account.unreadable == 1
    assert not Claim.objects.exists()
    assert not Run.objects.exists()
