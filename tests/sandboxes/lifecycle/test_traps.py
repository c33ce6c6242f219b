"""The traps: what the cluster says and does not mean. Each on the recording that shows it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from sandboxes.lifecycle import time_to_ready
from sandboxes.records import MS, SECOND, Change, ChangeType, Clock, Kind, Milestone, Owner, StartType, State
from tests.sandboxes.lifecycle.told import (
    CLAIMS,
    altered,
    around,
    lifecycle_of,
    one_look,
    read,
    true_claims,
    until,
    without,
)

M = Milestone
READY_AT = "agents.x-k8s.io/claim-first-ready-at"
OBSERVABILITY = ("client-first-requested-at", "controller-first-observed-at", "claim-first-ready-at")


def _last_seen_ns(scenario: str, key: str) -> int:
    """Just before the claim was deleted."""
    uid = true_claims(scenario)[key]["uid"]
    return max(each.received_ns for each in around(scenario, key) if each.uid == uid and each.type != "DELETED")


def _annotated(scenario: str, key: str) -> list[str]:
    claims = [each.object for each in around(scenario, key) if each.kind is Kind.CLAIM]
    return [claim["metadata"].get("annotations", {}).get(READY_AT, "") for claim in claims]


def test_a_warm_claims_copied_transition_time_is_not_its_readiness() -> None:
    scenario, key = "traced-warm", "c1"
    claims = [each.object for each in around(scenario, key) if each.kind is Kind.CLAIM and each.object.get("status")]
    copied = claims[-1]["status"]["conditions"][0]["lastTransitionTime"]
    assert copied < claims[-1]["metadata"]["creationTimestamp"]  # the trap
    found = lifecycle_of(scenario, key)
    assert found.moments[M.CLAIM_READY].time_ns > found.moments[M.CREATED].time_ns


def test_a_warm_claim_met_only_once_has_no_readiness_rather_than_a_copied_one() -> None:
    changes = one_look(around("traced-warm", "c1"), _last_seen_ns("traced-warm", "c1"))
    bare = altered(changes, Kind.CLAIM, _drop_annotations)
    found = read(bare)
    assert (found.start_type, found.state) == (StartType.WARM, State.READY)
    assert M.CLAIM_READY not in found.moments
    assert time_to_ready(found) is None


def _drop_annotations(value: dict[str, Any]) -> None:
    value["metadata"].pop("annotations", None)


def test_a_cold_claims_copied_transition_time_gives_way_to_the_watch() -> None:
    """In the outage the Sandbox was ready seven seconds before the claim said so."""
    found = lifecycle_of("api-outage", "waits-through-outage")
    sandbox, claim = found.moments[M.SANDBOX_READY], found.moments[M.CLAIM_READY]
    assert claim.time_ns - sandbox.time_ns > 6 * SECOND
    assert claim.source == "watch of the claim"


UNKNOWN = [claim for claim in CLAIMS if _annotated(*claim)[-1] == "unknown"]


def test_many_recorded_claims_end_with_an_unknown_readiness() -> None:
    assert len(UNKNOWN) > 20


@pytest.mark.parametrize(("scenario", "key"), UNKNOWN)
def test_the_word_unknown_is_no_time(scenario: str, key: str) -> None:
    """It overwrites a time that was right a few milliseconds before: whoever looks later has only the word."""
    whole = lifecycle_of(scenario, key)
    looked = read(one_look(around(scenario, key), _last_seen_ns(scenario, key)))
    assert M.CLAIM_READY in whole.moments
    assert looked.reason == whole.reason
    if looked.start_type is StartType.COLD and looked.state is State.READY:
        second = looked.moments[M.CLAIM_READY]
        assert second.source == "condition Ready of the claim"
        assert second.lower_ns <= whole.moments[M.CLAIM_READY].time_ns < second.upper_ns
    else:
        assert M.CLAIM_READY not in looked.moments


def test_work_done_before_the_claim_is_the_pools() -> None:
    found = lifecycle_of("traced-warm", "c1")
    pool = [stage for stage in found.stages if stage.pre_warmed]
    assert [stage.name for stage in pool] == ["scheduled", "started", "pod ready", "sandbox ready"]
    assert all(stage.end.time_ns < found.zero_ns for stage in pool)
    own = [stage.name for stage in found.stages if not stage.pre_warmed]
    assert own == ["created", "observed", "bound", "claim ready"]


def test_a_sandbox_taken_while_still_starting_finishes_as_the_claims_own() -> None:
    found = lifecycle_of("failures", "named-again")
    own = {stage.name: stage for stage in found.stages if not stage.pre_warmed}
    assert found.start_type is StartType.WARM
    assert own["pod ready"].owner is Owner.READINESS
    assert own["pod ready"].duration_ns > 300 * MS


def test_a_cold_start_has_nothing_pre_warmed() -> None:
    found = lifecycle_of("quickstart-cold", "c1")
    assert not any(stage.pre_warmed for stage in found.stages)
    assert len(found.stages) == 9


def test_a_time_cut_to_a_second_keeps_the_width_of_its_second() -> None:
    """What was there before the recorder came has only conditions."""
    pool = [stage for stage in lifecycle_of("burst-drained", "c4").stages if stage.pre_warmed]
    ready = next(stage for stage in pool if stage.name == "pod ready")
    assert ready.duration_ns == 0
    assert ready.upper_ns == SECOND
    assert ready.precision_ns == SECOND


def test_a_creation_cut_to_its_second_does_not_lie_before_the_request() -> None:
    found = lifecycle_of("api-outage", "created-right-after")  # first met in a list after the outage
    created = found.moments[M.CREATED]
    assert created.source == "creationTimestamp"
    assert created.time_ns == found.moments[M.REQUESTED].time_ns
    assert created.precision_ns == SECOND


def test_a_receipt_long_after_what_the_object_says_is_not_taken() -> None:
    """The Pod started while the watch was away: the watch brought it ten seconds late."""
    started = lifecycle_of("api-outage", "waits-through-outage").moments[M.STARTED]
    assert started.clock is Clock.KUBELET
    assert started.precision_ns == SECOND


def test_two_claims_of_one_name_are_two_stories() -> None:
    first, again = lifecycle_of("kubectl-made", "same-name-1"), lifecycle_of("kubectl-made", "same-name-2")
    assert first.name == again.name
    assert {first.sandbox_uid, first.pod_uid}.isdisjoint({again.sandbox_uid, again.pod_uid})
    assert first.moments[M.DELETED].time_ns < again.moments[M.CREATED].time_ns


def test_a_claim_gone_while_the_watch_was_away_is_closed_with_an_interval() -> None:
    found = lifecycle_of("api-outage", "deleted-right-after")
    gone = found.moments[M.DELETED]
    true = true_claims("api-outage")["deleted-right-after"]["times_unix_nano"]
    assert found.state is State.DELETED
    assert gone.lower_ns < true["delete_api_start"] < gone.upper_ns
    assert gone.precision_ns == gone.upper_ns - gone.lower_ns > SECOND
    assert gone.source == "gone while disconnected"


def test_a_deletion_needs_no_deletion_timestamp() -> None:
    claims = [each for each in around("quickstart-cold", "c1") if each.kind is Kind.CLAIM]
    assert "deletionTimestamp" not in claims[-1].object["metadata"]  # no finalizers: gone at once
    assert lifecycle_of("quickstart-cold", "c1").moments[M.DELETED].clock is Clock.RECEIPT


def test_a_replaced_pod_does_not_move_the_start() -> None:
    found, true = lifecycle_of("kubectl-made", "left-running"), true_claims("kubectl-made")["left-running"]
    assert len(true["pod_uids"]) == 2
    assert found.pod_uid == true["pod_uids"][-1]
    assert all(moment.time_ns - found.zero_ns < 2 * SECOND for moment in found.moments.values())


def test_one_look_at_a_claim_whose_pod_was_replaced_claims_no_stages_of_the_later_pod() -> None:
    changes = one_look(around("kubectl-made", "left-running"), _last_seen_ns("kubectl-made", "left-running"))
    found = read(changes)
    assert found.state is State.READY
    assert found.moments[M.CLAIM_READY].source == "annotation claim-first-ready-at"
    ready_ns = found.moments[M.CLAIM_READY].upper_ns
    assert all(moment.time_ns <= ready_ns for moment in found.moments.values())


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_without_any_annotation_the_start_is_still_dated(scenario: str, key: str) -> None:
    """The controller can be told to write none, and kubectl writes none."""
    whole = lifecycle_of(scenario, key)
    found = read(altered(around(scenario, key), Kind.CLAIM, _drop_annotations))
    assert M.REQUESTED not in found.moments
    assert M.OBSERVED not in found.moments
    assert found.start_type == whole.start_type
    assert (M.CLAIM_READY in found.moments) == (M.CLAIM_READY in whole.moments)
    assert found.zero_ns == found.moments[M.CREATED].time_ns


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_without_any_event_the_start_is_still_dated(scenario: str, key: str) -> None:
    whole, found = lifecycle_of(scenario, key), read(without(around(scenario, key), Kind.EVENT))
    assert found.moments.keys() == whole.moments.keys()
    assert found.start_type == whole.start_type
    for milestone in (M.BOUND, M.SCHEDULED):
        if milestone in whole.moments:
            assert abs(found.moments[milestone].time_ns - whole.moments[milestone].time_ns) < SECOND


def test_without_rights_on_pods_the_sandbox_tells_their_steps() -> None:
    whole = lifecycle_of("quickstart-cold", "c1")
    found = read(without(around("quickstart-cold", "c1"), Kind.POD, Kind.EVENT))
    assert found.moments.keys() == whole.moments.keys()
    assert found.moments[M.SCHEDULED].source == "watch of the Sandbox"
    for milestone, moment in found.moments.items():
        assert abs(moment.time_ns - whole.moments[milestone].time_ns) < 100 * MS


def test_with_the_claim_alone_its_own_milestones_remain() -> None:
    changes = without(around("quickstart-cold", "c1"), Kind.POD, Kind.EVENT, Kind.SANDBOX, Kind.POOL, Kind.TEMPLATE)
    found = read(changes)
    assert list(found.moments) == [M.REQUESTED, M.CREATED, M.OBSERVED, M.BOUND, M.CLAIM_READY, M.DELETED]
    assert found.state is State.DELETED


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_order_and_repetition_make_no_difference(scenario: str, key: str) -> None:
    changes = around(scenario, key) * 2
    random.Random(scenario + key).shuffle(changes)
    # The claim is the first met of its kind; everything else follows from the changes alone.
    assert read(changes) == lifecycle_of(scenario, key)


def test_a_start_is_told_as_far_as_it_has_come() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    at_ns = whole.moments[M.SCHEDULED].time_ns + 100 * MS
    found = read(until(changes, at_ns))
    assert found.state is State.STARTING
    assert list(found.moments)[-1] is M.SCHEDULED
    assert found.reason == "DependenciesNotReady"


def test_a_claim_that_expired_keeps_that_as_its_end() -> None:
    found = lifecycle_of("failures", "expires")
    assert found.moments[M.EXPIRED].source == "Event ClaimExpired"
    assert found.moments[M.EXPIRED].time_ns < found.moments[M.DELETED].time_ns
    assert found.state is State.EXPIRED


def test_an_expired_claim_needs_no_event() -> None:
    found = read(without(around("failures", "expires"), Kind.EVENT))
    whole = lifecycle_of("failures", "expires").moments[M.EXPIRED]
    assert found.state is State.EXPIRED
    assert abs(found.moments[M.EXPIRED].time_ns - whole.time_ns) < 50 * MS


def test_a_claim_suspended_and_resumed_says_so_and_keeps_its_start() -> None:
    """Nobody recorded one: the quick start's Sandbox, suspended after the fact."""
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    ready = whole.moments[M.CLAIM_READY]
    alive = until(changes, whole.moments[M.DELETED].time_ns - SECOND)
    suspended = [*alive, *altered(_again(alive, 1), Kind.CLAIM, _suspend)]
    assert read(suspended).state is State.SUSPENDED
    assert read(suspended).moments[M.CLAIM_READY] == ready
    resumed = read([*suspended, *_again(alive, 2)])
    assert (resumed.state, resumed.moments[M.CLAIM_READY]) == (State.READY, ready)


