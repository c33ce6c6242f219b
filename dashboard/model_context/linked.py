"""What telemetry says of one claim: linked traces and spans with their evidence, the client's waits, its log lines.

Before: `claim.reading` has all that is linked. After: a part of `explained`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from dashboard.claim.critical import waited_spans
from dashboard.claim.reading import Seen
from dashboard.model_context.logs import log_item
from dashboard.model_context.quoting import Item, length, name, rest
from dashboard.model_context.spans import span_in_short
from dashboard.owners import addressed
from dashboard.templatetags.claims import from_zero
from dashboard.trace.tree import SpanFacts
from sandboxes import story
from sandboxes.questions import AMBIGUOUS
from sandboxes.records import Lifecycle

MOST_SPANS, MOST_TRACES, MOST_LOGS, MOST_ON_PATH = 15, 10, 12, 8


def at(ns: int | None, lifecycle: Lifecycle) -> Item:
    """A moment from the claim's zero."""
    return {} if ns is None else {"at": from_zero(ns, lifecycle.zero_ns)}


def telemetry(seen: Seen, now_ns: int) -> Item:
    """The traces and the slowest or failed spans linked to it, what the client waited in, and the gravest log lines.

    Of spans that may be another claim's there is but the number.
    """
    lifecycle, evidence = seen.lifecycle, seen.evidence
    found = list(_sure(seen))
    slowest = sorted(found, key=lambda pair: (not pair[1].is_error, -(pair[1].duration_ns or 0), pair[1].start_ns))
    gravest = sorted(seen.logs, key=lambda log: -log.severity_number)[:MOST_LOGS]
    traces = dict.fromkeys(trace for trace, _ in found)
    unsure = seen.certainties.get(AMBIGUOUS, 0)
    spans = [
        {
            "trace_id": trace,
            "span_id": span.span_id,
            **span_in_short(span),
            **at(span.start_ns, lifecycle),
            "linked_by": " ".join(evidence[trace, span.span_id]),
        }
        for trace, span in slowest[:MOST_SPANS]
    ]
    return {
        "critical_path": _path(found, lifecycle, now_ns),
        "traces": [_linked(seen, trace) for trace in list(traces)[:MOST_TRACES]],
        "more_traces": next(rest(len(traces), MOST_TRACES, "traces", "list_traces with this claim's uid"), None),
        "ambiguous": f"{unsure:,} further spans may belong to this claim or to another one." if unsure else None,
        "spans": spans,
        "more_spans": next(rest(len(found), MOST_SPANS, "spans", "list_spans with this claim's uid"), None),
        "logs": [log_item(log) for log in sorted(gravest, key=lambda log: log.time_ns)],
        "more_logs": next(rest(len(seen.logs), MOST_LOGS, "log lines", "search_logs with this claim's uid"), None),
    }


def _sure(seen: Seen) -> Iterator[tuple[str, SpanFacts]]:
    for trace, spans in seen.traces.items():
        for span in spans:
            if seen.evidence.get((trace, span.span_id), ("", AMBIGUOUS))[1] != AMBIGUOUS:
                yield trace, span


def _path(found: Iterable[tuple[str, SpanFacts]], lifecycle: Lifecycle, now_ns: int) -> list[Item]:
    """The client's spans that its start waited for, the longest first. Whom in the cluster it waited for: stages."""
    ready = story.ready(lifecycle)
    window = (lifecycle.zero_ns, ready.time_ns if ready else now_ns)
    by_trace: dict[str, dict[str, SpanFacts]] = defaultdict(dict)
    for trace, span in found:
        by_trace[trace][span.span_id] = span
    waits = [
        (sum(end_ns - start_ns for start_ns, end_ns in parts), trace, spans[span_id])
        for trace, spans in by_trace.items()
        for span_id, parts in waited_spans(spans.values(), [window]).items()
    ]
    waits.sort(key=lambda wait: -wait[0])
    return [
        {
            "trace_id": trace,
            "span_id": span.span_id,
            "name": name(span.name),
            "to": name(addressed(span.name, span.attributes)),
            **length("waited", waited_ns, span.precision_ns),
        }
        for waited_ns, trace, span in waits[:MOST_ON_PATH]
    ]


def _linked(seen: Seen, trace: str) -> Item:
    """How many of a trace's spans, by what evidence, how sure."""
    theirs = (link for link in seen.links if link.trace_id == trace and link.certainty != AMBIGUOUS)
    counted = Counter((link.evidence, link.certainty) for link in theirs)
    return {
        "trace_id": trace,
        "linked": [
            {"spans": number, "evidence": evidence, "certainty": certainty}
            for (evidence, certainty), number in counted.items()
        ],
    }
