"""Every claim of every recording, against what its program measured while it ran."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sandboxes.lifecycle import time_to_ready
from sandboxes.records import MS, Clock, Milestone, StartType, State
from tests.sandboxes.lifecycle.told import CLAIMS, changes_of, lifecycle_of, true_claims

CALLED = [(scenario, key) for scenario, key in CLAIMS if scenario != "kubectl-made"]
# What the recorder saw last of each; a claim not named was deleted after it had served.
STATES = {
    ("api-outage", "waits-through-outage"): State.READY,
    ("failures", "expires"): State.EXPIRED,
    ("failures", "pool-missing"): State.FAILED,
    ("failures", "template-missing"): State.FAILED,
    ("failures", "unschedulable"): State.FAILED,
    ("failures", "slow-pull"): State.FAILED,
    ("failures", "pod-fails-before-ready"): State.FAILED,
    ("failures", "pod-fails-after-ready"): State.FAILED,
    ("kubectl-made", "left-running"): State.READY,
    ("kubectl-made", "warm"): State.READY,
}


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_it_knows_where_the_claim_ran_and_whether_it_started_warm(scenario: str, key: str) -> None:
    found, true = lifecycle_of(scenario, key), true_claims(scenario)[key]
    assert (found.uid, found.namespace) == (true["uid"], true["namespace"])
    assert found.start_type == StartType(true.get("start_type") or "unknown")
    assert found.sandbox == (true.get("sandbox") or "")
    assert not true.get("pod_uid") or found.pod_uid == true["pod_uid"]
    assert not true.get("node") or found.node == true["node"]
    assert found.pool


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_it_knows_how_the_claim_ended(scenario: str, key: str) -> None:
    assert lifecycle_of(scenario, key).state == STATES.get((scenario, key), State.DELETED)


@pytest.mark.parametrize(("scenario", "key"), CALLED)
def test_a_claim_is_ready_just_before_its_client_goes_on(scenario: str, key: str) -> None:
    found, true = lifecycle_of(scenario, key), true_claims(scenario)[key]
    create = next(each for each in true["operations"] if each["op"] == "create_sandbox")
    ready = found.moments.get(Milestone.CLAIM_READY)
    if not create["ok"]:
        assert ready is None or ready.time_ns > create["end_unix_nano"]  # it became ready with nobody waiting
        return
    assert ready is not None
    assert ready.lower_ns <= create["end_unix_nano"]
    assert -5 * MS < create["end_unix_nano"] - ready.time_ns < 25 * MS


@pytest.mark.parametrize(("scenario", "key"), CALLED)
def test_the_request_is_the_clients_to_the_microsecond(scenario: str, key: str) -> None:
    requested = lifecycle_of(scenario, key).moments[Milestone.REQUESTED]
    create = next(each for each in true_claims(scenario)[key]["operations"] if each["op"] == "create_sandbox")
    assert create["start_unix_nano"] <= requested.upper_ns
    assert requested.time_ns - create["start_unix_nano"] < 200 * MS  # 20 threads at once
    assert requested.clock is Clock.CLIENT


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_its_own_stages_meet_and_add_up_to_the_time_to_ready(scenario: str, key: str) -> None:
    found = lifecycle_of(scenario, key)
    own = [stage for stage in found.stages if not stage.pre_warmed]
    assert all(one.end == next_one.start for one, next_one in pairwise(own))
    assert all(stage.lower_ns <= stage.duration_ns <= stage.upper_ns for stage in found.stages)
    whole = time_to_ready(found)
    if whole is not None:
        assert sum(stage.duration_ns for stage in own) == whole.duration_ns


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_every_moment_lies_within_its_bounds(scenario: str, key: str) -> None:
    moments = lifecycle_of(scenario, key).moments
    assert Milestone.CREATED in moments
    for milestone, moment in moments.items():
        assert moment.milestone is milestone
        assert moment.lower_ns <= moment.time_ns <= moment.upper_ns
        assert moment.source


def test_the_recordings_hold_both_kinds_of_start() -> None:
    starts = [lifecycle_of(*claim).start_type for claim in CLAIMS]
    assert starts.count(StartType.WARM) >= 20
    assert starts.count(StartType.COLD) >= 20
    assert changes_of("burst-drained")
