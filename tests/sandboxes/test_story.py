"""The one sentence: where a recorded claim's time went, and what shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandboxes.lifecycle import to_json
from sandboxes.records import Lifecycle, Milestone, State, Why
from sandboxes.story import Story, longest, longest_in, starting_stages, tell, wait
from sandboxes.timeline import event_rows
from tests.sandboxes.test_timeline import around


def say(ns: int, precision_ns: int) -> str:
    return f"{ns // 10**6} ms"


def story(scenario: str, key: str) -> tuple[Lifecycle, Story]:
    lifecycle, changes = around(scenario, key)
    return lifecycle, tell(lifecycle, event_rows(changes), lifecycle.zero_ns + 10**10, say)


def test_a_cold_claim_spent_most_of_it_on_the_node_and_the_pull_is_named() -> None:
    lifecycle, told = story("quickstart-cold", "c1")
    stage = longest(lifecycle)
    assert stage is not None
    assert stage.name == Milestone.STARTED
    assert f"{stage.duration_ns // 10**6} ms of " in told.text
    assert "between scheduled and started" in told.text
    assert "is the image pull" in told.text
    assert [proof.text for proof in told.proofs][:2] == ["Event Pulling", "Event Pulled"]
    assert all(proof.key.startswith("event-") for proof in told.proofs)


def test_the_shares_of_the_start_make_up_the_time_to_ready() -> None:
    lifecycle, _ = story("quickstart-cold", "c1")
    stages = starting_stages(lifecycle)
    whole_ns = lifecycle.moments[Milestone.CLAIM_READY].time_ns - lifecycle.zero_ns
    assert sum(stage.duration_ns for stage in stages) == whole_ns


def test_a_warm_claim_says_that_the_pool_had_done_the_work_before() -> None:
    _, told = story("traced-warm", "c1")
    assert "before the request, so its image pull and start cost this claim nothing" in told.text


def test_a_claim_that_still_waits_says_for_what() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    until = [name for name in lifecycle.moments if name not in (Milestone.DELETED, *list(Milestone)[5:])]
    waiting = replace(
        lifecycle,
        state=State.STARTING,
        moments={name: lifecycle.moments[name] for name in until},
        stages=tuple(stage for stage in lifecycle.stages if stage.end.milestone in until),
    )
    told = tell(waiting, [], waiting.zero_ns + 10**9, say)
    assert told.text.startswith("Waiting for a node since +")
    assert changes


def test_what_explains_a_failure_is_the_sentence_and_its_event_the_proof() -> None:
    lifecycle, told = story("failures", "unschedulable")
    assert lifecycle.why is not None
    assert told.text == lifecycle.why.sentence
    assert told.advice == lifecycle.why.advice
    assert told.proofs[0].key.startswith("event-FailedScheduling")


def test_a_start_that_was_slow_for_a_reason_keeps_its_figures_beside_the_reason() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    slow = replace(lifecycle, why=Why("pool drained", "The pool was empty.", "Give it more replicas."))
    told = tell(slow, event_rows(changes), slow.zero_ns, say)
    assert "between scheduled and started" in told.text
    assert told.text.endswith("The pool was empty.")
    assert told.advice == "Give it more replicas."


def test_what_proves_both_is_shown_once_and_leads_to_its_event() -> None:
    _, told = story("failures", "named-again")
    [adopted] = [proof for proof in told.proofs if proof.text == "Event SandboxAdopted"]
    assert adopted.key.startswith("event-SandboxAdopted")


def test_a_claim_that_failed_waited_until_then_though_it_is_still_there() -> None:
    lifecycle, _ = around("failures", "pod-fails-before-ready")
    moments = dict(lifecycle.moments)
    moments.pop(Milestone.DELETED)
    failed = replace(lifecycle, moments=moments)
    waited = wait(failed, failed.zero_ns + 10**12)
    assert waited is not None
    assert waited.end_ns < failed.zero_ns + 10**10


def test_a_claim_of_which_next_to_nothing_is_known_has_a_story_too() -> None:
    for state in State:
        assert tell(Lifecycle("u", "n", "c", state=state), [], 1, say).text


@pytest.mark.parametrize(
    ("scenario", "key"), [("quickstart-cold", "c1"), ("traced-warm", "c1"), ("failures", "unschedulable")]
)
def test_a_kept_story_has_the_same_longest_stage(scenario: str, key: str) -> None:
    lifecycle, _ = around(scenario, key)
    stage = longest(lifecycle)
    assert longest_in(to_json(lifecycle)) == (stage.name if stage else "")
    bare = replace(lifecycle, stages=())
    assert longest_in(to_json(bare)) == ""
