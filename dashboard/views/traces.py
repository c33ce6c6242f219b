"""/traces/: the traces of a time range, newest or longest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Span, Trace
from collector.queries import SEPARATOR
from dashboard.addresses import host_of, http_endpoint
from dashboard.axis import percent, scale_ns, ticks
from dashboard.owners import addressed, owner
from dashboard.parameters import CHOOSE, ORDER, TRACE_NAMES, Parameters
from dashboard.templatetags.formats import duration
from dashboard.views.lists import draw_list, elsewhere, without
from sandboxes.questions import Linked, claims_of_traces

DEFAULT_RANGE = "15m"
FILTERS = ("q", "service", "operation", "status", "min_duration", "trace_id", "claim")
MOST_OPERATIONS = 200  # in the list of suggestions


@dataclass(frozen=True, slots=True)
class Row:
    """A trace as the list shows it; the bar is in percent of the list's scale."""

    trace: Trace
    owner: str
    address: str
    services: list[str]
    bar_percent: float
    too_long: bool
    linked: list[Linked]  # the claims its spans belong to


@never_cache
@require_safe
def traces(request: HttpRequest) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    return draw_list(
        request,
        "traces",
        {"choosing": bool(request.GET.get("choose"))},
        TRACE_NAMES | ORDER | CHOOSE,
        "all" if request.GET.get("claim") else DEFAULT_RANGE,  # the traces of one claim: whenever they were
        choices=lambda: {
            "services": queries.services(),
            "operations": queries.operations(request.GET.get("service", ""), MOST_OPERATIONS),
        },
        found=_list,
        why_empty=_why_empty,
    )


def _list(parameters: Parameters) -> dict[str, Any]:
    found = queries.traces(parameters.filter)
    page = parameters.page(found, queries.longest_first)
    heads = _heads(page.rows)
    linked = claims_of_traces(trace.trace_id for trace in page.rows)
    scale = scale_ns(trace.duration_ns for trace in page.rows)
    # A page that holds the whole list has counted it.
    whole = parameters.cursor is None and page.next is None
    count, more = (len(page.rows), False) if whole else queries.count_up_to(found, _most_counted(parameters))
    csv_rows, csv_more = _csv_rows(parameters)
    return {
        "range": parameters.range,
        "longest_first": parameters.longest_first,
        "rows": [_row(trace, scale, heads, linked.get(trace.trace_id, [])) for trace in page.rows],
        "claimed": bool(linked),
        **_looked(parameters),
        "ticks": ticks(scale, most=5),
        "next": page.next,
        "count": count,
        "more": more,
        "csv_rows": csv_rows,
        "csv_more": csv_more,
    }


def _looked(parameters: Parameters) -> dict[str, Any]:
    """Where looking at attributes ended, and the link that goes on there."""
    f = parameters.filter
    until_ns = queries.looked_until(f)
    if until_ns is None:
        return {}
    further = parameters.link(range=None, from_=f.from_ns, to=until_ns, cursor=None)
    return {"looked_until_ns": until_ns, "most_looked_at": f.most_looked_at, "further": further}


def _most_counted(parameters: Parameters) -> int:
    """Counting stops sooner where a look at a trace is a look at its spans: 1,000 of them took longer than the rest."""
    f = parameters.filter
    return 200 if f.operation or f.q or f.where else 1_000


def _csv_rows(parameters: Parameters) -> tuple[int | None, bool]:
    """How many spans the CSV holds, where an index can tell: else every span there is might have to be looked at."""
    f = parameters.filter
    if f.q or f.where or f.status or f.min_duration_ns is not None:
        return None, False
    return queries.count_up_to(queries.spans(f))


def _heads(rows: list[Trace]) -> dict[str, Span]:
    """The spans the list names, by trace: whose they are shows in their scope and attributes."""
    ids = {trace.trace_id: trace.head_span_id for trace in rows}
    found = Span.objects.filter(trace_id__in=ids, span_id__in=set(ids.values())).prefetch_related("scope")
    return {span.trace_id: span for span in found.only("trace_id", "span_id", "scope", "attributes")}


def _row(trace: Trace, scale: int, heads: dict[str, Span], linked: list[Linked]) -> Row:
    operation, head = trace.head_operation, heads.get(trace.trace_id)
    scope, attributes = (head.scope.name, head.attributes) if head else ("", {})
    services = list(dict.fromkeys(name for name in trace.services.split(SEPARATOR) if name))
    return Row(
        trace=trace,
        owner=owner(operation.service, scope, operation.name, attributes),
        address=addressed(operation.name, attributes),
        services=sorted(services, key=lambda name: name != operation.service),
        bar_percent=min(percent(trace.duration_ns, scale), 100),
        too_long=trace.duration_ns > scale,
        linked=linked,
    )


def _why_empty(request: HttpRequest, parameters: Parameters) -> dict[str, Any]:
    """What an empty list should say: nothing was ever received, it lies outside the range, or the filters hide it."""
    everywhere = replace(parameters.filter, from_ns=None, to_ns=None)
    newest = queries.traces(everywhere).first()
    if newest is None and not Trace.objects.exists():
        return {"empty": "never", "endpoint": http_endpoint(host_of(request))}
    given = without(request, parameters, FILTERS)
    if newest is not None and parameters.cursor is None:
        words = f"{newest.head_operation.name or '(no name)'}, {duration(newest.duration_ns)}"
        return given | elsewhere(newest.start_ns, words)
    return given | {"empty": "end" if parameters.cursor else "filtered"}
