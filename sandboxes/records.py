"""What the stages of the cluster's side hand to each other. Plain Python.

Before: `cluster` lists and watches, or a recorded stream is imported. After: `store` keeps each `Change`, `lifecycle`
turns the changes around one claim into a `Lifecycle`, `timeline` draws it.

Times are integer nanoseconds since 1970. A `Moment` says how well it is known: between `lower_ns` and `upper_ns`, by
whose clock, and from what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

US, MS, SECOND = 10**3, 10**6, 10**9


class Kind(StrEnum):
    """The objects that matter to a claim, by their Kubernetes kind."""

    CLAIM = "SandboxClaim"
    SANDBOX = "Sandbox"
    TEMPLATE = "SandboxTemplate"
    POOL = "SandboxWarmPool"
    POD = "Pod"
    EVENT = "Event"


class Clock(StrEnum):
    """Whose clock a moment was read from."""

    CLIENT = "client"
    API_SERVER = "API server"
    CONTROLLER = "controller"
    SCHEDULER = "scheduler"
    KUBELET = "kubelet"
    RECEIPT = "receipt"  # ours: when the watch brought it


class ChangeType(StrEnum):
    """How an object was met."""

    LISTED = "LISTED"  # it was there when we began, or began again, to watch
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    GONE = "GONE"  # it was not in a new list any more: deleted while we were away


@dataclass(frozen=True, slots=True)
class Change:
    """One version of one object, as it was met. `object` is what the API server sent, without managedFields."""

    type: ChangeType
    kind: Kind
    received_ns: int
    object: Mapping[str, Any]
    after_ns: int | None = None  # GONE: it was still there then

    @property
    def metadata(self) -> Mapping[str, Any]:
        found = self.object.get("metadata")
        return found if type(found) is dict or isinstance(found, Mapping) else {}  # a dict is known at once

    @property
    def uid(self) -> str:
        return str(self.metadata.get("uid", ""))


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """A cluster by the uid of its namespace kube-system, with the name people gave it."""

    uid: str
    name: str
    api_version: str = "v1beta1"


class Milestone(StrEnum):
    """What a claim goes through, in the usual order; the last two end it."""

    REQUESTED = "requested"
    CREATED = "created"
    OBSERVED = "observed"
    BOUND = "bound"
    POD_CREATED = "pod created"
    SCHEDULED = "scheduled"
    STARTED = "started"
    POD_READY = "pod ready"
    SANDBOX_READY = "sandbox ready"
    CLAIM_READY = "claim ready"
    CLIENT_READY = "client ready"
    FIRST_COMMAND = "first command"
    EXPIRED = "expired"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a milestone was reached. `time_ns` is the best single value, inside [lower_ns, upper_ns]."""

    milestone: Milestone
    time_ns: int
    lower_ns: int
    upper_ns: int
    clock: Clock
    precision_ns: int
    source: str  # in words: "annotation claim-first-ready-at", "watch", "Event SandboxAdopted", "span create_claim"


class Owner(StrEnum):
    """Who has the ball in a stage; its colour on every page (shared with dashboard.owners)."""

    CLIENT = "client"
    CONTROLLER = "controller"
    SCHEDULER = "scheduler"
    NODE = "node"
    READINESS = "readiness"


@dataclass(frozen=True, slots=True)
class Stage:
    """What lies between two milestones a claim reached: its length with its bounds. Negative times are pre-warmed."""

    name: str  # the milestone it ends with
    owner: Owner
    start: Moment
    end: Moment
    pre_warmed: bool = False

    @property
    def duration_ns(self) -> int:
        return max(0, self.end.time_ns - self.start.time_ns)

    @property
    def lower_ns(self) -> int:
        return max(0, self.end.lower_ns - self.start.upper_ns)

    @property
    def upper_ns(self) -> int:
        return max(0, self.end.upper_ns - self.start.lower_ns)

    @property
    def precision_ns(self) -> int:
        """Never finer than the worse of both ends."""
        return max(self.start.precision_ns, self.end.precision_ns)


class StartType(StrEnum):
    COLD = "cold"
    WARM = "warm"
    UNKNOWN = "unknown"


class State(StrEnum):
    """Where a claim is. `stuck` is a start that something named holds up; `failed` has ended without being ready."""

    STARTING = "starting"
    READY = "ready"
    STUCK = "stuck"
    FAILED = "failed"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Proof:
    """The object or Event that shows something: its kind, name, reason, words and time."""

    kind: str
    name: str
    reason: str
    message: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Why:
    """Why a claim is stuck or failed, in one sentence, with its proof and what to do next."""

    cause: str  # a stable word: "pool missing", "template as pool", "unschedulable", ...
    sentence: str
    advice: str
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A claim's story as far as it is known."""

    uid: str
    namespace: str
    name: str
    pool: str = ""
    template: str = ""
    start_type: StartType = StartType.UNKNOWN
    state: State = State.STARTING
    reason: str = ""
    sandbox: str = ""
    sandbox_uid: str = ""
    pod: str = ""
    pod_uid: str = ""
    node: str = ""
    moments: Mapping[Milestone, Moment] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    why: Why | None = None
    trace_context: str = ""  # the traceparent of its annotation, as first written
    other_contexts: tuple[str, ...] = ()  # what was written over it later
    pod_ips: tuple[str, ...] = ()

    @property
    def zero_ns(self) -> int:
        """Where its time axis begins: the client's request, else its creation, else the first that is known."""
        for milestone in (Milestone.REQUESTED, Milestone.CREATED):
            if milestone in self.moments:
                return self.moments[milestone].time_ns
        return min((moment.time_ns for moment in self.moments.values()), default=0)

    @property
    def never_made(self) -> bool:
        """Whether its client asked for it in vain: no cluster ever had it."""
        return self.state == State.FAILED and Milestone.CREATED not in self.moments
