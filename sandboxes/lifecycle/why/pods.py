"""What keeps the Pod from being ready: no node, no image, a container that fails. Plain Python."""

from __future__ import annotations

from collections.abc import Iterator

from sandboxes import object_fields as fields
from sandboxes.lifecycle.events import Happening
from sandboxes.lifecycle.story import last_look
from sandboxes.lifecycle.why.case import Case, condition_proof, event_proof, quoted, sentence, span_text
from sandboxes.object_fields import Object
from sandboxes.records import SECOND, ChangeType, Kind, Milestone, Proof, StartType, Why

_PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ErrImageInspect")
_START_FAILURES = ("CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_SMALLER = "Use a smaller image or one already on the nodes, or keep warm Sandboxes in the pool."
SLOW_PULL_NS = 5 * SECOND
NOTICED_NS = SECOND  # by the watch, at the latest, on a busy machine


def unschedulable(case: Case) -> Why | None:
    """The scheduler's own words, from its Event, the Pod, or the Sandbox that mirrors it."""
    pod, sandbox = case.pod, _sandbox(case)
    for kind, value in ((Kind.POD, pod), (Kind.SANDBOX, sandbox)):
        found = fields.condition(value, "PodScheduled")
        if found.get("status") == "False":
            event = case.event("FailedScheduling")
            proof = event_proof(event) if event else condition_proof(kind, value, "PodScheduled", case.end_ns)
            words = fields.text_at(found, "message") or proof.message or proof.reason
            advice = "Free room on the nodes, add one, or ask for less in the SandboxTemplate."
            return Why("unschedulable", f"No node can take its Pod: {sentence(words)}", advice, proof)
    return None


def _sandbox(case: Case) -> Object:
    return last_look(case.told_by.sandboxes[-1]) if case.told_by.sandboxes else {}


def image_pull_failing(case: Case) -> Why | None:
    waiting = next((each for each in _statuses(case.pod) if _waits_for(each) in _PULL_FAILURES), None)
    if waiting is None:
        return None
    event = case.event("Failed", "BackOff")
    proof = event_proof(event) if event else _container_proof(case, waiting)
    image = fields.text_at(waiting, "image")
    words = fields.text_at(waiting, "state", "waiting", "message") or proof.message
    advice = "Check the image's name and the node's access to its registry."
    return Why("image pull failing", f"The node cannot pull {quoted(image)}: {sentence(words)}", advice, proof)


def image_pull_slow(case: Case) -> Why | None:
    """A pull that had begun and did not end."""
    began = case.event("Pulling")
    ended = case.event("Pulled")
    if began is None or (ended is not None and ended.last_ns >= began.time_ns):
        return None
    waited_ns = case.end_ns - _first_seen_ns(began)
    if waited_ns < SLOW_PULL_NS:
        return None
    words = f"{_node(case)} was still pulling its image after {span_text(waited_ns)}: {sentence(began.message)}"
    return Why("image pull slow", words, _SMALLER, event_proof(began))


def image_pull_was_slow(case: Case) -> Why | None:
    """A cold start that waited for its image and then succeeded."""
    scheduled, started = case.moments.get(Milestone.SCHEDULED), case.moments.get(Milestone.STARTED)
    began = case.event("Pulling")
    if case.start is not StartType.COLD or scheduled is None or started is None or began is None:
        return None
    if started.lower_ns - scheduled.upper_ns < SLOW_PULL_NS:
        return None
    waited = span_text(started.time_ns - scheduled.time_ns)
    words = f"{_node(case)} needed {waited} to pull its image and start it: {sentence(began.message)}"
    return Why("image pull slow", words, _SMALLER, event_proof(began))


def _node(case: Case) -> str:
    node = fields.text_at(case.pod, "spec", "nodeName")
    return f"Node {quoted(node)}" if node else "The node"


def _first_seen_ns(event: Happening) -> int:
    """The kubelet writes seconds only; the watch knows where in that second."""
    within = event.received_ns is not None and event.time_ns <= event.received_ns <= event.time_ns + event.width_ns
    return event.received_ns if event.received_ns is not None and within else event.time_ns


def container_failing(case: Case) -> Why | None:
    """A container that ended, or that starts and ends again and again."""
    for status in _statuses(case.pod):
        if _waits_for(status) in _START_FAILURES:
            how = fields.text_at(status, "state", "waiting", "message") or _waits_for(status)
            return _failed(case, status, _ended(status, "lastState") or how)
        if how := _ended_badly(status):
            return _failed(case, status, how)
    if case.reason not in ("PodFailed", "PodSucceeded"):
        return None
    words = fields.text_at(case.pod, "status", "message") or case.message or case.reason
    return Why("container failing", f"Its Pod ended: {sentence(words)}", "Look at the Pod's log.", case.claim_proof())


def _failed(case: Case, status: Object, how: str) -> Why:
    name = fields.text_at(status, "name")
    advice = "Raise its memory limit in the SandboxTemplate." if "OOMKilled" in how else "Look at the container's log."
    words = f"Its container {quoted(name)} failed: {sentence(how)}"
    return Why("container failing", words, advice, _container_proof(case, status))


def _ended_badly(status: Object) -> str:
    """An init container that is done, or a helper that did its work, has not failed."""
    code = fields.at(status, "state", "terminated", "exitCode")
    return "" if code == 0 else _ended(status, "state")


def _ended(status: Object, state: str) -> str:
    """How a container ended, or nothing while it has not."""
    ended = fields.object_at(status, state, "terminated")
    code = ended.get("exitCode")
    reason = fields.text_at(ended, "reason") or ("ended" if ended else "")
    return f"{reason}, exit code {code}" if ended and isinstance(code, int) else reason


def probe_failing(case: Case) -> Why | None:
    event = case.event("Unhealthy")
    if event is None:
        return None
    advice = "Check the readinessProbe in the SandboxTemplate against what the container serves."
    return Why("probe failing", f"It runs, but is not ready: {sentence(event.message)}", advice, event_proof(event))


def _statuses(pod: Object) -> Iterator[Object]:
    yield from fields.objects_at(pod, "status", "initContainerStatuses")
    yield from fields.objects_at(pod, "status", "containerStatuses")


def _waits_for(status: Object) -> str:
    return fields.text_at(status, "state", "waiting", "reason")


def _container_proof(case: Case, status: Object) -> Proof:
    """The Pod, in the words of its container's state."""
    pod = fields.text_at(case.pod, "metadata", "name")
    how = _ended(status, "state") or _ended(status, "lastState") or _waits_for(status)
    reason = fields.text_at(status, "state", "terminated", "reason") or _waits_for(status)
    return Proof(
        Kind.POD.value,
        pod,
        reason,
        f"{fields.text_at(status, 'name')}: {how}",
        _ended_ns(case, status),
    )


def _ended_ns(case: Case, status: Object) -> int:
    """The kubelet writes seconds only; the watch knows where in that second, or shortly after."""
    finished = fields.read_time(fields.text_at(status, "state", "terminated", "finishedAt"))
    if finished is None:
        return case.end_ns
    time_ns, width_ns = finished
    name = fields.text_at(status, "name")
    first = next((each for each in case.told_by.pods[-1] if _has_ended(each.object, name)), None)
    if first is None or first.type is ChangeType.LISTED or not time_ns <= first.received_ns:
        return time_ns
    late = first.received_ns > time_ns + width_ns + NOTICED_NS
    return time_ns if late else min(first.received_ns, time_ns + width_ns)


def _has_ended(pod: Object, container: str) -> bool:
    return any(_ended(each, "state") for each in _statuses(pod) if fields.text_at(each, "name") == container)
