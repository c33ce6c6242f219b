"""Where a claim is: starting, ready, stuck, failed, expired, suspended, deleted. Plain Python.

Before: `story` and its moments, and `why` it is held up. After: lists filter by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandboxes import object_fields as fields
from sandboxes.lifecycle.story import Story, last_look
from sandboxes.records import ChangeType, Milestone, Moment, State, Why

# Nothing but a new claim helps after these (the SDK's TERMINAL_CLAIM_READY_REASONS).
TERMINAL = frozenset(
    {
        "EnvVarsInjectionRejected",
        "InvalidConfiguration",
        "InvalidMetadata",
        "PodFailed",
        "PodSucceeded",
        "VolumeClaimTemplatesError",
    }
)
_SUSPENDED = "SandboxSuspended"


def reason_of(told_by: Story) -> str:
    """The reason of the claim's Ready condition as last seen."""
    return fields.text_at(fields.condition(told_by.object, "Ready"), "reason")


def state_of(told_by: Story, moments: Mapping[Milestone, Moment], why: Why | None) -> State:
    reason = reason_of(told_by)
    if Milestone.EXPIRED in moments:
        return State.EXPIRED
    if Milestone.DELETED in moments:
        return _ended(told_by, moments, reason)
    if reason in TERMINAL:
        return State.FAILED
    if reason == _SUSPENDED or _is_suspended(told_by):
        return State.SUSPENDED
    if fields.is_true(told_by.object, "Ready"):
        return State.READY
    return State.STUCK if why is not None else State.STARTING


def _ended(told_by: Story, moments: Mapping[Milestone, Moment], reason: str) -> State:
    """Deleted after it served, or without ever being ready. Of one that went unseen we do not know the latter."""
    if reason in TERMINAL:
        return State.FAILED
    unseen = told_by.claim[-1].type is ChangeType.GONE
    return State.DELETED if Milestone.CLAIM_READY in moments or unseen else State.FAILED


def _is_suspended(told_by: Story) -> bool:
    if not told_by.sandboxes:
        return False
    sandbox = last_look(told_by.sandboxes[-1])
    return fields.is_true(sandbox, "Suspended") or fields.text_at(sandbox, "spec", "operatingMode") == "Suspended"
