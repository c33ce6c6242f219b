"""How long stages of starts take, and operations: percentiles of a range, against the range before it.

Before: `asking` has read the filters. After: from rollups, as the overview has them; ten million spans cost no more.
"""

from __future__ import annotations

from collector import latency
from collector.latency import Figures
from dashboard.model_context.asking import Asked, Own
from dashboard.model_context.quoting import NOTE, Item, name, rest
from dashboard.overview.change import change
from dashboard.overview.sentence import PRECISION_NS
from dashboard.templatetags.formats import duration
from dashboard.words import span_kind
from sandboxes import latency as claim_latency

ORDERS = ("p95", "p50", "p99", "max", "count", "errors", "error_share")  # the first is the default
OWN = {"sort": Own("What comes first. Default: p95, the slowest.", ORDERS)}
PRECISION = "Percentiles are within 2.2 % of the exact ones."
BEFORE = "`change` compares p95 with the range of the same length before; it is told from 5 values on each side on."


def stage_latency(asked: Asked) -> Item:
    """By stage and kind of start, in the order of a start; time to ready last."""
    table = claim_latency.stages(asked.parameters.claims)
    return {
        "stages": [
            {"stage": found.stage, "start_type": found.start_type, **_figures(found.now, found.before)}
            for found in table.stages
        ],
        "said": f"{PRECISION} {BEFORE}" if table.stages else "No stage of any claim was measured in this range.",
    }


def operation_latency(asked: Asked) -> Item:
    """The first operations of an order, and all together."""
    limit = asked.parameters.limit
    table = latency.operations(asked.parameters.filter, order=asked.own["sort"], limit=limit)
    return {
        "operations": [
            {
                "operation": name(one.name),
                "service": name(one.service),
                "kind": span_kind(one.kind),
                "errors": one.now.errors,
                **_figures(one.now, one.before),
            }
            for one in table.operations
        ],
        "more": next(rest(table.found, limit, "operations", "narrow it by service or q"), None),
        "together": {"errors": table.now.errors, **_figures(table.now, table.before)},
        "said": f"{PRECISION} {BEFORE}" if table.operations else "No span was measured in this range.",
        "note": NOTE,
    }


def _figures(now: Figures, before: Figures | None) -> Item:
    """Lengths in words, and p95 in nanoseconds to reckon with."""
    moved = before and change(now.p95_ns, before.p95_ns, now.count, before.count)
    percentiles = {
        key: duration(ns, PRECISION_NS)
        for key in ("p50", "p90", "p95", "p99", "max")
        if (ns := getattr(now, f"{key}_ns")) is not None
    }
    return {
        "count": now.count,
        **percentiles,
        "p95_ns": None if now.p95_ns is None else str(now.p95_ns),
        "before": {"count": before.count, "p95": duration(before.p95_ns, PRECISION_NS)}
        if before and before.count
        else None,
        "change": moved.words if moved else None,
    }
