"""Where a claim's time went, in one sentence, with what shows it. Plain Python.

Before: `lifecycle` has stages and, for a claim that is held up, why. After: the claim's page says it, and its Markdown.
Lengths are said no finer than the worse clock of both ends: `dashboard` has the words, hence `say`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandboxes.lifecycle import STAGES
from sandboxes.lifecycle.state import TERMINAL
from sandboxes.records import Lifecycle, Milestone, Moment, Owner, Stage, StartType, State
from sandboxes.timeline import Row

Say = Callable[[int, int], str]  # a length and its precision, in words
READY = (Milestone.CLAIM_READY, Milestone.CLIENT_READY)
WAITS_FOR = {
    Milestone.CREATED: "the API server to keep the claim",
    Milestone.OBSERVED: "the controller to see the claim",
    Milestone.BOUND: "the controller to give it a sandbox",
    Milestone.POD_CREATED: "the controller to make its Pod",
    Milestone.SCHEDULED: "a node",
    Milestone.STARTED: "the image and the container",
    Milestone.POD_READY: "the readiness probe",
    Milestone.SANDBOX_READY: "the controller to see that the Pod is ready",
    Milestone.CLAIM_READY: "the controller to say that the claim is ready",
}
BY_OWNER = {
    Owner.CLIENT: "on the client's side",
    Owner.CONTROLLER: "in the controller",
    Owner.SCHEDULER: "waiting for the scheduler",
    Owner.NODE: "pulling the image and starting the container on the node",
    Owner.READINESS: "waiting until the container answered its readiness probe",
}
MOST_PROOFS = 3
WARM_START = frozenset({Milestone.CREATED, Milestone.OBSERVED, Milestone.BOUND, Milestone.CLAIM_READY})
CLIENTS = frozenset({Milestone.CLIENT_READY, Milestone.FIRST_COMMAND})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the sentence."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows it: a row of the timeline to look at, or a text alone."""

    text: str
    time_ns: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """The sentence, its proof, and what to do next."""

    sentence: tuple[Part, ...]
    proofs: tuple[Proof, ...] = ()
    advice: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.sentence)


def ready(lifecycle: Lifecycle) -> Moment | None:
    """When it could be used: what time to ready is measured to."""
    return next((lifecycle.moments[name] for name in READY if name in lifecycle.moments), None)


def starting_stages(lifecycle: Lifecycle) -> list[Stage]:
    """The stages of the start, which time to ready is made of."""
    end = ready(lifecycle)
    own = [stage for stage in lifecycle.stages if not stage.pre_warmed]
    return own if end is None else [stage for stage in own if stage.end.time_ns <= end.time_ns]


def longest(lifecycle: Lifecycle) -> Stage | None:
    """The stage of the start that took most time."""
    return max(starting_stages(lifecycle), key=lambda stage: stage.duration_ns, default=None)


def longest_in(value: Mapping[str, Any]) -> str:
    """The name of the same stage in a story as it is kept (`lifecycle.to_json`), without reading the rest; or empty."""
    reached = {moment["milestone"]: moment for moment in value["moments"]}
    end_ns = next((int(reached[name]["time_ns"]) for name in READY if name in reached), None)
    name, longest_ns = "", -1
    for stage in value["stages"]:
        until_ns = int(stage["end"]["time_ns"])
        if stage["pre_warmed"] or (end_ns is not None and until_ns > end_ns):
            continue
        duration_ns = max(0, until_ns - int(stage["start"]["time_ns"]))
        if duration_ns > longest_ns:
            name, longest_ns = stage["name"], duration_ns
    return name


@dataclass(frozen=True, slots=True)
class Wait:
    """The stage a claim that is not ready is in, or was in when it ended."""

    name: str
    owner: Owner
    start_ns: int
    end_ns: int


def wait(lifecycle: Lifecycle, now_ns: int) -> Wait | None:
    """What it waits for until now, or waited for until it was deleted or expired; None once it was ready."""
    if ready(lifecycle) is not None:
        return None
    reached = [number for number, kind in enumerate(STAGES) if kind.end in lifecycle.moments]
    last_ns = max((lifecycle.moments[STAGES[number].end].time_ns for number in reached), default=lifecycle.zero_ns)
    rest = STAGES[max(reached, default=-1) + 1 :]
    kind = next((kind for kind in rest if is_expected(lifecycle, kind.end)), None)
    if kind is None or kind.end not in WAITS_FOR:
        return None
    return Wait(kind.name, kind.owner, last_ns, max(_end_ns(lifecycle, now_ns), last_ns))


def _end_ns(lifecycle: Lifecycle, now_ns: int) -> int:
    """When waiting was over: at its end, or once nothing could help it any more, though it may be there long after."""
    hopeless = lifecycle.reason in TERMINAL or lifecycle.never_made
    if hopeless and lifecycle.why and lifecycle.why.proof and lifecycle.why.proof.time_ns:
        return lifecycle.why.proof.time_ns
    ended = lifecycle.moments.get(Milestone.DELETED) or lifecycle.moments.get(Milestone.EXPIRED)
    return ended.time_ns if ended else now_ns


def is_expected(lifecycle: Lifecycle, end: Milestone) -> bool:
    """A warm claim has no Pod to wait for."""
    return lifecycle.start_type != StartType.WARM or end in WARM_START or end in CLIENTS


