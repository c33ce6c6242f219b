"""Each cause on the recording that shows it, or on recorded objects altered to show it; each with its proof."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandboxes.lifecycle import why as why_package
from sandboxes.records import MS, SECOND, Change, ChangeType, Kind, Lifecycle, Milestone, State, Why
from tests.sandboxes.lifecycle.told import (
    CLAIMS,
    altered,
    around,
    changes_of,
    lifecycle_of,
    read,
    true_claims,
    until,
    without,
)

DOCS = Path(__file__).parents[3] / "docs" / "why.md"
# Case of the recording: (cause, words of the sentence, kind and reason of the proof).
RECORDED = {
    ("failures", "pool-missing"): (
        "pool missing",
        "no SandboxWarmPool “no-such-pool”",
        "SandboxClaim",
        "WarmPoolNotFound",
    ),
    ("failures", "template-missing"): ("template missing", "“missing-template”", "SandboxClaim", "TemplateNotFound"),
    ("failures", "unschedulable"): ("unschedulable", "2 Insufficient cpu", "Event", "FailedScheduling"),
    ("failures", "slow-pull"): ("image pull slow", "still pulling its image after 7.8 s", "Event", "Pulling"),
    ("failures", "pod-fails-before-ready"): ("container failing", "OOMKilled, exit code 137", "Pod", "OOMKilled"),
    ("failures", "pod-fails-after-ready"): ("container failing", "OOMKilled, exit code 137", "Pod", "OOMKilled"),
    ("failures", "expires"): ("expired", "It expired 9.8 s after its request", "Event", "ClaimExpired"),
    ("failures", "env-forces-cold"): ("forced cold", "because the claim sets env", "SandboxClaim", ""),
    ("failures", "named-again"): ("pool drained", "took one that was still starting", "Event", "SandboxAdopted"),
    ("traced-warm", "c6"): ("pool drained", "waited 1.1 s for one", "Event", "SandboxAdopted"),
    ("burst-drained", "c1"): ("pool drained", "keeps 3 warm and had none ready", "Event", "SandboxProvisioned"),
    ("api-outage", "waits-through-outage"): ("image pull slow", "needed 14.4 s to pull", "Event", "Pulling"),
    ("api-outage", "created-right-after"): ("controller late", "only after 27.5 s", "SandboxClaim", ""),
}
UNREMARKABLE = [("quickstart-cold", "c1"), ("traced-warm", "c1"), ("kubectl-made", "warm"), ("full-path", "c1")]


def why(found: Lifecycle) -> Why:
    assert found.why is not None
    assert found.why.advice
    assert found.why.sentence.endswith(".")
    return found.why


@pytest.mark.parametrize(("claim", "told"), RECORDED.items(), ids=lambda value: value[1])
def test_a_recorded_cause_is_told_with_its_proof(claim: tuple[str, str], told: tuple[str, str, str, str]) -> None:
    found = why(lifecycle_of(*claim))
    cause, words, kind, reason = told
    assert found.cause == cause
    assert words in found.sentence
    assert found.proof is not None
    assert (found.proof.kind, found.proof.reason) == (kind, reason)


@pytest.mark.parametrize("claim", UNREMARKABLE, ids=lambda value: value[0])
def test_a_start_without_trouble_needs_no_words(claim: tuple[str, str]) -> None:
    assert lifecycle_of(*claim).why is None


def test_every_cold_start_of_the_burst_and_no_warm_one_is_laid_to_the_drained_pool() -> None:
    for key, true in true_claims("burst-drained").items():
        found = lifecycle_of("burst-drained", key).why
        assert (found is not None and found.cause == "pool drained") == (true["start_type"] == "cold")


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_every_proof_names_an_object_or_event_that_was_there(scenario: str, key: str) -> None:
    found = lifecycle_of(scenario, key).why
    if found is None or found.proof is None:
        return
    names = {(each.kind.value, each.object["metadata"]["name"]) for each in changes_of(scenario)}
    assert (found.proof.kind, found.proof.name) in names


def test_a_client_that_gave_up_is_told_beside_the_cause() -> None:
    found = why(lifecycle_of("failures", "unschedulable"))
    assert "It was deleted 8.0 s after its request, before it was ready." in found.sentence
    assert lifecycle_of("failures", "unschedulable").state is State.FAILED


def test_a_claim_deleted_early_for_no_visible_cause_is_the_clients_doing() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    starting = until(changes, whole.moments[Milestone.SCHEDULED].time_ns)
    last = max((each for each in starting if each.kind is Kind.CLAIM), key=lambda each: each.received_ns)
    found = read([*starting, replace(last, type=ChangeType.DELETED, received_ns=last.received_ns + 3 * SECOND)])
    assert found.state is State.FAILED
    assert why(found).cause == "client gave up"


def test_a_templates_name_given_as_the_pool_is_recognised_and_the_pool_to_name_is_said() -> None:
    """The documentation's earlier program, with the templates and pools of the recording."""

    def slip(value: dict[str, Any]) -> None:
        value["spec"]["warmPoolRef"]["name"] = "simple-sandbox-template"

    found = why(read(altered(around("failures", "pool-missing"), Kind.CLAIM, slip)))
    assert found.cause == "template as pool"
    assert "“simple-sandbox-template” is a SandboxTemplate, not a pool" in found.sentence
    assert found.advice == 'Call create_sandbox("simple-sandbox-pool"), a pool of this template.'
    assert found.proof is not None
    assert (found.proof.kind, found.proof.name) == ("SandboxTemplate", "simple-sandbox-template")


