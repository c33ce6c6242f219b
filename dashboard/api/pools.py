"""The API's answer about pools: what is ready, whom they served, when they were drained.

Before: the same query parameters as the page. After: `dashboard.api` has it among its paths.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from dashboard.api import pool_shapes
from dashboard.api.parameters import described
from dashboard.parameters import POOL_NAMES, parse
from sandboxes.pools import Drain, Pool, Template, overview
from sandboxes.pools.shapes import Spread
from sandboxes.records import StartType
from sandboxes.watch import watcher

Item = dict[str, Any]
MS = 10**6

router = Router()


@router.get(
    "/pools", response=pool_shapes.Pools, openapi_extra=described(POOL_NAMES), summary="Warm pools and templates"
)
def pools(request: HttpRequest) -> Item:
    found = overview(parse(request.GET, POOL_NAMES, "all").claims, watcher.is_watching)
    return {
        "items": [_pool(pool) for pool in found.pools],
        "templates": [_template(template) for template in found.templates],
        "complete": found.complete,
    }


def _pool(pool: Pool) -> Item:
    figures = pool.figures
    return {
        "pool": pool.key.name,
        "namespace": pool.key.namespace,
        "cluster": pool.cluster,
        "state": pool.state.value,
        "ready": pool.ready,
        "desired": pool.desired,
        "template": pool.template,
        "image": pool.image,
        "update_strategy": pool.strategy,
        "complaint": pool.complaint,
        **{
            name: getattr(figures, name) for name in ("claims", "served", "failed", "waiting", "warm", "cold", "causes")
        },
        "warm_hit_rate": figures.hit_rate,
        "warm_starts": _starts(figures.spreads.get(StartType.WARM)),
        "cold_starts": _starts(figures.spreads.get(StartType.COLD)),
        "drains": [_drain(drain) for drain in pool.drains],
    }


def _starts(spread: Spread | None) -> Item | None:
    if spread is None:
        return None
    return {"count": spread.count, "p50_ms": spread.p50_ns / MS, "p95_ms": spread.p95_ns / MS}


def _drain(drain: Drain) -> Item:
    return {
        "start_ns": str(drain.start_ns),
        "end_ns": str(drain.end_ns),
        "duration_ms": drain.duration_ns / MS,
        "open": drain.is_open,
        "claim_uids": [claim.uid for claim in drain.waiting],
    }


def _template(template: Template) -> Item:
    return {
        "template": template.key.name,
        "namespace": template.key.namespace,
        "cluster": template.cluster,
        "image": template.image,
        "exists": template.is_there,
        "pools": list(template.pools),
        "claims": template.claims,
    }
