"""Claims and links in the read API, and whose a span is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from collector.ingest import save_now
from sandboxes.lifecycle import from_json
from sandboxes.records import State
from tests.dashboard.test_claim import made
from tests.factories import batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link, load

pytestmark = pytest.mark.django_db


def get(client: Client, path: str, **parameters: str) -> Any:
    answer = client.get(f"/api/v1/{path}", parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_recorded_claim_comes_with_milestones_stages_and_links(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    link(claim, trace_id(1), span_id(1))
    whole = get(client, f"claims/{claim.uid}")
    lifecycle = from_json(claim.lifecycle)
    assert whole["claim"]["start_type"] == "cold"
    assert whole["claim"]["cluster"] == "lab-cluster"
    assert whole["claim"]["ready_ns"] == str(claim.ready_ns)
    assert [moment["milestone"] for moment in whole["moments"]] == [str(name) for name in lifecycle.moments]
    assert [stage["start_ns"] for stage in whole["stages"]] == [str(s.start.time_ns) for s in lifecycle.stages]
    assert [found["span_id"] for found in whole["links"]] == [span_id(1)]
    assert whole["complete"]


def test_why_a_claim_failed_comes_with_its_proof(client: Client) -> None:
    why = get(client, f"claims/{load('failures')['unschedulable'].uid}")["why"]
    assert "Insufficient cpu" in why["sentence"]
    assert why["proof"]["time_ns"].isdecimal()


def test_a_claim_that_is_not_here_is_a_404_with_a_sentence(client: Client) -> None:
    answer = client.get("/api/v1/claims/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["claims", "links"])
def test_lists_are_read_page_by_page(client: Client, name: str) -> None:
    for number in range(5):
        link(made(f"c{number}"), trace_id(1), span_id(number + 1))
    seen, page = [], get(client, name, limit="2")
    while True:
        seen += page["items"]
        if page["next"] is None:
            break
        page = get(client, name, limit="2", cursor=page["next"])
    uids = [item.get("uid") or item["claim_uid"] for item in seen]
    assert sorted(uids) == [f"uid-c{number}" for number in range(5)]


def test_they_are_filtered_as_the_page_is(client: Client) -> None:
    made("a", state=State.READY)
    link(made("b", state=State.FAILED), trace_id(1), span_id(1))
    assert [item["claim"] for item in get(client, "claims", state="failed")["items"]] == ["b"]
    assert [item["claim_uid"] for item in get(client, "links", state="failed")["items"]] == ["uid-b"]
    assert get(client, "links", state="ready")["items"] == []
    assert client.get("/api/v1/claims", {"state": "fine"}).status_code == 400


def test_spans_and_logs_name_their_claim_and_an_ambiguous_one_does_not(client: Client) -> None:
    claim = made("=mine")
    save_now(
        batch(
            *(make_span("x", trace=trace_id(1), span=span_id(n)) for n in (1, 2)),
            make_log("hi", trace=trace_id(1), span=span_id(1)),
            make_log("alone"),
        )
    )
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(1), span_id(2), "time", "ambiguous")
    spans = {item["span_id"]: item for item in get(client, "spans")["items"]}
    assert (spans[span_id(1)]["claim"], spans[span_id(1)]["certainty"]) == ("=mine", "exact")
    assert (spans[span_id(2)]["claim"], spans[span_id(2)]["certainty"]) == (None, None)
    logs = {item["body"]: item["claim_uid"] for item in get(client, "logs")["items"]}
    assert logs == {"hi": "uid-=mine", "alone": None}
    assert {item["claim"] for item in get(client, f"traces/{trace_id(1)}")["spans"]} == {"=mine", None}
