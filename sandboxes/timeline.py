"""A claim's objects and Events as rows on a time axis: bars by condition, marks where something was said. Plain Python.

Before: `lifecycle` says what the claim went through; its objects' versions are as `store` kept them. After: pages draw
the rows, in percent of an axis of theirs.

A bar begins when the watch brought a version of the object and lasts until it brought one that says something else:
conditions carry whole seconds, and a warm claim's are copied from a sandbox that was ready long before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sandboxes.object_fields import Object, at, condition, object_at, objects_at, text_at, time_ns
from sandboxes.records import SECOND, Change, ChangeType, Kind, Lifecycle, Milestone

MAX_WORDS = 300  # characters of a condition's or an Event's message: more does not fit on any screen
MAX_MARKS = 100  # of one row of Events
ENDINGS = (ChangeType.DELETED, ChangeType.GONE)
FAILED_REASONS = frozenset({
    "InvalidMetadata", "EnvVarsInjectionRejected", "VolumeClaimTemplatesError", "InvalidConfiguration", "PodFailed",
    "TemplateNotFound", "WarmPoolNotFound", "ReconcilerError", "AdoptionConflict",
})  # fmt: skip
WAITING_FAILED = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff", "CreateContainerError",
    "CreateContainerConfigError", "RunContainerError",
})  # fmt: skip


class Tone(StrEnum):
    """How a bar is drawn."""

    WAITING = "waiting"
    RUNNING = "running"  # and not ready
    READY = "ready"
    PREPARING = "preparing"  # by the pool, before it was this claim's
    POOLED = "pooled"  # ready in the pool
    WARNING = "warning"
    FAILED = "failed"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time; `end_ns` is None while it lasts."""

    start_ns: int
    end_ns: int | None
    tone: Tone
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, of which we know that it lies between `lower_ns` and `time_ns`."""

    time_ns: int
    lower_ns: int


@dataclass(frozen=True, slots=True)
class Row:
    """One object, or the Events of one reason about it."""

    key: str
    label: str
    about: str
    words: str = ""
    warning: bool = False
    count: int = 1  # of an Event: how often it was said
    bars: Sequence[Bar] = field(default=())
    marks: Sequence[Mark] = field(default=())


Phase = tuple[Tone, str]


def object_rows(lifecycle: Lifecycle, changes: Iterable[Change]) -> list[Row]:
    """The claim's row, its Sandbox's, its Pods', each of what was seen of it."""
    by_object: dict[tuple[Kind, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind in PHASES:
            by_object[change.kind, change.uid].append(change)
    rows = []
    for (kind, uid), versions in sorted(by_object.items(), key=_place):
        name = text_at(versions[0].object, "metadata", "name")
        bars = _bars(lifecycle, kind, sorted(versions, key=lambda change: change.received_ns))
        about = "" if name == lifecycle.name else name
        rows.append(Row(f"object-{uid}", kind, about, bars=bars))
    return rows


def _place(item: tuple[tuple[Kind, str], list[Change]]) -> tuple[int, int]:
    (kind, _), versions = item
    return list(PHASES).index(kind), min(change.received_ns for change in versions)


def _bars(lifecycle: Lifecycle, kind: Kind, versions: list[Change]) -> list[Bar]:
    bars: list[Bar] = []
    for number, change in enumerate(versions):
        start_ns = change.received_ns
        if number == 0 and change.type == ChangeType.LISTED:
            start_ns = _listed_from(lifecycle, kind, change)
        if bars:
            bars[-1] = Bar(bars[-1].start_ns, _ended_ns(change), bars[-1].tone, bars[-1].words)
        if change.type in ENDINGS:
            if change.type == ChangeType.GONE and change.after_ns is not None:
                bars.append(Bar(change.after_ns, change.received_ns, Tone.ENDING, "deleted while nobody watched"))
            break
        tone, words = _phase(lifecycle, kind, change)
        if bars and (bars[-1].tone, bars[-1].words) == (tone, words):
            bars[-1] = Bar(bars[-1].start_ns, None, tone, words)
        else:
            bars.append(Bar(start_ns, None, tone, words))
    return bars


def _ended_ns(change: Change) -> int:
    return change.after_ns if change.type == ChangeType.GONE and change.after_ns is not None else change.received_ns


def _listed_from(lifecycle: Lifecycle, kind: Kind, change: Change) -> int:
    """An object that was there before us: since when its readiness is what it is, else since it was made."""
    known = {Kind.CLAIM: Milestone.CREATED, Kind.POD: Milestone.POD_CREATED}.get(kind)
    made = lifecycle.moments.get(known) if known else None
    made_ns = made.time_ns if made else time_ns(text_at(change.object, "metadata", "creationTimestamp"))
    return min(made_ns or change.received_ns, change.received_ns)


def _phase(lifecycle: Lifecycle, kind: Kind, change: Change) -> Phase:
    if text_at(change.object, "metadata", "deletionTimestamp"):
        return Tone.ENDING, "being deleted"
    tone, words = PHASES[kind](change.object)
    return _in_pool(lifecycle, change, tone, words) if kind != Kind.CLAIM else (tone, words)


def _in_pool(lifecycle: Lifecycle, change: Change, tone: Tone, words: str) -> Phase:
    """What happened before the claim adopted the sandbox was the pool's work."""
    bound = lifecycle.moments.get(Milestone.BOUND)
    if not any(stage.pre_warmed for stage in lifecycle.stages) or bound is None:
        return tone, words
    if change.kind == Kind.SANDBOX and text_at(change.object, "metadata", "labels", CLAIM_UID_LABEL) == lifecycle.uid:
        return tone, "Ready, adopted by this claim" if tone == Tone.READY else words
    if change.received_ns >= bound.time_ns or tone in (Tone.WARNING, Tone.FAILED):
        return tone, words
    return (Tone.POOLED, "Ready, in the pool") if tone == Tone.READY else (Tone.PREPARING, words)


CLAIM_UID_LABEL = "agents.x-k8s.io/claim-uid"


def _by_ready(object_: Object) -> Phase:
    """A claim or a Sandbox."""
    ready = condition(object_, "Ready")
    reason, message = text_at(ready, "reason"), text_at(ready, "message")
    words = (message or reason)[:MAX_WORDS]
    if ready.get("status") == "True":
        return Tone.READY, "Ready"
    if not ready:
        return Tone.WAITING, "No status yet"
    if reason in FAILED_REASONS:
        return Tone.FAILED, f"{reason}: {words}" if words != reason else reason
    return Tone.RUNNING if "Running" in message else Tone.WAITING, words


def _by_pod(pod: Object) -> Phase:
    phase = text_at(pod, "status", "phase")
    scheduled = condition(pod, "PodScheduled")
    waiting = _waiting(pod)
    if condition(pod, "Ready").get("status") == "True":
        return Tone.READY, "Ready"
    if phase == "Failed":
        return Tone.FAILED, f"Failed {_ended(pod)}".strip()
    if phase == "Succeeded":
        return Tone.ENDING, "Ended by itself"
    if text_at(scheduled, "reason") == "Unschedulable":
        return Tone.WARNING, f"Unschedulable: {text_at(scheduled, 'message')[:MAX_WORDS]}"
    if waiting in WAITING_FAILED:
        return Tone.WARNING, waiting
    if phase == "Running":
        return Tone.RUNNING, "Running, not ready"
    node = text_at(pod, "spec", "nodeName")
    if not node:
        return Tone.WAITING, "No node yet"
    started = condition(pod, "PodReadyToStartContainers").get("status") == "True"
    return Tone.WAITING, "Image and container" if started else f"Scheduled on {node}"


def _waiting(pod: Object) -> str:
    """Why a container waits, where one does."""
    states = (object_at(status, "state", "waiting") for status in objects_at(pod, "status", "containerStatuses"))
    return next((text_at(state, "reason") for state in states if state), "")


def _number(value: Object, name: str) -> str:
    found = at(value, name)
    return str(found) if isinstance(found, int) else ""


def _ended(pod: Object) -> str:
    """How the first container that ended did."""
    for status in objects_at(pod, "status", "containerStatuses"):
        state = object_at(status, "state", "terminated")
        if state:
            return f"{text_at(state, 'reason')}, exit {_number(state, 'exitCode')}"
    return text_at(pod, "status", "reason")


PHASES: dict[Kind, Callable[[Object], Phase]] = {Kind.CLAIM: _by_ready, Kind.SANDBOX: _by_ready, Kind.POD: _by_pod}


def event_rows(changes: Iterable[Change]) -> list[Row]:
    """A row for each reason and object, in the order of their first mark; a repeat is one more mark in it."""
    groups: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.kind == Kind.EVENT and change.type not in ENDINGS:
            about = regarding(change.object)
            groups[text_at(change.object, "reason"), text_at(about, "kind"), text_at(about, "name")].append(change)
    rows = [_event_row(key, group) for key, group in groups.items()]
    return sorted(rows, key=lambda row: row.marks[0].time_ns)


def _event_row(key: tuple[str, str, str], group: list[Change]) -> Row:
    group.sort(key=lambda change: change.received_ns)
    marks: dict[tuple[str, int], Mark] = {}
    counts: dict[str, int] = defaultdict(int)
    for change in group:
        mark = event_mark(change)
        # Every Event is in both APIs, and is brought by both.
        marks.setdefault((change.uid, mark.lower_ns), mark)
        counts[change.uid] = max(counts[change.uid], event_count(change.object))
    newest = group[-1].object
    reason, kind, name = key
    return Row(
        key=f"event-{reason}-{kind}-{name}",
        label=reason or "(no reason)",
        about=kind,
        words=(text_at(newest, "message") or text_at(newest, "note"))[:MAX_WORDS],
        warning=text_at(newest, "type") == "Warning",
        count=sum(counts.values()),
        marks=sorted(marks.values(), key=lambda mark: mark.time_ns)[:MAX_MARKS],
    )


def regarding(event: Object) -> Object:
    """What an Event is about, in either API."""
    return object_at(event, "regarding") or object_at(event, "involvedObject")


def event_count(event: Object) -> int:
    """How often it was said by now."""
    found = object_at(event, "series").get("count") or event.get("count") or event.get("deprecatedCount")
    return found if isinstance(found, int) and 0 < found < 10**6 else 1


def event_mark(change: Change) -> Mark:
    """When it was said: to the microsecond, or some time in a second, and before we received it."""
    event = change.object
    exact_ns = time_ns(text_at(object_at(event, "series"), "lastObservedTime") or text_at(event, "eventTime"))
    if exact_ns is not None:
        return Mark(exact_ns, exact_ns)
    second_ns = time_ns(text_at(event, "lastTimestamp") or text_at(event, "deprecatedLastTimestamp"))
    if second_ns is None:
        return Mark(change.received_ns, change.received_ns)
    return Mark(max(min(second_ns + SECOND, change.received_ns), second_ns), second_ns)