def tell(lifecycle: Lifecycle, events: Sequence[Row], now_ns: int, say: Say) -> Story:
    """The story of a claim, as far as it is known."""
    stage, end = longest(lifecycle), ready(lifecycle)
    if lifecycle.why is not None and (end is None or lifecycle.state in (State.FAILED, State.EXPIRED)):
        return _held_up(lifecycle, events)
    if end is None:
        return _not_ready(lifecycle, now_ns, say)
    whole_ns = end.time_ns - lifecycle.zero_ns
    if stage is None or whole_ns <= 0:
        return Story((Part("Ready. What happened before is not known: nobody watched the cluster then."),))
    share = min(round(100 * stage.duration_ns / whole_ns), 100)
    took = say(stage.duration_ns, stage.precision_ns)
    whole = say(whole_ns, max(end.precision_ns, stage.start.precision_ns))
    parts = [
        Part(f"{took} of {whole} ({share} %)", strong=True),
        Part(" passed between "),
        Part(stage.start.milestone, strong=True),
        Part(" and "),
        Part(stage.end.milestone, strong=True),
        Part(f", {BY_OWNER[stage.owner]}{_pull(stage, events, say)}."),
        *_warm(lifecycle, say),
    ]
    proofs = _proofs(stage, events)
    if lifecycle.why is None:
        return Story(tuple(parts), tuple(proofs))
    slow = _held_up(lifecycle, events)
    shown = {proof.text: proof for proof in (*proofs, *slow.proofs)}  # the latter lead to a row of the timeline
    return Story((*parts, Part(" "), *slow.sentence), tuple(shown.values()), slow.advice)


def _held_up(lifecycle: Lifecycle, events: Sequence[Row]) -> Story:
    why = lifecycle.why
    assert why is not None
    proofs = []
    if why.proof is not None:
        words = " ".join(filter(None, (why.proof.kind, why.proof.reason or why.proof.name)))
        rows = (row for row in events if row.label == why.proof.reason)
        row = next(rows, None)
        repeated = f" × {row.count}" if row and row.count > 1 else ""  # noqa: RUF001 - as people write it
        proofs = [Proof(words + repeated, why.proof.time_ns or None, row.key if row else "")]
    return Story((Part(why.sentence),), tuple(proofs), why.advice)


def _not_ready(lifecycle: Lifecycle, now_ns: int, say: Say) -> Story:
    """Open: what it waits for. Over: what it was waiting for then. Used: ready, though nobody saw when."""
    if command := lifecycle.moments.get(Milestone.FIRST_COMMAND):
        at = f"+{say(max(command.time_ns - lifecycle.zero_ns, 0), command.precision_ns)}"
        return Story(
            (Part("When it was ready was not seen", strong=True), Part(f": its first command was sent at {at}."))
        )
    stages = [stage for stage in lifecycle.stages if not stage.pre_warmed]
    reached = {stage.end.milestone for stage in stages} | set(lifecycle.moments)
    awaited = next((name for name in WAITS_FOR if name not in reached), Milestone.CLAIM_READY)
    since_ns = max((stage.end.time_ns for stage in stages), default=lifecycle.zero_ns)
    since = f"since +{say(max(since_ns - lifecycle.zero_ns, 0), 1)}"
    if lifecycle.state in (State.STARTING, State.STUCK):
        return Story((Part(f"Waiting for {WAITS_FOR[awaited]}", strong=True), Part(f" {since}.")))
    ended = lifecycle.moments.get(Milestone.DELETED) or lifecycle.moments.get(Milestone.EXPIRED)
    after = f" after {say(ended.time_ns - lifecycle.zero_ns, ended.precision_ns)}" if ended else ""
    return Story(
        (Part("Never ready.", strong=True), Part(f" It ended{after}, waiting for {WAITS_FOR[awaited]} {since}."))
    )


def _pull(stage: Stage, events: Sequence[Row], say: Say) -> str:
    """How much of the node's stage was the image pull, by its Events."""
    if stage.owner != Owner.NODE:
        return ""
    by_reason = {row.label: row.marks[0] for row in events if row.about == "Pod" and row.marks}
    pulling, pulled = by_reason.get("Pulling"), by_reason.get("Pulled")
    if pulling is None or pulled is None:
        return ""
    precision_ns = max(pulling.time_ns - pulling.lower_ns, pulled.time_ns - pulled.lower_ns, 1)
    lower_ns, upper_ns = pulled.lower_ns - pulling.time_ns, pulled.time_ns - pulling.lower_ns
    if pulled.time_ns <= pulling.time_ns or lower_ns > upper_ns:
        return ""
    about = "about " if precision_ns > 1 else ""
    return f"; {about}{say(pulled.time_ns - pulling.time_ns, 10**7 if precision_ns > 1 else 1)} of it is the image pull"


def _warm(lifecycle: Lifecycle, say: Say) -> list[Part]:
    if lifecycle.start_type != StartType.WARM:
        return []
    before = [stage.end for stage in lifecycle.stages if stage.pre_warmed]
    if not before:
        return [Part(" The sandbox came ready from the pool.")]
    lead_ns = lifecycle.zero_ns - max(moment.time_ns for moment in before)
    if lead_ns < 0:
        return [Part(" The sandbox was still being made when it was asked for.")]
    precision_ns = max(moment.precision_ns for moment in before)
    return [
        Part(f" The sandbox was ready {say(lead_ns, precision_ns)} before the request"),
        Part(", so its image pull and start cost this claim nothing."),
    ]


def _proofs(stage: Stage, events: Sequence[Row]) -> list[Proof]:
    """The Events said within the stage, else what told its ends."""
    within = [
        Proof(f"Event {row.label}", row.marks[0].time_ns, row.key)
        for row in events
        if row.marks and stage.start.upper_ns < row.marks[0].time_ns <= stage.end.upper_ns
    ]
    if within:
        return within[:MOST_PROOFS]
    return [Proof(moment.source, moment.time_ns) for moment in (stage.start, stage.end) if moment.source]
