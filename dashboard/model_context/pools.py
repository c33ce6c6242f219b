"""Warm pools: what is ready of what is desired, whom they served, when they were drained and who waited.

Before: `asking` has read the filters, which are those of the page. After: an agent sees why claims had to start cold.
"""

from __future__ import annotations

from dashboard.model_context.asking import Asked
from dashboard.model_context.quoting import NOTE, Item, moment, name, quoted, rest
from dashboard.templatetags.formats import duration
from sandboxes.models import Cluster
from sandboxes.pools import Drain, Pool, overview
from sandboxes.records import StartType
from sandboxes.watch.state import is_watched

MOST_POOLS, MOST_DRAINS, MOST_TEMPLATES, MOST_WAITING = 25, 5, 25, 5


def pools(asked: Asked) -> Item:
    """All that the filters leave, and the templates beside them."""
    found = overview(asked.parameters.claims, _is_watched)
    templates = found.templates
    return {
        "pools": [_pool(pool) for pool in found.pools[:MOST_POOLS]],
        "more": next(rest(len(found.pools), MOST_POOLS, "pools", "narrow it by namespace, pool or q"), None),
        "templates": [
            {
                "template": name(template.key.name),
                "namespace": name(template.key.namespace),
                "image": quoted(template.image, 200),
                "exists": template.is_there,
                "pools": [name(pool) for pool in template.pools[:MOST_WAITING]],
                "claims": template.claims,
            }
            for template in templates[:MOST_TEMPLATES]
        ],
        "more_templates": next(rest(len(templates), MOST_TEMPLATES, "templates"), None),
        "note": NOTE,
    }


def _is_watched(cluster: Cluster) -> bool:
    return is_watched(cluster.uid)


def _pool(pool: Pool) -> Item:
    figures = pool.figures
    drains = sorted(pool.drains, key=lambda drain: -drain.start_ns)
    return {
        "pool": name(pool.key.name),
        "namespace": name(pool.key.namespace),
        "cluster": name(pool.cluster),
        "state": pool.state.value,
        "ready": pool.ready,
        "desired": pool.desired,
        "template": name(pool.template),
        "image": quoted(pool.image, 200),
        "complaint": quoted(pool.complaint or "", 300),
        **{key: getattr(figures, key) for key in ("claims", "served", "failed", "waiting", "warm", "cold")},
        "causes": {name(cause): number for cause, number in list(figures.causes.items())[:MOST_WAITING]},
        "warm_hit_rate": None if figures.hit_rate is None else f"{100 * figures.hit_rate:.0f} %",
        "time_to_ready": {
            str(kind): f"p50 {duration(spread.p50_ns)}, p95 {duration(spread.p95_ns)} of {spread.count}"
            for kind in (StartType.WARM, StartType.COLD)
            if (spread := figures.spreads.get(kind)) is not None
        },
        "drains": [_drain(drain) for drain in drains[:MOST_DRAINS]],
        "more_drains": next(rest(len(drains), MOST_DRAINS, "drains"), None),
    }


def _drain(drain: Drain) -> Item:
    """A time in which none was ready, by our clock, when the watch brought it."""
    return {
        **moment("start", drain.start_ns),
        "lasted": duration(drain.duration_ns) + (" so far" if drain.is_open else ""),
        "claims_that_waited": len(drain.waiting),
        "first_of_them": [name(claim.uid) for claim in drain.waiting[:MOST_WAITING]],
    }