def test_when_a_container_ended_is_known_better_than_to_the_second() -> None:
    found = lifecycle_of("failures", "pod-fails-before-ready")
    proof = why(found).proof
    assert proof is not None
    assert found.moments[Milestone.STARTED].time_ns < proof.time_ns < found.moments[Milestone.DELETED].time_ns


def test_a_claim_held_up_is_stuck_while_it_is_there() -> None:
    changes, whole = around("failures", "unschedulable"), lifecycle_of("failures", "unschedulable")
    found = read(until(changes, whole.moments[Milestone.DELETED].time_ns - 2 * SECOND))
    assert found.state is State.STUCK
    assert why(found).cause == "unschedulable"
    assert "deleted" not in why(found).sentence


def test_the_schedulers_words_are_found_without_events_and_without_rights_on_pods() -> None:
    changes, whole = around("failures", "unschedulable"), lifecycle_of("failures", "unschedulable")
    alive = until(changes, whole.moments[Milestone.DELETED].time_ns - 2 * SECOND)
    by_pod, by_sandbox = read(without(alive, Kind.EVENT)), read(without(alive, Kind.EVENT, Kind.POD))
    assert "2 Insufficient cpu" in why(by_pod).sentence
    assert "2 Insufficient cpu" in why(by_sandbox).sentence
    assert [why(each).proof.kind for each in (by_pod, by_sandbox)] == ["Pod", "Sandbox"]  # type: ignore[union-attr]


def test_a_claim_nobody_took_up_is_stuck_after_five_seconds() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    created_ns = whole.moments[Milestone.CREATED].upper_ns
    untouched = [each for each in until(changes, created_ns) if each.kind is Kind.CLAIM]
    assert read(untouched, created_ns + SECOND).state is State.STARTING
    silent = read(untouched, created_ns + 20 * SECOND)
    assert silent.state is State.STUCK
    assert why(silent).cause == "controller silent"
    assert "in 20.0 s" in why(silent).sentence


def test_a_claim_the_pool_has_nothing_for_is_stuck_after_two_seconds() -> None:
    changes, whole = around("traced-warm", "c6"), lifecycle_of("traced-warm", "c6")
    observed_ns = whole.moments[Milestone.OBSERVED].time_ns
    waiting = without(until(changes, observed_ns + 500 * 10**6), Kind.SANDBOX)
    found = read(waiting, observed_ns + 4 * SECOND)
    assert (found.state, why(found).cause) == (State.STUCK, "pool drained")


