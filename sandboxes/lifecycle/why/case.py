"""What the rules look at, and how they show their proof. Plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandboxes import object_fields as fields
from sandboxes.lifecycle import story
from sandboxes.lifecycle.ends import EXPIRY
from sandboxes.lifecycle.events import Happening
from sandboxes.lifecycle.state import TERMINAL
from sandboxes.lifecycle.story import Story
from sandboxes.object_fields import Object
from sandboxes.records import MS, SECOND, ChangeType, Kind, Milestone, Moment, Proof, StartType

MAX_QUOTED = 400  # characters of a message within a sentence


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to be explained. `now_ns`: what waiting is measured against."""

    told_by: Story
    moments: Mapping[Milestone, Moment]
    start: StartType
    now_ns: int

    @property
    def ready(self) -> Object:
        return fields.condition(self.told_by.object, "Ready")

    @property
    def reason(self) -> str:
        return fields.text_at(self.ready, "reason")

    @property
    def message(self) -> str:
        return fields.text_at(self.ready, "message")

    @property
    def zero_ns(self) -> int:
        known = (self.moments.get(each) for each in (Milestone.REQUESTED, Milestone.CREATED))
        return next((moment.time_ns for moment in known if moment), self.told_by.claim[0].received_ns)

    @property
    def unseen(self) -> bool:
        """Whether it went while nobody watched: then what it became before is not known."""
        return self.told_by.claim[-1].type is ChangeType.GONE

    @property
    def served(self) -> bool:
        """Whether it was ready and is now deleted, or on its way: what its Pod does then is no failure."""
        ends = Milestone.DELETED in self.moments or fields.text_at(self.told_by.object, "metadata", "deletionTimestamp")
        return bool(ends) and Milestone.CLAIM_READY in self.moments and self.reason not in (*TERMINAL, *EXPIRY)

    @property
    def end_ns(self) -> int:
        """Now, or the claim's end: nothing waits any longer after it."""
        deleted = self.moments.get(Milestone.DELETED)
        return min(deleted.upper_ns, self.now_ns) if deleted else self.now_ns

    @property
    def pod(self) -> Object:
        """The newest Pod as it was last seen while the claim was there: its end says nothing about the claim's."""
        versions = self.told_by.pods[-1] if self.told_by.pods else ()
        whole = (each for each in reversed(versions) if each.type is not ChangeType.GONE)
        alive = (each for each in whole if not fields.text_at(each.object, "metadata", "deletionTimestamp"))
        return next((each.object for each in alive if each.received_ns <= self.end_ns), {})

    def event(self, *reasons: str) -> Happening | None:
        """The latest Event with one of these reasons that was there before the claim's end."""
        events = (each for each in reversed(self.told_by.events) if each.reason in reasons)
        return next((each for each in events if each.time_ns <= self.end_ns), None)

    @property
    def not_ready_ns(self) -> int:
        """How long the claim has said what it says now."""
        since = fields.read_time(fields.text_at(self.ready, "lastTransitionTime"))
        return self.end_ns - (since[0] if since else self.zero_ns)

    def waited_ns(self, milestone: Milestone) -> int:
        moment = self.moments.get(milestone)
        return self.end_ns - moment.time_ns if moment else 0

    def claim_proof(self) -> Proof:
        """The claim's own Ready condition."""
        return condition_proof(Kind.CLAIM, self.told_by.object, "Ready", self.told_by.claim[-1].received_ns)


def event_proof(event: Happening) -> Proof:
    return Proof(Kind.EVENT.value, event.name, event.reason, event.message, event.time_ns)


def condition_proof(kind: Kind, value: Object, condition: str, seen_ns: int) -> Proof:
    found = fields.condition(value, condition)
    changed = fields.read_time(fields.text_at(found, "lastTransitionTime"))
    reason, message = fields.text_at(found, "reason"), fields.text_at(found, "message")
    return Proof(kind.value, story.name(value), reason, message, changed[0] if changed else seen_ns)


def object_proof(kind: Kind, value: Object, message: str) -> Proof:
    created = fields.read_time(fields.text_at(value, "metadata", "creationTimestamp"))
    return Proof(kind.value, story.name(value), "", message, created[0] if created else 0)


def quoted(text: str) -> str:
    return f"“{text}”"


def span_text(time_ns: int) -> str:
    """A length of time in words: 31 ms, 8.0 s, 3 min."""
    if time_ns < SECOND:
        return f"{max(time_ns, 0) // MS} ms"
    return f"{time_ns / SECOND:.1f} s" if time_ns < 120 * SECOND else f"{time_ns // (60 * SECOND)} min"


def sentence(words: str) -> str:
    """Somebody else's words as the end of a sentence; the proof holds them whole."""
    words = " ".join(words.split()).rstrip(".")
    cut = f"{words[:MAX_QUOTED]}…" if len(words) > MAX_QUOTED else words
    return f"{cut}." if cut else ""
