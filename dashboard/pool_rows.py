"""Pools and templates as their page draws them: words, links, and how many were ready as a strip in percent.

Before: `sandboxes.pools.overview`. After: templates/dashboard/_pool_rows.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dashboard.axis import percent
from sandboxes.pools import Drain, Overview, Pool, PoolState
from sandboxes.pools.shapes import ClaimRow, Key, Spread
from sandboxes.records import StartType

MAX_WAITERS = 3  # named; all of them are one click away
ICONS = {
    PoolState.NOT_SEEN: "starting",
    PoolState.MISSING: "error",
    PoolState.DELETED: "deleted",
    PoolState.NO_TEMPLATE: "error",
    PoolState.COLD: "cold",
    PoolState.DRAINED: "warning",
    PoolState.FILLING: "starting",
    PoolState.READY: "ready",
}
CLASSES = {
    PoolState.MISSING: "failed",
    PoolState.NO_TEMPLATE: "failed",
    PoolState.DRAINED: "stuck",
    PoolState.READY: "ready",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A level in the strip, in percent of its width and height."""

    kind: str  # ready, filling, drained
    x: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return round(100 - self.height, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A pool."""

    pool: Pool
    key: str
    icon: str
    state_class: str
    query: str  # of the claims it is about
    steps: list[Step]
    hit_percent: int | None
    cold: Spread | None
    warm: Spread | None
    waited: int  # claims that met it drained
    trouble: str  # what is wrong with it, in a few words


@dataclass(frozen=True, slots=True)
class DrainRow:
    """A time without a ready Sandbox."""

    drain: Drain
    pool: Pool
    query: str
    named: Sequence[ClaimRow]
    more: int


def pool_rows(found: Overview, range_query: dict[str, str]) -> list[Row]:
    """A row for each pool; `range_query` is the page's time range."""
    places = Counter((pool.key.namespace, pool.key.name) for pool in found.pools)
    return [
        Row(
            pool=pool,
            key=f"{pool.cluster}/{pool.key.namespace}/{pool.key.name}",
            icon=ICONS[pool.state],
            state_class=CLASSES.get(pool.state, ""),
            query=claims_query(pool, range_query, with_cluster=places[pool.key.namespace, pool.key.name] > 1),
            steps=steps(pool, found.start_ns, found.end_ns),
            hit_percent=_hit_percent(pool),
            cold=pool.figures.spreads.get(StartType.COLD),
            warm=pool.figures.spreads.get(StartType.WARM),
            waited=sum(len(drain.waiting) for drain in pool.drains),
            trouble=_trouble(pool),
        )
        for pool in found.pools
    ]


def _trouble(pool: Pool) -> str:
    if pool.state is PoolState.MISSING:
        slip = pool.figures.causes.get("template as pool")
        return (
            "is a template, not a pool: claims have to name a pool" if slip else "claims name it, and it does not exist"
        )
    return pool.complaint


def claims_query(pool: Pool, range_query: dict[str, str], *, with_cluster: bool = False) -> str:
    """The claims of a pool: of its cluster alone only where another has a pool of its name.

    What was imported has a cluster of its own, and may be about the same claims.
    """
    named = {"pool": pool.key.name, "namespace": pool.key.namespace}
    cluster = {"cluster": pool.cluster} if with_cluster and pool.cluster else {}
    return urlencode(named | cluster | range_query)


def steps(pool: Pool, start_ns: int, end_ns: int) -> list[Step]:
    """How many were ready, as high as its share of the most there were or should have been."""
    most = max((max(level.ready, level.desired) for level in pool.levels), default=0)
    length_ns = max(end_ns - start_ns, 1)
    found = []
    for level in pool.levels:
        x = percent(level.start_ns - start_ns, length_ns)
        width = percent(level.end_ns - level.start_ns, length_ns)
        kind = "ready" if level.ready else "filling" if level.filling or not level.desired else "drained"
        found.append(Step(kind, x, width, round(100 * level.ready / most, 1) if most else 0))
    return found


def _hit_percent(pool: Pool) -> int | None:
    """Of a pool that keeps none by its own wish, no start can be warm: that is no rate."""
    rate = pool.figures.hit_rate
    return None if rate is None or (pool.state is PoolState.COLD and not pool.figures.warm) else round(100 * rate)


def drain_rows(found: Overview, most: int) -> list[DrainRow]:
    """The newest times without a ready Sandbox."""
    pools: dict[Key, Pool] = {pool.key: pool for pool in found.pools}
    rows = []
    for drain in found.drains[:most]:
        pool = pools[drain.pool]
        first_ns = min([drain.start_ns, *(claim.zero_ns for claim in drain.waiting)])
        span = {"from": str(first_ns), "to": str(drain.end_ns + 1)}
        more = max(0, len(drain.waiting) - MAX_WAITERS)
        rows.append(DrainRow(drain, pool, claims_query(pool, span), drain.waiting[:MAX_WAITERS], more))
    return rows