def test_a_controller_that_takes_its_time_with_a_sandbox_that_is_ready_is_told_so_and_not_the_pool() -> None:
    """Seen with a real controller on a busy machine."""
    observed_ns = lifecycle_of("full-path", "c5").moments[Milestone.OBSERVED].time_ns
    late_ns = 400 * MS

    def adopt_later(value: dict[str, Any]) -> None:
        if value["reason"] == "SandboxAdopted":
            moment = datetime.fromisoformat(value["eventTime"]) + timedelta(microseconds=late_ns // 1000)
            value["eventTime"] = moment.isoformat()

    changes = [
        replace(each, received_ns=each.received_ns + late_ns) if each.received_ns > observed_ns else each
        for each in altered(around("full-path", "c5"), Kind.EVENT, adopt_later)
    ]
    found = why(read(changes))
    assert found.cause == "controller slow"
    assert "was ready before it came" in found.sentence
    assert found.proof is not None
    assert found.proof.reason == "SandboxAdopted"


def _stuck_pod(alter: Callable[[dict[str, Any]], None]) -> Lifecycle:
    """The slow pull's claim, while it waits, with its Pod's status altered."""
    changes, whole = around("failures", "slow-pull"), lifecycle_of("failures", "slow-pull")
    waiting = until(changes, whole.moments[Milestone.SCHEDULED].time_ns + SECOND)
    return read(altered(waiting, Kind.POD, alter))


def _container(**state: Any) -> Callable[[dict[str, Any]], None]:
    def alter(value: dict[str, Any]) -> None:
        value["status"]["containerStatuses"] = [{"name": "python-runtime", "image": "example.org/none:1", **state}]

    return alter


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    found = _stuck_pod(_container(state={"waiting": waiting}))
    assert (found.state, why(found).cause) == (State.STUCK, "image pull failing")
    assert "“example.org/none:1”: Back-off pulling image." in why(found).sentence


def test_a_container_that_crashes_again_and_again_is_told_with_how_it_last_ended() -> None:
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    found = _stuck_pod(_container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ended))
    assert (found.state, why(found).cause) == (State.STUCK, "container failing")
    assert "Error, exit code 3." in why(found).sentence


def test_an_init_container_that_is_done_has_not_failed() -> None:
    def alter(value: dict[str, Any]) -> None:
        done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        value["status"]["initContainerStatuses"] = [{"name": "prepare", "state": done}]

    assert _stuck_pod(alter).why is None


def _with_condition(reason: str, message: str, later_ns: int = 0) -> Lifecycle:
    def alter(value: dict[str, Any]) -> None:
        ready = {"type": "Ready", "status": "False", "reason": reason, "message": message}
        value["status"] = {"conditions": [ready]}

    changes, whole = around("failures", "pool-missing"), lifecycle_of("failures", "pool-missing")
    alive = until(changes, whole.moments[Milestone.DELETED].lower_ns)
    return read(altered(alive, Kind.CLAIM, alter), whole.zero_ns + later_ns)


def test_a_message_of_a_megabyte_does_not_become_a_sentence_of_one() -> None:
    found = _with_condition("InvalidMetadata", "not allowed " * 100_000)
    assert len(why(found).sentence) < 500
    assert why(found).proof is not None
    assert len(why(found).proof.message) <= 2_000  # type: ignore[union-attr]


def test_a_quota_is_told_in_the_api_servers_words() -> None:
    found = _with_condition("ReconcilerError", 'pods "x" is forbidden: exceeded quota: small, requested: pods=1')
    assert (found.state, why(found).cause) == (State.STUCK, "quota")
    assert "exceeded quota: small" in why(found).sentence


def test_a_quota_told_by_an_event_is_proved_by_it() -> None:
    changes = around("failures", "unschedulable")
    event = next(
        each for each in changes if each.kind is Kind.EVENT and each.object.get("reason") == "FailedScheduling"
    )

    def alter(value: dict[str, Any]) -> None:
        if value.get("reason") == "FailedScheduling":
            value["reason"], value["note"], value["message"] = "SandboxPodCreateFailed", "exceeded quota: small", None

    found = read(altered(changes, Kind.EVENT, alter))
    assert why(found).cause == "quota"
    assert why(found).proof is not None
    assert event.object["metadata"]["name"] in {each.object["metadata"]["name"] for each in changes}


