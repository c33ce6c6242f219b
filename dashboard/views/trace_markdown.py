"""/traces/<trace_id>.md: a trace as Markdown; with `?span=` that span and all below it.

Its own address, since telling it costs as much as drawing it: the page asks when somebody copies.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Log, Span, Trace
from dashboard.trace.markdown import MOST_LOGS, Detail, Told, below, span_markdown
from dashboard.trace.markdown import trace_markdown as whole
from dashboard.trace.reading import read_spans
from dashboard.trace.tree import TraceTree, build_tree
from dashboard.values import trace_id as read_trace_id
from sandboxes.questions import claims_of_spans, claims_of_traces

ERROR_SEVERITY = 17
MOST_LOOKED_AT = 1_000  # of a trace's log lines, for those of some of its spans


@never_cache
@require_safe
def trace_markdown(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Plain text, whatever is in it: no browser reads Markdown as a page."""
    try:
        trace_id = read_trace_id(trace_id)
    except ValueError as error:
        raise Http404(str(error)) from error
    summary = Trace.objects.filter(trace_id=trace_id).first()
    if summary is None:
        raise Http404(f"no trace {trace_id}")
    url = request.build_absolute_uri(reverse("trace", args=[trace_id]))
    logs = queries.trace_logs(trace_id).filter(severity_number__gte=ERROR_SEVERITY)
    tree, span_id = build_tree(read_spans(trace_id)), request.GET.get("span", "")
    if span_id:
        text = _of_span(trace_id, span_id, tree, logs, f"{url}?span={span_id}")
    else:
        linked, found = claims_of_traces([trace_id]).get(trace_id, []), list(logs[: MOST_LOGS + 1])
        more = len(found) > MOST_LOGS
        text = whole(Told(trace_id, tree, summary.span_count, linked, found[:MOST_LOGS], more, url))
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _of_span(trace_id: str, span_id: str, tree: TraceTree, logs: QuerySet[Log], url: str) -> str:
    """The span with all below it, and what was logged in them."""
    part = below(tree, span_id)
    row = Span.objects.filter(trace_id=trace_id, span_id=span_id).order_by("start_ns", "id").first() if part else None
    if part is None or row is None:
        raise Http404(f"no span {span_id} in the trace {trace_id}")
    facts = [node.span for node in part.walk() if node.span]
    ids = {span.span_id for span in facts}
    found = [log for log in logs[:MOST_LOOKED_AT] if log.span_id in ids]
    linked = claims_of_spans([(trace_id, span_id)]).get((trace_id, span_id))
    told = Told(trace_id, part, len(facts), [linked] if linked else [], found[:MOST_LOGS], len(found) > MOST_LOGS, url)
    return span_markdown(told, facts[0], Detail(row.attributes, row.events or []))
