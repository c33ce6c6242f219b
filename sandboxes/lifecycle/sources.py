"""Which source tells best when a milestone was reached: the rules, one function a milestone. Plain Python.

Before: `story` has sorted the changes. After: `stages` lays the moments in a row.

The order in each function is the rule: mostly what its maker wrote to the microsecond, then what the watch brought,
then what is cut to a second. Never: the claim's own Ready `lastTransitionTime` of a warm start, which is copied from
the Sandbox and older than the claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sandboxes import object_fields as fields
from sandboxes.lifecycle import story
from sandboxes.lifecycle.ends import deleted, expired
from sandboxes.lifecycle.events import Happening
from sandboxes.lifecycle.pod import pod_moments
from sandboxes.lifecycle.sightings import AGREES_NS, best, seen, stamped, told, watch_lag_ns
from sandboxes.lifecycle.story import GROUP, Story, Versions
from sandboxes.records import SECOND, Clock, Milestone, Moment, StartType

REQUESTED_AT = GROUP + "client-first-requested-at"
OBSERVED_AT = GROUP + "controller-first-observed-at"
READY_AT = GROUP + "claim-first-ready-at"
# A client's request is followed by its claim within seconds. A stamp far older was copied along with a manifest
# (kubectl get -o yaml | kubectl apply), one far newer is no stamp of this claim.
MAX_REQUEST_NS = 3600 * 10**9


def moments_of(told_by: Story, start: StartType) -> dict[Milestone, Moment]:
    """Every milestone that something shows, in the usual order."""
    lag_ns = watch_lag_ns(told_by.events)
    created = claim_created(told_by, lag_ns)
    ready = claim_ready(told_by, created, start, lag_ns)
    sandbox = that_served(told_by.sandboxes, ready)
    pod = that_served(told_by.pods, ready)
    found = [
        requested(told_by, created),
        created,
        observed(told_by),
        bound(told_by, sandbox, start, lag_ns),
        *pod_moments(told_by, pod, sandbox, lag_ns),
        sandbox_ready(told_by, sandbox, lag_ns),
        ready,
        expired(told_by, lag_ns),
        deleted(told_by, lag_ns),
    ]
    known = {moment.milestone: moment for moment in found if moment is not None}
    return {milestone: known[milestone] for milestone in Milestone if milestone in known}


def that_served(groups: Sequence[Versions], ready: Moment | None) -> Versions:
    """Of several Sandboxes or Pods, the one the claim became ready with; a Pod replaced later tells a later story."""
    if ready is not None:
        before = [versions for versions in groups if _made_ns(versions) <= ready.upper_ns]
        groups = before or groups
    return max(groups, key=_made_ns, default=())


def _made_ns(versions: Versions) -> int:
    made = fields.read_time(fields.text_at(versions[0].object, "metadata", "creationTimestamp"))
    return made[0] if made else versions[0].received_ns


def requested(told_by: Story, created: Moment | None) -> Moment | None:
    text = next((text for each in told_by.claim if (text := fields.annotation(each.object, REQUESTED_AT))), "")
    found = stamped(Milestone.REQUESTED, text, Clock.CLIENT, "annotation client-first-requested-at")
    if found and created and abs(created.time_ns - found.time_ns) > MAX_REQUEST_NS:
        return None
    return found


def claim_created(told_by: Story, lag_ns: int) -> Moment | None:
    text = fields.text_at(told_by.object, "metadata", "creationTimestamp")
    return best(
        [
            seen(Milestone.CREATED, told_by.claim[:1], lambda _: True, lag_ns, "claim"),
            stamped(Milestone.CREATED, text, Clock.API_SERVER, "creationTimestamp"),
        ]
    )


def observed(told_by: Story) -> Moment | None:
    """The annotation of today, or the status field KEP-1348 moves it to; no other sign is the same moment."""
    for each in told_by.claim:
        annotated = fields.annotation(each.object, OBSERVED_AT)
        text = annotated or fields.text_at(each.object, "status", "startup", "controllerObservedTime")
        source = "annotation controller-first-observed-at" if annotated else "status.startup.controllerObservedTime"
        if found := stamped(Milestone.OBSERVED, text, Clock.CONTROLLER, source):
            return found
    return None


def bound(told_by: Story, sandbox: Versions, start: StartType, lag_ns: int) -> Moment | None:
    """When the claim had its Sandbox: adopted (warm) or made (cold)."""
    reason = {StartType.WARM: "SandboxAdopted", StartType.COLD: "SandboxProvisioned"}.get(start, "")
    made = fields.text_at(sandbox[0].object, "metadata", "creationTimestamp") if sandbox else ""
    return best(
        [
            told(Milestone.BOUND, first_event(told_by, reason)),
            seen(Milestone.BOUND, sandbox, lambda each: story.belongs(each, told_by.uid), lag_ns, "Sandbox"),
            seen(Milestone.BOUND, told_by.claim, lambda each: bool(story.sandbox_named(each)), lag_ns, "claim"),
            stamped(Milestone.BOUND, made, Clock.API_SERVER, "creationTimestamp of the Sandbox")
            if start is StartType.COLD
            else None,
        ]
    )


def sandbox_ready(told_by: Story, sandbox: Versions, lag_ns: int) -> Moment | None:
    first = next((each.object for each in sandbox if fields.is_true(each.object, "Ready")), {})
    text = fields.text_at(fields.condition(first, "Ready"), "lastTransitionTime")
    return best(
        [
            told(Milestone.SANDBOX_READY, first_event(told_by, "SandboxReady")),
            seen(Milestone.SANDBOX_READY, sandbox, lambda each: fields.is_true(each, "Ready"), lag_ns, "Sandbox"),
            stamped(Milestone.SANDBOX_READY, text, Clock.CONTROLLER, "condition Ready of the Sandbox"),
        ]
    )


def claim_ready(told_by: Story, created: Moment | None, start: StartType, lag_ns: int) -> Moment | None:
    """When the claim was first Ready: as watched, else as annotated, else by the second of its condition.

    The annotation is the moment the controller next looked at a claim already Ready: in the recorded burst that is up
    to 40 ms after the client had gone on. So the watch is better, however precise the annotation looks.
    """
    watched = seen(Milestone.CLAIM_READY, told_by.claim, lambda each: fields.is_true(each, "Ready"), lag_ns, "claim")
    found = best([watched, _annotated_ready(told_by)])
    return found or _condition_ready(told_by, created, start)


def _annotated_ready(told_by: Story) -> Moment | None:
    """Any version's: the controller overwrites a good time with `unknown` when it meets its own claim again."""
    for each in told_by.claim:
        annotated = fields.annotation(each.object, READY_AT)
        text = annotated or fields.text_at(each.object, "status", "startup", "firstReadyTime")
        source = "annotation claim-first-ready-at" if annotated else "status.startup.firstReadyTime"
        if found := stamped(Milestone.CLAIM_READY, text, Clock.CONTROLLER, source):
            return found
    return None


