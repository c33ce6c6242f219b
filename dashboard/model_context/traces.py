"""The list of traces, newest first: those that failed, those that took long, those of a claim.

Before: `asking` has read the filters, which are those of the page. After: an agent has one of them summed up.
"""

from __future__ import annotations

from dataclasses import replace

from collector import queries
from collector.models import Trace
from collector.queries import SEPARATOR, TelemetryFilter
from dashboard.addresses import pages_url
from dashboard.csv_rows import iso_time
from dashboard.model_context.asking import Asked
from dashboard.model_context.quoting import NOTE, Item, length, moment, name
from sandboxes.questions import claims_of_traces

MOST_SERVICES = 4
MOST_CLAIMS = 3


def traces(asked: Asked) -> Item:
    """A page of them, each with the claims its spans belong to."""
    parameters = asked.parameters
    page = parameters.page(queries.traces(parameters.filter))
    until_ns = queries.looked_until(parameters.filter)
    claims = claims_of_traces(trace.trace_id for trace in page.rows)
    return {
        "traces": [
            trace_in_short(trace)
            | {
                "claims": [
                    {"uid": name(linked.claim.uid), "claim": name(linked.claim.name), "certainty": linked.certainty}
                    for linked in claims.get(trace.trace_id, [])[:MOST_CLAIMS]
                ]
            }
            for trace in page.rows
        ],
        "next": str(page.next) if page.next else None,
        "more": "There are more: ask again with cursor set to next." if page.next else "These are all.",
        **moment("looked_until", until_ns),
        "elsewhere": None if page.rows or parameters.cursor else _elsewhere(parameters.filter),
        "note": NOTE,
    }


def trace_in_short(trace: Trace) -> Item:
    """Its first span, its length, how many failed."""
    services = [name(service) for service in dict.fromkeys(trace.services.split(SEPARATOR)) if service]
    return {
        "trace_id": trace.trace_id,
        "begins_with": name(trace.head_operation.name),
        "service": name(trace.head_operation.service),
        "root_received": "no: the earliest span stands for it" if trace.head_is_child else None,
        **moment("start", trace.start_ns),
        **length("took", trace.duration_ns),
        "spans": trace.span_count,
        "errors": trace.error_count,
        "services": services[:MOST_SERVICES],
        "url": f"{pages_url()}traces/{trace.trace_id}/",
    }


def _elsewhere(asked: TelemetryFilter) -> str:
    if asked.where is None:  # else it would be looked for in all there is
        newest = queries.traces(replace(asked, from_ns=None, to_ns=None)).first()
        if newest is not None:
            return f"Outside this range there is one: the newest began {iso_time(newest.start_ns)}."
    return "No trace matches these filters." if Trace.objects.exists() else "No trace was ever received here."
