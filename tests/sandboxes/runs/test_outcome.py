"""What a run came to, from both sides: the client's own times, and the claims as the cluster had them."""

from __future__ import annotations

import pytest

from sandboxes.models import Claim, Run, RunSandbox
from sandboxes.plans import Plan
from sandboxes.records import StartType
from sandboxes.runs import outcome, recording
from sandboxes.runs.outcome import COMMAND, TIME_TO_READY, Duration, spread
from sandboxes.runs.recording import SandboxState
from tests.sandboxes.loading import load

SECOND = 10**9


def run_over(claims: list[Claim], **members: object) -> str:
    """A run whose sandboxes were these recorded claims."""
    run_id = recording.ask(Plan("pool", count=len(claims)), "a test", queued=False)
    recording.begin(run_id)
    for number, claim in enumerate(claims, 1):
        step = {
            "what": "ls",
            "began_ns": 1,
            "duration_ns": 5,
            "exit_code": 0,
            "output": "",
            "errors": "",
            "timed_out": 0,
        }
        RunSandbox.objects.filter(run__uid=run_id, number=number).update(
            claim=claim.name,
            state=SandboxState.DELETED,
            requested_ns=claim.zero_ns,
            ready_ns=claim.zero_ns + number * SECOND,
            steps=[step],
        )
    RunSandbox.objects.filter(run__uid=run_id).update(**members)
    return run_id


def test_percentiles_are_values_that_were_measured() -> None:
    assert spread([]) is None
    one = spread([Duration(7)])
    assert one is not None
    assert (one.p50_ns, one.p99_ns, one.max_ns) == (7, 7, 7)
    many = spread(Duration(ns) for ns in range(1, 101))
    assert many is not None
    assert (many.p50_ns, many.p95_ns, many.p99_ns, many.max_ns) == (50, 95, 99, 100)


@pytest.mark.django_db
def test_stages_come_from_the_cluster_and_the_wait_from_the_client() -> None:
    claims = [claim for claim in load("burst-drained").values() if claim.time_to_ready_ns][:6]
    sandboxes = outcome.sandboxes_of(run_over(claims))
    measures = {measure.name: measure for measure in outcome.measures(outcome.samples(sandboxes))}
    assert measures[TIME_TO_READY].all.p50_ns == 3 * SECOND
    assert measures[TIME_TO_READY].all.count == len(claims)
    assert measures[COMMAND].all.max_ns == 5
    assert {"created", "bound", "claim ready"} <= measures.keys()
    totals = outcome.totals(sandboxes)
    starts = [claim.start_type for claim in claims]
    assert (totals.cold, totals.warm) == (starts.count(StartType.COLD), starts.count(StartType.WARM))
    assert totals.ready == len(claims)


@pytest.mark.django_db
def test_failures_are_grouped_by_the_exception_and_what_the_cluster_says() -> None:
    claims = load("failures")
    missing = claims["pool-missing"]
    run_id = run_over([missing], state=SandboxState.FAILED, ready_ns=None, error_type="SandboxWarmPoolNotFoundError")
    (failure,) = outcome.failures(outcome.sandboxes_of(run_id))
    assert (failure.error_type, failure.cause, failure.count) == ("SandboxWarmPoolNotFoundError", "pool missing", 1)
    assert failure.claims == ((missing.uid, missing.name),)
    assert failure.sentence
    assert failure.advice


@pytest.mark.django_db
def test_what_was_kept_at_the_end_reads_as_it_was_counted() -> None:
    run_id = run_over([claim for claim in load("traced-warm").values() if claim.time_to_ready_ns])
    before = outcome.totals_of(Run.objects.get(uid=run_id))
    recording.end(run_id, recording.RunState.FINISHED, outcome=outcome.final(run_id))
    assert outcome.totals_of(Run.objects.get(uid=run_id)) == before