def _again(changes: list[Any], turn: int) -> list[Any]:
    """The claim's last version, received once more with a new version number."""
    last = max((each for each in changes if each.kind is Kind.CLAIM), key=lambda each: each.received_ns)
    value = {**last.object, "metadata": {**last.object["metadata"], "resourceVersion": str(90_000 + turn)}}
    return [replace(last, received_ns=last.received_ns + turn * SECOND, object=value)]


def _suspend(value: dict[str, Any]) -> None:
    value["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "reason": "SandboxSuspended", "message": "Sandbox is suspended"}
    ]


def test_kep_1348s_status_fields_are_read_as_the_annotations_they_replace() -> None:
    """Not in any release yet: the quick start's annotations, moved."""

    def move(value: dict[str, Any]) -> None:
        annotations = value["metadata"].get("annotations", {})
        startup = {
            "controllerObservedTime": annotations.pop("agents.x-k8s.io/controller-first-observed-at", None),
            "firstReadyTime": annotations.pop(READY_AT, None),
        }
        value["status"] = {**value.get("status", {}), "startup": startup}

    whole = lifecycle_of("quickstart-cold", "c1")
    found = read(altered(around("quickstart-cold", "c1"), Kind.CLAIM, move))
    assert found.moments[M.OBSERVED].time_ns == whole.moments[M.OBSERVED].time_ns
    assert found.moments[M.OBSERVED].source == "status.startup.controllerObservedTime"