def _condition_ready(told_by: Story, created: Moment | None, start: StartType) -> Moment | None:
    """A cold start's only, and only for want of anything else: it says when the Sandbox became ready.

    The claim follows within 0.1 s, so it may be the next second; in the recorded outage it was seven seconds.
    """
    if start is not StartType.COLD:
        return None
    first = next((each.object for each in told_by.claim if fields.is_true(each.object, "Ready")), {})
    text = fields.text_at(fields.condition(first, "Ready"), "lastTransitionTime")
    found = stamped(Milestone.CLAIM_READY, text, Clock.CONTROLLER, "condition Ready of the claim")
    if found and created and found.upper_ns + AGREES_NS < created.lower_ns:
        return None
    if found is None:
        return None
    return replace(found, upper_ns=found.upper_ns + SECOND, precision_ns=found.precision_ns + SECOND)


def first_event(told_by: Story, reason: str) -> Happening | None:
    return next((event for event in told_by.events if event.reason == reason), None)


def start_type(told_by: Story) -> StartType:
    """By the label on the Sandbox once it is the claim's; else by an Event, an age, a name."""
    ours = [
        each.object for versions in told_by.sandboxes for each in versions if story.belongs(each.object, told_by.uid)
    ]
    labels: Mapping[str, StartType] = {"cold": StartType.COLD, "warm": StartType.WARM}
    by_label = next(
        (labels[text] for each in ours if (text := fields.label(each, GROUP + "launch-type")) in labels), None
    )
    if by_label:
        return by_label
    if first_event(told_by, "SandboxAdopted"):
        return StartType.WARM
    if first_event(told_by, "SandboxProvisioned"):
        return StartType.COLD
    named = next((found for each in told_by.claim if (found := story.sandbox_named(each.object))), "")
    if not named:
        return StartType.UNKNOWN
    return StartType.COLD if named == story.name(told_by.object) else StartType.WARM
