"""/pools/: warm pools with what is ready, whom they served and when they were drained; and their templates."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.parameters import DEFAULT_RANGE, POOL_NAMES, RANGES_S, Parameters
from dashboard.pool_rows import drain_rows, pool_rows
from dashboard.ranges import reaching
from dashboard.runs import choices
from dashboard.views.lists import draw_list, without
from sandboxes import questions
from sandboxes.models import Cluster
from sandboxes.pools import PoolState, overview, reading
from sandboxes.watch import standing, watcher

FILTERS = ("q", "namespace", "pool", "template", "cluster")
MOST_DRAINS = 50


@never_cache
@require_safe
def pools(request: HttpRequest) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    return draw_list(
        request,
        "pools",
        {},
        POOL_NAMES,
        DEFAULT_RANGE,
        choices=lambda: {**questions.names("namespace"), "clusters": _cluster_names()},
        found=_list,
        why_empty=_why_empty,
    )


def _list(parameters: Parameters) -> dict[str, Any]:
    found = overview(parameters.claims, watcher.is_watching)
    times = {name: value for name in ("from", "to") if (value := parameters.query.get(name))}
    range_query = {"range": parameters.range} if parameters.range else times
    alive = [pool for pool in found.pools if pool.state is not PoolState.DELETED]
    claims = sum(pool.figures.claims for pool in found.pools)
    newest_ns = None if claims else reading.newest_claim_ns()
    return {
        "range": parameters.range,
        "overview": found,
        "rows": pool_rows(found, range_query),
        "templates": found.templates,
        "drains": drain_rows(found, MOST_DRAINS),
        "more_drains": max(0, len(found.drains) - MOST_DRAINS),
        "several_clusters": len({pool.cluster for pool in found.pools}) > 1,
        "claims": claims,
        "ready": sum(pool.ready for pool in alive),
        "desired": sum(pool.desired or 0 for pool in alive),
        "newest_claim_ns": newest_ns,
        "reaching": reaching(newest_ns, RANGES_S) if newest_ns else "",
        "run_cluster": _run_cluster(),
        "most": {"claims": reading.MAX_CLAIMS, "versions": reading.MAX_VERSIONS},
    }


def _run_cluster() -> int:
    """The cluster that test runs go to; 0 where none can be started."""
    cluster = choices.last_watched() if settings.DASHBOARD_CLUSTER != "off" else None
    return cluster.pk if cluster else 0


def _cluster_names() -> list[str]:
    return sorted(Cluster.objects.values_list("name", flat=True))


def _why_empty(request: HttpRequest, parameters: Parameters) -> dict[str, Any]:
    """No pool was ever seen, or the filters hide all of them."""
    given = without(request, parameters, FILTERS)
    return given | {"empty": "filtered" if given["without"] else "never", "watching": standing(watcher.state)}
