"""What the stages of `pools` hand to each other, and in the end to the page. Plain Python.

Times are integer nanoseconds since 1970: levels and drains by our clock, when the watch brought them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sandboxes.records import ChangeType, StartType


class Key(NamedTuple):
    """A pool or a template by its name. One that was deleted and made again goes on in the same row."""

    cluster: int | None  # None: claims known from telemetry alone
    namespace: str
    name: str


class Version(NamedTuple):
    """What one version of a pool says. `desired` is None where it is not known: it was gone when we came back."""

    time_ns: int
    change: ChangeType
    desired: int | None
    ready: int

    @property
    def is_there(self) -> bool:
        return self.change not in (ChangeType.DELETED, ChangeType.GONE)


class ClaimRow(NamedTuple):
    """A claim as far as its pool's figures go."""

    uid: str
    name: str
    cluster: int | None
    namespace: str
    pool: str
    template: str
    start_type: str
    state: str
    cause: str
    zero_ns: int
    ready_ns: int | None
    deleted_ns: int | None
    time_to_ready_ns: int | None

    @property
    def waited_until_ns(self) -> int | None:
        """When it waited no longer: it was ready, or gone."""
        return self.ready_ns or self.deleted_ns


@dataclass(frozen=True, slots=True)
class Level:
    """How many Sandboxes of how many were ready, and for how long. The last level lasts until we know no more."""

    start_ns: int
    end_ns: int
    ready: int
    desired: int
    filling: bool = False  # none is ready yet: the pool is new, or kept none before


@dataclass(frozen=True, slots=True)
class Drain:
    """A time in which a pool that keeps Sandboxes had none ready, and the claims that met it so."""

    pool: Key
    start_ns: int
    end_ns: int
    waiting: tuple[ClaimRow, ...] = ()
    is_open: bool = False  # it is drained still
    began_before: bool = False  # it was drained when we first saw it
    from_claims: bool = False  # the pool itself was not seen drained: its claims tell

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Spread:
    """Times to ready of one kind of start."""

    count: int
    p50_ns: int
    p95_ns: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The claims of a pool in a time range."""

    claims: int = 0
    served: int = 0  # that became ready
    warm: int = 0
    cold: int = 0
    failed: int = 0
    waiting: int = 0  # that are starting, or stuck
    spreads: dict[StartType, Spread] = field(default_factory=dict)
    causes: dict[str, int] = field(default_factory=dict)  # of those that were slow, stuck or failed

    @property
    def hit_rate(self) -> float | None:
        """The share of warm starts among those known to be one or the other."""
        known = self.warm + self.cold
        return self.warm / known if known else None


class PoolState(StrEnum):
    """Where a pool stands. The first that holds is said."""

    NOT_SEEN = "not seen"  # claims name it; whether it is there nobody told us
    MISSING = "missing"  # claims name it, and the controller found none
    DELETED = "deleted"
    NO_TEMPLATE = "no template"
    COLD = "keeps none"  # by its own wish: every start is cold
    DRAINED = "drained"
    FILLING = "filling"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Pool:
    """A row of the page."""

    key: Key
    cluster: str
    state: PoolState
    desired: int | None = None
    ready: int = 0
    created: int = 0  # Sandboxes there are, ready or not
    template: str = ""
    image: str = ""
    strategy: str = ""
    changed_ns: int | None = None  # when it was last seen to change
    complaint: str = ""  # of the controller, about a pool that does not fill
    figures: Figures = Figures()
    levels: tuple[Level, ...] = ()
    drains: tuple[Drain, ...] = ()

    @property
    def image_name(self) -> str:
        """Without its registry: what tells images apart is at their end."""
        return self.image.rpartition("/")[2]

    @property
    def drained_ns(self) -> int:
        """For how long in all."""
        return sum(drain.duration_ns for drain in self.drains)


@dataclass(frozen=True, slots=True)
class Template:
    """A blueprint, and who uses it."""

    key: Key
    cluster: str
    image: str
    pools: tuple[str, ...]
    claims: int
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Overview:
    """The page. `complete`: the figures are of all claims and versions of the range, not of the newest alone."""

    pools: list[Pool]
    templates: list[Template]
    drains: list[Drain]
    start_ns: int  # of the time the levels are drawn over
    end_ns: int
    complete: bool
