"""Claims known from telemetry alone: made for what the SDK names, and gone when a cluster tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from collector.ingest import save_now
from sandboxes.correlate import Correlator
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Link
from sandboxes.records import Milestone, State
from sandboxes.story import tell, wait
from tests.collector.reading import read
from tests.collector.test_console_recorded import recorded
from tests.sandboxes.recordings import truth
from tests.sandboxes.test_correlate_recordings import cluster_of, join, telemetry_of

NOW_NS = 2**62

pytestmark = pytest.mark.django_db


def receive_telemetry(scenario: str) -> None:
    for _, store in telemetry_of(scenario):
        store()
    join(Correlator())


def told(scenario: str) -> dict[str, dict[str, Any]]:
    return {claim["name"]: claim for claim in truth(scenario)["claims"]}


@pytest.mark.parametrize("scenario", ["bootstrapped-cold", "traced-warm", "full-path", "parent-span", "burst-drained"])
def test_each_claim_a_program_names_has_a_row_without_a_cluster(scenario: str) -> None:
    receive_telemetry(scenario)
    claims = Claim.objects.all()
    assert {(claim.name, claim.namespace) for claim in claims} == {
        (name, claim["namespace"]) for name, claim in told(scenario).items()
    }
    assert {claim.cluster_id for claim in claims} == {None}
    assert all(claim.state == State.DELETED for claim in claims)


@pytest.mark.parametrize("scenario", ["traced-warm", "full-path", "parent-span"])
def test_their_spans_are_theirs_as_if_a_cluster_had_told(scenario: str) -> None:
    receive_telemetry(scenario)
    for name, claim in told(scenario).items():
        row = Claim.objects.get(name=name)
        assert row.sandbox == claim["sandbox"]
        links = Link.objects.filter(claim_uid=row.uid).exclude(certainty="ambiguous")
        joined = {(link.trace_id, link.span_id) for link in links}
        assert {(span["trace_id"], span["span_id"]) for span in claim["spans"]} <= joined


def test_names_in_other_programs_attributes_make_no_claims() -> None:
    receive_telemetry("gzip-and-json")
    assert [claim.name for claim in Claim.objects.all()] == list(told("gzip-and-json"))


def test_a_claim_that_could_not_be_made_has_failed() -> None:
    receive_telemetry("api-outage")
    name = next(claim["name"] for claim in told("api-outage").values() if claim["key"] == "create-during-outage")
    claim = Claim.objects.get(name=name)
    lifecycle = from_json(claim.lifecycle)
    assert (claim.state, claim.cause) == (State.FAILED, "creation failed")
    told_by, waited = tell(lifecycle, [], NOW_NS, lambda length_ns, _: f"{length_ns} ns"), wait(lifecycle, NOW_NS)
    assert told_by.text.startswith("It was never made: MaxRetryError: ")
    assert told_by.proofs[0].text == "span sandbox-client.create_claim"
    assert waited is not None
    assert waited.end_ns == told_by.proofs[0].time_ns  # and does not grow for ever
    assert waited.end_ns < NOW_NS


@pytest.mark.parametrize("scenario", ["bootstrapped-cold", "failures"])
def test_the_clusters_record_takes_the_place_of_what_was_reported(scenario: str) -> None:
    receive_telemetry(scenario)
    for _, store in cluster_of(scenario):
        store()
    join(Correlator())
    assert not Claim.objects.filter(cluster__isnull=True).exists()
    known = set(Claim.objects.values_list("uid", flat=True))
    assert set(Link.objects.values_list("claim_uid", flat=True)) <= known


def test_a_claim_whose_command_ran_was_ready_though_nothing_said_when() -> None:
    """The documentation's sample: one call of /execute, and a log line that names the claim."""
    for batch in read(recorded("documented-console")).batches:
        save_now(batch)
    join(Correlator())
    claim = Claim.objects.get()
    assert claim.state == State.READY
    assert Milestone.FIRST_COMMAND in from_json(claim.lifecycle).moments
