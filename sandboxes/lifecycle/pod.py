"""The Pod's part of the start: made, scheduled, started, ready. Plain Python.

Before: `story` has the Pod's versions and Events, and the Sandbox's. After: `sources` puts them among the others.

Who may not look at Pods still sees their steps: the Sandbox mirrors the scheduler's condition, and says the rest in
the words of its Ready condition.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandboxes import object_fields as fields
from sandboxes.lifecycle.events import Happening
from sandboxes.lifecycle.sightings import best, seen, stamped, told
from sandboxes.lifecycle.story import Story, Versions
from sandboxes.object_fields import Object
from sandboxes.records import Clock, Milestone, Moment

# Messages of the Sandbox's Ready condition, in their order.
MADE, RUNNING, READY = "Pod exists with phase", "Pod is Running but not Ready", "Pod is Ready"


def pod_moments(told_by: Story, pod: Versions, sandbox: Versions, lag_ns: int) -> Iterator[Moment | None]:
    """Pod created, scheduled, started and ready, as far as known."""
    uid = pod[0].uid if pod else ""
    events = {event.reason: event for event in reversed(told_by.events) if uid and event.about_uid == uid}
    yield _created(pod, sandbox, lag_ns)
    yield _scheduled(events.get("Scheduled"), pod, sandbox, lag_ns)
    yield _started(events.get("Started"), pod, sandbox, lag_ns)
    yield _ready(pod, sandbox, lag_ns)


def _created(pod: Versions, sandbox: Versions, lag_ns: int) -> Moment | None:
    text = fields.text_at(pod[0].object, "metadata", "creationTimestamp") if pod else ""
    return best(
        [
            seen(Milestone.POD_CREATED, pod[:1], lambda _: True, lag_ns, "Pod"),
            stamped(Milestone.POD_CREATED, text, Clock.API_SERVER, "creationTimestamp of the Pod"),
            None if pod else seen(Milestone.POD_CREATED, sandbox, lambda each: _says(each, MADE), lag_ns, "Sandbox"),
        ]
    )


def _scheduled(event: Happening | None, pod: Versions, sandbox: Versions, lag_ns: int) -> Moment | None:
    return best(
        [
            told(Milestone.SCHEDULED, event),
            seen(Milestone.SCHEDULED, pod, lambda each: fields.is_true(each, "PodScheduled"), lag_ns, "Pod"),
            _conditioned(Milestone.SCHEDULED, pod, "PodScheduled", Clock.SCHEDULER, "Pod"),
            *(() if pod else _of_sandbox(Milestone.SCHEDULED, sandbox, lag_ns)),
        ]
    )


def _of_sandbox(milestone: Milestone, sandbox: Versions, lag_ns: int) -> Iterator[Moment | None]:
    yield seen(milestone, sandbox, lambda each: fields.is_true(each, "PodScheduled"), lag_ns, "Sandbox")
    yield _conditioned(milestone, sandbox, "PodScheduled", Clock.CONTROLLER, "Sandbox")


def _started(event: Happening | None, pod: Versions, sandbox: Versions, lag_ns: int) -> Moment | None:
    """When the last of its containers first ran."""
    running = next((each.object for each in pod if has_started(each.object)), {})
    text = max((_started_at(status) for status in _containers(running)), default="")
    return best(
        [
            seen(Milestone.STARTED, pod, has_started, lag_ns, "Pod"),
            stamped(Milestone.STARTED, text, Clock.KUBELET, "startedAt of the container"),
            told(Milestone.STARTED, event),
            None if pod else seen(Milestone.STARTED, sandbox, lambda each: _says(each, RUNNING), lag_ns, "Sandbox"),
        ]
    )


def _ready(pod: Versions, sandbox: Versions, lag_ns: int) -> Moment | None:
    return best(
        [
            seen(Milestone.POD_READY, pod, lambda each: fields.is_true(each, "Ready"), lag_ns, "Pod"),
            _conditioned(Milestone.POD_READY, pod, "Ready", Clock.KUBELET, "Pod"),
            None if pod else seen(Milestone.POD_READY, sandbox, lambda each: _says(each, READY), lag_ns, "Sandbox"),
        ]
    )


def _conditioned(milestone: Milestone, versions: Versions, kind: str, clock: Clock, owner: str) -> Moment | None:
    first = next((each.object for each in versions if fields.is_true(each.object, kind)), {})
    text = fields.text_at(fields.condition(first, kind), "lastTransitionTime")
    return stamped(milestone, text, clock, f"condition {kind} of the {owner}")


def _says(sandbox: Object, words: str) -> bool:
    return fields.text_at(fields.condition(sandbox, "Ready"), "message").startswith(words)


def has_started(pod: Object) -> bool:
    """Whether every container has run; one that ended at once has, too."""
    statuses = list(_containers(pod))
    return bool(statuses) and all(_started_at(status) for status in statuses)


def _containers(pod: Object) -> Iterator[Object]:
    return fields.objects_at(pod, "status", "containerStatuses")


def _started_at(status: Object) -> str:
    running = fields.text_at(status, "state", "running", "startedAt")
    return running or fields.text_at(status, "state", "terminated", "startedAt")