def test_a_request_copied_with_a_manifest_is_no_request_of_this_claim() -> None:
    def copy(value: dict[str, Any]) -> None:
        value["metadata"]["annotations"]["agents.x-k8s.io/client-first-requested-at"] = "2026-11-20T08:00:00+00:00"

    found = read(altered(around("quickstart-cold", "c1"), Kind.CLAIM, copy))
    assert M.REQUESTED not in found.moments


def test_a_skewed_clients_clock_is_shown_and_not_corrected() -> None:
    def skew(value: dict[str, Any]) -> None:
        value["metadata"]["annotations"]["agents.x-k8s.io/client-first-requested-at"] = "2026-11-23T22:29:33+00:00"

    found = read(altered(around("quickstart-cold", "c1"), Kind.CLAIM, skew))
    assert found.moments[M.REQUESTED].time_ns > found.moments[M.CREATED].time_ns
    assert found.stages[0].duration_ns == 0
    assert found.moments[M.CREATED] == lifecycle_of("quickstart-cold", "c1").moments[M.CREATED]


def test_what_some_watches_begin_with_as_added_was_not_made_just_now() -> None:
    """A watch without a list before it sends what is there as ADDED."""
    at_ns = lifecycle_of("kubectl-made", "left-running").zero_ns + 5 * SECOND
    begun = [replace(each, type=ChangeType.ADDED) for each in one_look(around("kubectl-made", "left-running"), at_ns)]
    created = read(begun).moments[M.CREATED]
    assert created.source == "creationTimestamp"
    assert at_ns - created.upper_ns > 3 * SECOND


