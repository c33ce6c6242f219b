"""How it stands, to begin with: the overview page's sentence, claims by state, what is stored, what is watched.

Before: `asking` has read the filters. After: an agent knows what to ask next.
"""

from __future__ import annotations

from django.db.models import Max, QuerySet
from django.http import QueryDict

from collector import queries
from collector.models import Log, MetricPoint, Span, Trace
from dashboard import kept
from dashboard.addresses import http_endpoint, pages_url
from dashboard.model_context.asking import Asked
from dashboard.model_context.latency import PRECISION
from dashboard.model_context.quoting import NOTE, Item, moment, name, quoted
from dashboard.overview.answer import Answer, said
from dashboard.overview.area import read_view
from dashboard.overview.sentence import PRECISION_NS
from dashboard.templatetags.formats import duration
from sandboxes.models import Claim
from sandboxes.watch.state import State, standing

COUNTED = 20_000  # rows; counting millions takes seconds


def overview(asked: Asked) -> Item:
    """In words and numbers."""
    answer = Answer(asked.parameters, read_view(QueryDict()))
    watching = standing(State(detail="nothing watches a cluster now; what was seen before is here"))
    pruning = kept.kept().latest
    return {
        "sentence": quoted("".join(part.text for part in said(answer)).strip()) or "Nothing was ever received here.",
        "claims": {row.state: row.number for row in answer.standing.counted if row.number},
        "causes": {
            state: {name(cause.words): cause.number for cause in causes}
            for state, causes in answer.standing.causes.items()
        },
        "time_to_ready": [
            {
                "start_type": kind or "all",
                "count": start.now.count,
                "p50": duration(start.now.p50_ns, PRECISION_NS),
                "p95": duration(start.now.p95_ns, PRECISION_NS),
                "change": start.change.words if start.change else None,
            }
            for kind, start in answer.starts.items()
        ],
        "precision": PRECISION,
        "cluster": quoted(watching.sentence),
        "stored": {what: _counted(found) for what, found in _kinds()},
        **moment("newest_claim_began", Claim.objects.aggregate(newest=Max("zero_ns"))["newest"]),
        **moment("newest_trace_began", Trace.objects.aggregate(newest=Max("start_ns"))["newest"]),
        "deleted": kept.sentence(pruning) if pruning else None,
        "dashboard": pages_url(),
        "telemetry_goes_to": http_endpoint(),
        "note": NOTE,
    }


def _kinds() -> list[tuple[str, QuerySet[Claim] | QuerySet[Span] | QuerySet[Log] | QuerySet[MetricPoint]]]:
    return [
        ("claims", Claim.objects.all()),
        ("spans", Span.objects.all()),
        ("log records", Log.objects.all()),
        ("metric points", MetricPoint.objects.all()),
    ]


def _counted(found: QuerySet[Claim] | QuerySet[Span] | QuerySet[Log] | QuerySet[MetricPoint]) -> str:
    number, more = queries.count_up_to(found, COUNTED)
    return f"more than {number:,}" if more else f"{number:,}"
