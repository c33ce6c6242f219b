"""Kubernetes Events, of either API, as what happened to whom and when. Plain Python.

Before: `store` hands over Events among the changes; the same Event comes from core/v1 and from events.k8s.io, and
again each time it is repeated. After: one `Happening` an Event: its first time, its latest words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandboxes import object_fields as fields
from sandboxes.object_fields import Object
from sandboxes.records import US, Change, ChangeType, Clock

_REPORTERS = {"default-scheduler": Clock.SCHEDULER, "kubelet": Clock.KUBELET, "kwok": Clock.KUBELET}
# Who writes a reason when the Event does not name its reporter.
_REASONS = {
    **dict.fromkeys(("Scheduled", "FailedScheduling"), Clock.SCHEDULER),
    **dict.fromkeys(("Pulling", "Pulled", "Created", "Started", "Killing", "BackOff", "Failed"), Clock.KUBELET),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """An Event. `time_ns` is its first time, known to `width_ns`; `last_ns` its latest."""

    about_kind: str
    about_name: str
    about_uid: str
    reason: str
    message: str
    warning: bool
    clock: Clock
    time_ns: int
    width_ns: int
    last_ns: int
    name: str
    received_ns: int | None  # when the watch first brought it; None: it was listed

    @property
    def precise(self) -> bool:
        return self.width_ns <= US


def read_events(changes: Iterable[Change]) -> list[Happening]:
    """Each Event once, by its first time."""
    versions: dict[str, list[Change]] = {}
    for change in changes:
        versions.setdefault(change.uid or fields.text_at(change.object, "metadata", "name"), []).append(change)
    found = (_happening(each) for each in versions.values())
    return sorted((event for event in found if event is not None), key=lambda event: event.time_ns)


def _happening(versions: list[Change]) -> Happening | None:
    times = [time for change in versions for time in _times(change.object)]
    if not times:
        return None
    first, last = versions[0], versions[-1].object
    time_ns, width_ns = min(times, key=lambda time: (time[1] > US, time[0]))
    about = fields.object_at(last, "regarding") or fields.object_at(last, "involvedObject")
    reason = fields.text_at(last, "reason")
    return Happening(
        about_kind=fields.text_at(about, "kind"),
        about_name=fields.text_at(about, "name"),
        about_uid=fields.text_at(about, "uid"),
        reason=reason,
        message=fields.text_at(last, "note") or fields.text_at(last, "message"),
        warning=fields.text_at(last, "type") == "Warning",
        clock=_REPORTERS.get(_reporter(last)) or _REASONS.get(reason, Clock.CONTROLLER),
        time_ns=time_ns,
        width_ns=width_ns,
        last_ns=max(time for time, _ in times),
        name=fields.text_at(last, "metadata", "name"),
        received_ns=first.received_ns if first.type is ChangeType.ADDED else None,
    )


def _reporter(event: Object) -> str:
    paths = (
        ("reportingController",),
        ("reportingComponent",),
        ("deprecatedSource", "component"),
        ("source", "component"),
    )
    return next((found for path in paths if (found := fields.text_at(event, *path))), "")


def _times(event: Object) -> list[tuple[int, int]]:
    paths = (
        ("eventTime",),
        ("deprecatedFirstTimestamp",),
        ("firstTimestamp",),
        ("series", "lastObservedTime"),
        ("deprecatedLastTimestamp",),
        ("lastTimestamp",),
    )
    known = [time for path in paths if (time := fields.read_time(fields.text_at(event, *path)))]
    return known or [
        time for time in (fields.read_time(fields.text_at(event, "metadata", "creationTimestamp")),) if time
    ]
