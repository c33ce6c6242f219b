"""Why a claim is stuck, failed or slow: one sentence, what proves it, what to do. Plain Python.

Before: `story` and the moments. After: the claim's page says it under the bar, lists show its cause.

A rule is a function that looks at a `Case` and knows one cause. The first that speaks is taken, so a rule stands
before those it explains: a quota before the general error whose message tells of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sandboxes import object_fields as fields
from sandboxes.lifecycle.why import names, pods, waits
from sandboxes.lifecycle.why.case import Case, span_text
from sandboxes.records import Milestone, Why

Rule = Callable[[Case], Why | None]

# What holds a start up, or ended it.
HOLD_UPS: tuple[Rule, ...] = (
    waits.expired,
    names.pool_missing,
    names.template_missing,
    names.over_quota,
    names.refused,
    pods.unschedulable,
    pods.image_pull_failing,
    pods.container_failing,
    pods.image_pull_slow,
    pods.probe_failing,
    waits.controller_silent,
    waits.pool_empty,
    names.controller_error,
)
# What made a start slow that succeeded.
DELAYS: tuple[Rule, ...] = (
    waits.controller_late,
    pods.image_pull_was_slow,
    waits.forced_cold,
    waits.went_cold,
    waits.took_one_starting,
)


def explain(case: Case) -> Why | None:
    """None where nothing needs explaining, or nothing shows why."""
    if fields.is_true(case.told_by.object, "Ready") or case.served:
        return next((found for rule in DELAYS if (found := rule(case))), None)
    found = next((found for rule in HOLD_UPS if (found := rule(case))), None)
    return _given_up(case, found)


def _given_up(case: Case, found: Why | None) -> Why | None:
    """A claim deleted before it was ready: the SDK deletes what it made when it gives up waiting."""
    deleted = case.moments.get(Milestone.DELETED)
    was_ready = Milestone.CLAIM_READY in case.moments
    if deleted is None or was_ready or case.unseen or Milestone.EXPIRED in case.moments:
        return found
    ended = f"It was deleted {span_text(deleted.time_ns - case.zero_ns)} after its request, before it was ready."
    if found is not None:
        return replace(found, sentence=f"{found.sentence} {ended}")
    advice = "If the program gave up waiting, give it more time: create_sandbox(..., sandbox_ready_timeout=...)."
    return Why("client gave up", ended, advice, case.claim_proof())
