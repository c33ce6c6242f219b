"""Claims of a real controller, each way they can go, as the dashboard tells them while they happen."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster.plane import Plane
from tests.cluster.sdk import IMPATIENT, finish, start_program
from tests.cluster.stories import WAIT_S, Story, until, until_cause, until_state
from tests.server import Server, wait_for

pytestmark = pytest.mark.server

COLD_STAGES = [
    *("observed", "bound", "pod created", "scheduled", "started", "pod ready"),
    *("sandbox ready", "claim ready"),
]
SLOW = {"", "controller slow", "controller late", "image pull slow"}  # what a busy machine does to a good start
POOLS_STAGES = ["scheduled", "started", "pod ready", "sandbox ready"]


def check_same_as_the_cluster(plane: Plane, told: Story) -> None:
    """What the dashboard says of where the claim is, is what the API server has."""
    claim = plane.api.get("SandboxClaim", told.claim["claim"], told.claim["namespace"])
    sandbox = plane.api.get("Sandbox", claim["status"]["sandbox"]["name"], told.claim["namespace"])
    pod = plane.api.get("Pod", told.claim["pod"], told.claim["namespace"])
    assert told.claim["uid"] == claim["metadata"]["uid"]
    assert told.claim["sandbox"] == sandbox["metadata"]["name"]
    assert told.claim["start_type"] == sandbox["metadata"]["labels"]["agents.x-k8s.io/launch-type"]
    assert told.claim["node"] == pod["spec"]["nodeName"]
    assert pod["metadata"]["ownerReferences"][0]["uid"] == sandbox["metadata"]["uid"]


def linked_by_the_controller(told: Story) -> bool:
    """Its annotation names the trace of the controller's spans; they come some seconds later, in batches."""
    return "annotation" in told.evidence


def test_a_cold_claim_is_told_stage_by_stage_with_the_controllers_spans(plane: Plane, dashboard: Server) -> None:
    uid = plane.claim("cold", "simple-sandbox-pool")
    told = until_state(dashboard, uid, "ready")
    check_same_as_the_cluster(plane, told)
    assert (told.claim["start_type"], told.pre_warmed) == ("cold", [])
    assert told.cause in SLOW
    assert told.own_stages == COLD_STAGES
    parts = sum(stage["duration_ms"] for stage in told.stages)
    assert parts == pytest.approx(told.claim["time_to_ready_ms"], abs=0.01)
    until(dashboard, uid, linked_by_the_controller)


def test_a_warm_claim_leaves_its_pools_work_to_the_pool(plane: Plane, dashboard: Server) -> None:
    plane.wait_pool("warm-pool")
    uid = plane.claim("warm", "warm-pool")
    told = until_state(dashboard, uid, "ready")
    check_same_as_the_cluster(plane, told)
    assert told.claim["start_type"] == "warm"
    assert told.cause in SLOW
    assert told.pre_warmed == POOLS_STAGES
    assert told.own_stages == ["observed", "bound", "claim ready"]
    until(dashboard, uid, linked_by_the_controller)


def test_a_pool_that_is_missing_is_named_and_others_are_offered(plane: Plane, dashboard: Server) -> None:
    told = until_cause(dashboard, plane.claim("of-no-pool", "no-such-pool"), "pool missing")
    assert told.state == "stuck"
    assert told.why
    assert "no-such-pool" in told.why["sentence"]
    assert "pool" in told.why["advice"]
    assert told.why["proof"]["reason"] == "WarmPoolNotFound"


def test_a_templates_name_given_as_the_pool_is_recognised(plane: Plane, dashboard: Server) -> None:
    """The documentation's earlier version did, and programs copied from it do."""
    told = until_cause(dashboard, plane.claim("of-a-template", "simple-sandbox-template"), "template as pool")
    assert told.state == "stuck"
    assert told.why
    assert told.why["proof"]["name"] == "simple-sandbox-template"
    assert 'create_sandbox("' in told.why["advice"]


def test_a_template_that_is_missing_is_named(plane: Plane, dashboard: Server) -> None:
    told = until_cause(dashboard, plane.claim("of-no-template", "orphan-pool"), "template missing")
    assert told.why
    assert "missing-template" in told.why["sentence"]


def said_by_the_scheduler(told: Story) -> bool:
    """A condition of the Pod says it first; the Event follows."""
    return bool(told.why and told.cause == "unschedulable" and told.why["proof"]["kind"] == "Event")


def test_what_no_node_can_take_is_told_in_the_schedulers_words(plane: Plane, dashboard: Server) -> None:
    uid = plane.claim("huge", "huge-pool")
    told = until(dashboard, uid, said_by_the_scheduler)
    assert told.state == "stuck"
    assert told.why
    assert told.why["proof"]["reason"] == "FailedScheduling"
    assert "Insufficient cpu" in told.why["sentence"]
    assert told.own_stages == ["observed", "bound", "pod created"]


def test_a_container_that_fails_before_it_is_ready_is_told_with_its_exit(plane: Plane, dashboard: Server) -> None:
    told = until_state(dashboard, plane.claim("crashing", "crash-pool"), "failed")
    assert told.cause == "container failing"
    assert told.why
    assert "OOMKilled" in told.why["sentence"]
    assert "started" in told.own_stages


def test_a_container_that_fails_later_leaves_the_start_as_it_was(plane: Plane, dashboard: Server) -> None:
    uid = plane.claim("crashing-later", "crash-later-pool")
    assert until(dashboard, uid, lambda told: "claim ready" in told.moments).own_stages == COLD_STAGES
    told = until_state(dashboard, uid, "failed")
    assert (told.cause, told.own_stages) == ("container failing", COLD_STAGES)