@pytest.mark.parametrize("reason", ["InvalidMetadata", "EnvVarsInjectionRejected", "VolumeClaimTemplatesError"])
def test_what_the_controller_refuses_has_failed(reason: str) -> None:
    found = _with_condition(reason, "not allowed")
    assert (found.state, why(found).cause) == (State.FAILED, "refused")


def test_an_error_of_the_controller_is_stuck_once_it_lasts_and_not_failed() -> None:
    passing = _with_condition("ReconcilerError", "etcdserver: request timed out")
    assert (passing.state, passing.why) == (State.STARTING, None)
    found = _with_condition("ReconcilerError", "etcdserver: request timed out", 10 * SECOND)
    assert (found.state, why(found).cause) == (State.STUCK, "controller error")


def test_a_probe_that_fails_is_told() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    running = until(changes, whole.moments[Milestone.STARTED].time_ns + 50 * 10**6)

    def alter(value: dict[str, Any]) -> None:
        if value.get("reason") == "Started":
            value["reason"], value["note"] = "Unhealthy", "Readiness probe failed: connection refused"

    found = read(altered(running, Kind.EVENT, alter))
    assert (found.state, why(found).cause) == (State.STUCK, "probe failing")


def test_what_a_pod_does_while_its_claim_is_deleted_is_no_failure() -> None:
    def alter(value: dict[str, Any]) -> None:
        if value["metadata"].get("deletionTimestamp"):
            value["status"]["phase"] = "Failed"
            ended = {"terminated": {"exitCode": 143, "reason": "Error"}}
            value["status"]["containerStatuses"] = [{"name": "python-runtime", "state": ended}]

    found = read(altered(around("quickstart-cold", "c1"), Kind.POD, alter))
    assert (found.state, found.why) == (State.DELETED, None)


def test_what_a_pod_does_after_a_claim_that_served_is_no_failure() -> None:
    """Newer controllers take Ready away while the Pod ends."""

    def fail(value: dict[str, Any]) -> None:
        ended = {"terminated": {"exitCode": 143, "reason": "Error"}}
        value["status"]["containerStatuses"] = [{"name": "python-runtime", "state": ended}]

    def unready(value: dict[str, Any]) -> None:
        value["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "DependenciesNotReady"}]

    changes = around("quickstart-cold", "c1")
    ended = [each for each in changes if each.type is ChangeType.DELETED]
    alive = [each for each in changes if each.type is not ChangeType.DELETED]
    found = read([*altered(alive, Kind.POD, fail), *altered(ended, Kind.CLAIM, unready)])
    assert (found.state, found.why) == (State.DELETED, None)


def test_a_pod_on_its_way_out_is_not_what_holds_a_claim_up() -> None:
    def evict(value: dict[str, Any]) -> None:
        value["metadata"]["deletionTimestamp"] = "2026-11-23T22:31:11Z"
        ended = {"terminated": {"exitCode": 143, "reason": "Error"}}
        value["status"]["containerStatuses"] = [{"name": "python-runtime", "state": ended}]

    assert _stuck_pod(evict).why is None


def test_a_claim_that_failed_after_it_was_ready_was_not_given_up_before() -> None:
    found = lifecycle_of("failures", "pod-fails-after-ready")
    assert found.state is State.FAILED
    assert "before it was ready" not in why(found).sentence


def test_a_pool_scaled_up_later_had_not_kept_any_when_the_claim_came() -> None:
    changes, whole = around("quickstart-cold", "c1"), lifecycle_of("quickstart-cold", "c1")
    pool = next(each for each in changes if each.kind is Kind.POOL)
    scaled = {**pool.object, "spec": {**pool.object["spec"], "replicas": 5}}
    metadata = {**pool.object["metadata"], "resourceVersion": "99999"}
    later = Change(ChangeType.MODIFIED, Kind.POOL, whole.zero_ns + 2 * SECOND, {**scaled, "metadata": metadata})
    assert read([*changes, later]).why is None


def test_the_documented_causes_are_those_the_rules_know() -> None:
    written = [line.split("`")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    assert len(written) == len(set(written))
    assert set(written) == set(_causes())


def _causes() -> Iterator[str]:
    """The first argument of every Why(...) in the rules."""
    for path in Path(why_package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Why":
                yield ast.literal_eval(node.args[0])
