"""How a claim ends: expired, deleted, or gone while nobody watched. Plain Python.

Before: `story`. After: `sources`. A claim has no finalizers: deleted, it is gone at once, and only the watch's own
DELETED says when.
"""

from __future__ import annotations

from sandboxes import object_fields as fields
from sandboxes.lifecycle.sightings import best, seen, stamped, told
from sandboxes.lifecycle.story import Story
from sandboxes.object_fields import Object
from sandboxes.records import US, Change, ChangeType, Clock, Milestone, Moment

EXPIRY = ("ClaimExpired", "SandboxExpired")


def is_expired(claim: Object) -> bool:
    return fields.text_at(fields.condition(claim, "Ready"), "reason") in EXPIRY


def expired(told_by: Story, lag_ns: int) -> Moment | None:
    """Its own condition, not a copied one: here lastTransitionTime is right."""
    event = next((event for event in told_by.events if event.reason in EXPIRY), None)
    first = next((each.object for each in told_by.claim if is_expired(each.object)), {})
    text = fields.text_at(fields.condition(first, "Ready"), "lastTransitionTime")
    return best(
        [
            told(Milestone.EXPIRED, event),
            seen(Milestone.EXPIRED, told_by.claim, is_expired, lag_ns, "claim"),
            stamped(Milestone.EXPIRED, text, Clock.CONTROLLER, "condition Ready of the claim"),
        ]
    )


def deleted(told_by: Story, lag_ns: int) -> Moment | None:
    """As watched; or somewhere between the last look at it and the list that no longer had it."""
    last = told_by.claim[-1]
    if last.type is ChangeType.DELETED:
        now_ns = last.received_ns
        return Moment(Milestone.DELETED, now_ns, now_ns - lag_ns, now_ns, Clock.RECEIPT, lag_ns, "watch of the claim")
    return _gone(told_by.claim, last) if last.type is ChangeType.GONE else None


def _gone(versions: tuple[Change, ...], last: Change) -> Moment:
    before_ns = [last.after_ns] if last.after_ns is not None else []
    before_ns += [each.received_ns for each in versions[:-1] if each.received_ns <= last.received_ns]
    lower_ns = max(before_ns, default=last.received_ns)
    width_ns = max(last.received_ns - lower_ns, US)
    source = "gone while disconnected"
    return Moment(Milestone.DELETED, last.received_ns, lower_ns, last.received_ns, Clock.RECEIPT, width_ns, source)