def test_an_image_that_takes_long_is_told_while_it_takes_and_after(plane: Plane, dashboard: Server) -> None:
    uid = plane.claim("slow-image", "slow-pull-pool")
    told = until_state(dashboard, uid, "stuck")
    assert told.cause == "image pull slow"
    assert told.why
    assert "still pulling" in told.why["sentence"]
    told = until_state(dashboard, uid, "ready")
    assert told.cause == "image pull slow"
    longest = max(told.stages, key=lambda stage: float(stage["duration_ms"]))
    assert longest["stage"] == "started"


def test_a_claim_whose_time_is_up_is_expired(plane: Plane, dashboard: Server) -> None:
    end = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lifecycle = {"shutdownTime": end, "shutdownPolicy": "Retain"}
    uid = plane.claim("short-lived", "simple-sandbox-pool", lifecycle=lifecycle)
    told = until_state(dashboard, uid, "expired")
    assert told.cause == "expired"
    assert told.why
    assert told.why["proof"]["reason"] == "ClaimExpired"
    assert "claim ready" in told.moments


def test_a_deleted_claim_keeps_its_story(plane: Plane, dashboard: Server) -> None:
    uid = plane.claim("deleted", "simple-sandbox-pool")
    plane.wait_ready("deleted")
    plane.api.delete("SandboxClaim", "deleted")
    told = until_state(dashboard, uid, "deleted")
    assert told.own_stages == COLD_STAGES
    assert told.claim["deleted_ns"] > told.claim["ready_ns"]


def test_a_name_used_again_is_another_claim(plane: Plane, dashboard: Server) -> None:
    uids = []
    for _ in range(3):
        uids.append(plane.claim("again", "simple-sandbox-pool"))
        plane.wait_ready("again")
        plane.api.delete("SandboxClaim", "again")
        # The Sandbox of the same name goes after it; until then a claim of that name has none.
        plane.wait(lambda: all(each["metadata"]["name"] != "again" for each in plane.api.list("Pod")), "its Pod to go")
    stories = [until_state(dashboard, uid, "deleted") for uid in uids]
    assert len({told.claim["uid"] for told in stories}) == 3
    assert all(told.own_stages == COLD_STAGES for told in stories)
    for told in (until(dashboard, uid, linked_by_the_controller) for uid in uids):
        traces = {link["trace_id"] for link in told.links}
        others = [link for other in stories if other.claim["uid"] != told.claim["uid"] for link in other.links]
        assert traces.isdisjoint(link["trace_id"] for link in others)


def test_claims_with_variables_are_cold_though_the_pool_is_full(plane: Plane, dashboard: Server) -> None:
    plane.wait_pool("warm-pool")
    variables = [{"name": "MODEL", "value": "small"}]
    told = until_state(dashboard, plane.claim("with-env", "warm-pool", env=variables), "ready")
    assert (told.claim["start_type"], told.cause) == ("cold", "forced cold")


def test_what_a_quota_forbids_is_told_in_its_words(plane: Plane, dashboard: Server) -> None:
    metadata = {"name": "no-pods", "namespace": "agents"}
    plane.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "0"}}})
    for kind, name in (("SandboxTemplate", "simple-sandbox-template"), ("SandboxWarmPool", "simple-sandbox-pool")):
        found = plane.api.get(kind, name)
        place = {"name": name, "namespace": "agents"}
        plane.apply({"apiVersion": found["apiVersion"], "kind": kind, "metadata": place, "spec": found["spec"]})
    # The quota counts once the controller-manager has seen it; a Pod made before that is let in.
    plane.wait(lambda: "hard" in plane.api.get("ResourceQuota", "no-pods", "agents").get("status", {}), "the quota")
    told = until_cause(dashboard, plane.claim("over-quota", "simple-sandbox-pool", "agents"), "quota")
    assert told.state == "stuck"
    assert told.why
    assert "exceeded quota: no-pods" in told.why["sentence"]


def test_a_client_that_gives_up_is_told_beside_the_cause(plane: Plane, dashboard: Server) -> None:
    """The SDK deletes the claim it made when it has waited long enough."""
    program = start_program(plane, dashboard.otlp_url, [IMPATIENT, "huge-pool"])
    [name] = re.findall(r"sandbox-claim-[0-9a-f]{8}", finish(program))
    wait_for(lambda: dashboard.get_json(f"/api/v1/claims?claim={name}&state=failed")["items"], WAIT_S)
    [item] = dashboard.get_json(f"/api/v1/claims?claim={name}")["items"]
    told = until_cause(dashboard, item["uid"], "unschedulable")
    assert told.why
    assert re.search(r"It was deleted \d+\.\d s after its request, before it was ready", told.why["sentence"])
    until(dashboard, item["uid"], lambda told: {"url", "annotation"} <= told.evidence)


def test_a_burst_that_drains_the_pool_tells_who_waited(plane: Plane, dashboard: Server) -> None:
    plane.wait_pool("drained-pool")
    uids = {f"burst-{number}": plane.claim(f"burst-{number}", "drained-pool") for number in range(30)}
    stories = {name: until_state(dashboard, uid, "ready") for name, uid in uids.items()}
    for told in stories.values():
        check_same_as_the_cluster(plane, told)
    cold = [told for told in stories.values() if told.claim["start_type"] == "cold"]
    assert cold
    assert len(cold) < len(stories)
    assert "pool drained" in {told.cause for told in cold} <= {"pool drained", *SLOW}
    for uid in uids.values():
        until(dashboard, uid, linked_by_the_controller)
    for name in uids:
        plane.api.delete("SandboxClaim", name)
