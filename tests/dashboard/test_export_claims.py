"""Claims, stages and links as CSV, and whose a span is in the exports of telemetry."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from collector.ingest import save_now
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim
from sandboxes.records import Milestone, State
from tests.dashboard.test_claim import made, moment
from tests.dashboard.test_export import Row, body_of, rows_of
from tests.factories import T0_NS, batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link, load

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "claims",
            "uid,cluster,namespace,claim,pool,template,start_type,state,reason,sandbox,pod,node,created_ns,ready_ns,"
            "deleted_ns,time_to_ready_ms,time_to_ready_precision_ms,clock",
        ),
        (
            "stages",
            "claim_uid,namespace,claim,pool,template,start_type,stage,start_ns,end_ns,duration_ms,lower_ms,upper_ms,"
            "clock,precision_ns,source",
        ),
        ("links", "claim_uid,trace_id,span_id,evidence,certainty"),
    ],
)
def test_the_promised_columns_come_first_and_in_order(client: Client, name: str, columns: str) -> None:
    header = body_of(client.get(f"/export/{name}.csv")).decode().splitlines()[0]
    assert (header + ",").startswith(columns + ",")


def test_a_recorded_claim_is_written_whole(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    (row,) = rows_of(client, "claims")
    assert (row["uid"], row["cluster"], row["claim"]) == (claim.uid, "lab-cluster", "sandbox-claim-16bf9384")
    assert (row["pool"], row["template"]) == ("simple-sandbox-pool", "simple-sandbox-template")
    assert (row["start_type"], row["state"]) == ("cold", "deleted")
    assert int(row["ready_ns"]) == claim.ready_ns
    assert row["time_to_ready_ms"] == f"{(claim.time_to_ready_ns or 0) / 10**6:.6f}"
    assert row["ready"].startswith("2026-11-23T22:29:30")


def test_what_is_not_known_of_a_claim_is_empty(client: Client) -> None:
    made(moments={Milestone.CREATED: moment(Milestone.CREATED, T0_NS)})
    (row,) = rows_of(client, "claims")
    names = ("cluster", "created_ns", "ready_ns", "deleted_ns", "time_to_ready_ms", "time_to_ready_precision_ms")
    assert {row[name] for name in names} == {""}


def test_each_stage_of_each_claim_is_a_row_with_its_bounds(client: Client) -> None:
    claims = load("traced-warm")
    rows = rows_of(client, "stages")
    assert len(rows) == sum(len(from_json(claim.lifecycle).stages) for claim in claims.values())
    for row in rows:
        assert float(row["lower_ms"]) <= float(row["duration_ms"]) <= float(row["upper_ms"])
        assert row["source"]
    assert {row["stage"] for row in rows if row["pre_warmed"] == "true"} >= {"scheduled", "started"}


def test_stages_of_one_claim(client: Client) -> None:
    claims = load("traced-warm")
    rows = rows_of(client, "stages", claim=claims["c2"].uid)
    assert {row["claim"] for row in rows} == {claims["c2"].name}


def test_a_limit_counts_rows(client: Client) -> None:
    load("traced-warm")
    assert len(rows_of(client, "stages", limit="3")) == 3
    assert len(rows_of(client, "claims", limit="3")) == 3


def test_ambiguous_links_are_listed_as_such(client: Client) -> None:
    claim = made("a")
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(1), span_id(2), "time", "ambiguous")
    assert [(row["span_id"], row["evidence"], row["certainty"]) for row in rows_of(client, "links")] == [
        (span_id(1), "annotation", "exact"),
        (span_id(2), "time", "ambiguous"),
    ]


def test_links_are_filtered_by_their_claims(client: Client) -> None:
    for name, pool in (("a", "p"), ("b", "q")):
        link(made(name, pool=pool), trace_id(1), span_id(ord(name)))
    assert [row["claim_uid"] for row in rows_of(client, "links", pool="q")] == ["uid-b"]


def test_links_beyond_one_query_are_all_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.export.ROWS_A_QUERY", 2)
    claim = made("a")
    for number in range(1, 8):
        link(claim, trace_id(1), span_id(number))
    assert [row["span_id"] for row in rows_of(client, "links")] == [span_id(number) for number in range(1, 8)]


def owned(row: Row) -> tuple[str, ...]:
    return row["claim_uid"], row["claim"], row["evidence"]


def test_spans_and_logs_name_their_claim_and_an_ambiguous_one_does_not(client: Client) -> None:
    claim = made("mine")
    spans = [make_span("x", trace=trace_id(1), span=span_id(n), start_ns=T0_NS + n) for n in (1, 2, 3)]
    logs = [make_log("hi", trace=trace_id(1), span=span_id(n), time_ns=T0_NS + n) for n in (1, 2)]
    save_now(batch(*spans, *logs, make_log("alone", time_ns=T0_NS)))
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(1), span_id(2), "time", "ambiguous")
    mine, nobodys = ("uid-mine", "mine", "annotation"), ("", "", "")
    assert [owned(row) for row in rows_of(client, "spans")] == [mine, nobodys, nobodys]
    assert [row["certainty"] for row in rows_of(client, "spans")] == ["exact", "", ""]
    assert [owned(row) for row in rows_of(client, "logs")] == [nobodys, mine, nobodys]


def test_filters_are_those_of_the_page_and_what_is_wrong_is_said(client: Client) -> None:
    made("a", state=State.READY)
    made("b", state=State.FAILED)
    assert [row["claim"] for row in rows_of(client, "claims", state="failed")] == ["b"]
    answer = client.get("/export/claims.csv", {"state": "fine"})
    assert answer.status_code == 400
    assert "state=fine" in answer.content.decode()


def test_a_name_that_a_spreadsheet_would_run_is_a_text(client: Client) -> None:
    claim = made("a")
    Claim.objects.filter(pk=claim.pk).update(name="=HYPERLINK()", pool="@x", reason="-1")
    text = body_of(client.get("/export/claims.csv")).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["claim"], row["pool"], row["reason"]) == ("'=HYPERLINK()", "'@x", "'-1")