def test_a_claim_gone_unseen_before_it_was_ready_is_not_called_failed() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    starting = until(changes, whole.moments[M.SCHEDULED].time_ns)
    last = max((each for each in starting if each.kind is Kind.CLAIM), key=lambda each: each.received_ns)
    metadata = {key: last.object["metadata"][key] for key in ("uid", "name", "namespace")}
    later_ns = last.received_ns + 60 * SECOND
    gone = Change(ChangeType.GONE, Kind.CLAIM, later_ns, {"metadata": metadata}, after_ns=last.received_ns)
    found = read([*starting, gone])
    assert (found.state, found.why) == (State.DELETED, None)
    assert found.pool == whole.pool


def test_an_older_list_imported_later_does_not_bring_a_claim_back() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    listed = one_look(changes, whole.moments[M.DELETED].time_ns - SECOND)
    found = read([*changes, *(replace(each, received_ns=each.received_ns + 3600 * SECOND) for each in listed)])
    assert found.state is State.DELETED
    assert found.moments == whole.moments


def test_an_event_with_both_times_is_dated_by_the_finer() -> None:
    def add_coarse(value: dict[str, Any]) -> None:
        if value.get("eventTime"):
            value["deprecatedFirstTimestamp"] = value["eventTime"][:19] + "Z"

    found = read(altered(around("quickstart-cold", "c1"), Kind.EVENT, add_coarse))
    assert found.moments[M.BOUND] == lifecycle_of("quickstart-cold", "c1").moments[M.BOUND]


def test_nor_was_a_warm_claim_that_such_a_watch_finds_ready_made_ready_just_now() -> None:
    at_ns = _last_seen_ns("kubectl-made", "warm")
    listed = altered(one_look(around("kubectl-made", "warm"), at_ns + 10 * SECOND), Kind.CLAIM, _drop_annotations)
    found = read([replace(each, type=ChangeType.ADDED) for each in listed])
    assert found.state is State.READY
    assert M.CLAIM_READY not in found.moments
