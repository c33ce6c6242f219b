"""What the API answers about pools, as types: they check each answer and make the OpenAPI document."""

from __future__ import annotations

from ninja import Schema


class PoolStarts(Schema):
    """How long starts of one kind took, by nearest rank."""

    count: int
    p50_ms: float
    p95_ms: float


class PoolDrain(Schema):
    """A time in which a pool that keeps Sandboxes had none ready, with the claims that met it so."""

    start_ns: str
    end_ns: str
    duration_ms: float
    open: bool
    claim_uids: list[str]


class Pool(Schema):
    """A warm pool now, and its claims in the range. `warm_hit_rate` is null where no start is known to be either."""

    pool: str
    namespace: str
    cluster: str
    state: str
    ready: int
    desired: int | None
    template: str
    image: str
    update_strategy: str
    complaint: str
    claims: int
    served: int
    failed: int
    waiting: int
    warm: int
    cold: int
    warm_hit_rate: float | None
    warm_starts: PoolStarts | None
    cold_starts: PoolStarts | None
    causes: dict[str, int]
    drains: list[PoolDrain]


class PoolTemplate(Schema):
    """A template and the pools that use it. `exists` is false where pools name one that is not there."""

    template: str
    namespace: str
    cluster: str
    image: str
    exists: bool
    pools: list[str]
    claims: int


class Pools(Schema):
    """All pools and templates. `complete`: the figures are of all claims of the range, not of the newest alone."""

    items: list[Pool]
    templates: list[PoolTemplate]
    complete: bool
