"""Dates what became true of an object between two looks at it. Plain Python.

Before: `story` has the versions of an object in order. After: `sources` weighs these moments against annotations,
conditions and Events.

A watch brings a change some milliseconds after it was made (0.1 to 0.2 s in a burst); a list says only that it was
made before. Both bounds are kept, so that nothing looks better known than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sandboxes import object_fields as fields
from sandboxes.lifecycle.events import Happening
from sandboxes.object_fields import Object
from sandboxes.records import MS, SECOND, US, Change, ChangeType, Clock, Milestone, Moment

USUAL_LAG_NS = 25 * MS  # of a quiet watch: 9 of 10 Events in the recordings came within it
MAX_LAG_NS = SECOND  # beyond it a receipt is late (a watch resumed), or the clocks disagree
AGREES_NS = SECOND


def watch_lag_ns(events: Iterable[Happening]) -> int:
    """How late this claim's watch was at worst, by the Events that say their own time to the microsecond."""
    lags = [
        event.received_ns - event.time_ns
        for event in events
        if event.precise and event.received_ns is not None and event.last_ns == event.time_ns
    ]
    return max((lag for lag in lags if 0 < lag < MAX_LAG_NS), default=USUAL_LAG_NS)


def stamped(milestone: Milestone, text: str, clock: Clock, source: str) -> Moment | None:
    """A moment written in an object. Cut to the second it lies anywhere in that second."""
    found = fields.read_time(text)
    if found is None:
        return None
    time_ns, width_ns = found
    width_ns = max(width_ns, US)  # Go writes nanoseconds; no clock here is that good
    return Moment(milestone, time_ns, time_ns, time_ns + width_ns, clock, width_ns, source)


def told(milestone: Milestone, event: Happening | None) -> Moment | None:
    """When an Event says it happened."""
    if event is None:
        return None
    end_ns = event.time_ns + event.width_ns
    source = f"Event {event.reason}"
    return Moment(milestone, event.time_ns, event.time_ns, end_ns, event.clock, max(event.width_ns, US), source)


def seen(
    milestone: Milestone, versions: Sequence[Change], holds: Callable[[Object], bool], lag_ns: int, source: str
) -> Moment | None:
    """When the watch first brought a version of which that holds; between two lists, the time between them.

    None when nothing bounds it: an object that was already so when first listed.
    """
    before: Change | None = None
    for change in versions:
        if change.type is ChangeType.GONE:
            return None  # its object is the one seen before
        if holds(change.object):
            return _between(milestone, before, change, lag_ns, source)
        before = change
    return None


def _between(milestone: Milestone, before: Change | None, change: Change, lag_ns: int, source: str) -> Moment | None:
    now_ns = change.received_ns
    if change.type is not ChangeType.LISTED and (before is not None or is_new(change)):
        earliest_ns = now_ns - lag_ns if before is None else max(now_ns - lag_ns, before.received_ns - lag_ns)
        return Moment(milestone, now_ns, earliest_ns, now_ns, Clock.RECEIPT, lag_ns, f"watch of the {source}")
    if before is None:
        return None
    width_ns = max(now_ns - before.received_ns, US)
    return Moment(milestone, now_ns, now_ns - width_ns, now_ns, Clock.RECEIPT, width_ns, f"two lists of the {source}")


def is_new(change: Change) -> bool:
    """Whether ADDED means made just now: some watches begin with what is there already, as ADDED."""
    created = fields.read_time(fields.text_at(change.object, "metadata", "creationTimestamp"))
    if change.type is not ChangeType.ADDED or created is None:
        return False
    return change.received_ns < created[0] + created[1] + AGREES_NS


def best(candidates: Iterable[Moment | None]) -> Moment | None:
    """The first candidate that nothing contradicts.

    Each says that the milestone was reached by its upper bound. So one that lies a second or more after another's
    bound is late (a watch that was away) or of a later time (a condition that went and came back), and falls out.
    """
    known = [candidate for candidate in candidates if candidate is not None]
    if not known:
        return None
    limit_ns = min(candidate.upper_ns for candidate in known)
    agreeing = (candidate for candidate in known if candidate.time_ns <= limit_ns + AGREES_NS)
    chosen = next(agreeing, None) or min(known, key=lambda candidate: candidate.upper_ns)
    if chosen.lower_ns <= limit_ns < chosen.upper_ns:
        return replace(chosen, time_ns=min(chosen.time_ns, limit_ns), upper_ns=limit_ns)
    return chosen
