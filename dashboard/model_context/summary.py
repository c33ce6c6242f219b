"""One trace summed up: which of its spans failed or took the time, what it waited for, what was logged then.

Before: `asking` has a trace id. After: the same tree, critical path and self times as the trace's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector import queries
from collector.models import Trace
from collector.retention import record
from dashboard import kept
from dashboard.model_context.asking import Asked
from dashboard.model_context.claims import claim_url
from dashboard.model_context.logs import log_item
from dashboard.model_context.quoting import NOTE, Item, length, name, rest
from dashboard.model_context.spans import events_of, span_in_short
from dashboard.model_context.traces import trace_in_short
from dashboard.owners import addressed
from dashboard.parameters import ParameterError
from dashboard.templatetags.claims import from_zero
from dashboard.templatetags.formats import duration
from dashboard.trace.critical_path import critical_path
from dashboard.trace.reading import read_spans
from dashboard.trace.statistics import operation_times
from dashboard.trace.tree import Node, TraceTree, build_tree
from sandboxes.questions import trace_claims

MOST_SPANS, MOST_FAILED, MOST_OPERATIONS, MOST_ON_PATH, MOST_LOGS, MOST_CLAIMS = 25, 5, 10, 10, 12, 10
MOST_CHARACTERS = 12_000  # of what was raised
WARN = 13  # from here on a log line is worth a look


def summary(asked: Asked) -> Item:
    """Raises ParameterError when nothing of it is here."""
    trace_id = asked.parameters.filter.trace_id
    trace = Trace.objects.filter(trace_id=trace_id).prefetch_related("head_operation").first()
    spans = read_spans(trace_id) if trace else []
    if trace is None or not spans:
        raise ParameterError({"trace_id": _missing(trace_id)})
    tree = build_tree(spans)
    waited = {key: sum(end - start for start, end in parts) for key, parts in critical_path(tree).items()}
    operations = operation_times(tree)
    claims = trace_claims(trace_id)
    logs = queries.trace_logs(trace_id).filter(severity_number__gte=WARN)
    shown_logs = list(logs[: MOST_LOGS + 1])
    return {
        "sentence": _sentence(trace, operations),
        "trace": trace_in_short(trace),
        "claims": [
            {"uid": name(claim.uid), "claim": name(claim.name), "state": claim.state, "url": claim_url(claim.uid)}
            for claim in claims[:MOST_CLAIMS]
        ],
        "spans": _tree(tree, waited),
        "more_spans": next(rest(trace.span_count, MOST_SPANS, "spans", "list_spans has them"), None),
        "failed": _failed(trace_id),
        "critical_path": _path(tree, waited),
        "operations": [
            {
                "operation": name(row.name),
                "service": name(row.service),
                "count": row.count,
                "errors": row.errors,
                **length("self_time", row.self_ns),
                "share_of_self_time": f"{row.share:.0f} %",
                **length("longest", row.longest_ns),
            }
            for row in operations[:MOST_OPERATIONS]
        ],
        "more_operations": next(rest(len(operations), MOST_OPERATIONS, "operations"), None),
        "logs": [log_item(log) for log in shown_logs[:MOST_LOGS]],
        "more_logs": "More: search_logs with this trace_id." if len(shown_logs) > MOST_LOGS else None,
        "note": NOTE,
    }


def _missing(trace_id: str) -> str:
    sentence = f"No span of the trace {trace_id} is here: none was received yet, or it was cleared."
    pruning = record.pruned(queries.mentioned_ns(trace_id))
    return f"{sentence} {kept.sentence(pruning)}" if pruning else sentence


def _sentence(trace: Trace, operations: list[Any]) -> str:
    """In words: how much, how long, what failed, where most of it went."""
    failed = f"{trace.error_count:,} of them failed" if trace.error_count else "none failed"
    words = (
        f"{trace.span_count:,} span{'' if trace.span_count == 1 else 's'} took {duration(trace.duration_ns)}; {failed}."
    )
    most = operations[0]
    return f"{words} {most.share:.0f} % of all self time is {name(most.name)} ({name(most.service)})."


def _tree(tree: TraceTree, waited: Mapping[int, int]) -> list[Item]:
    """Those that failed, most waited for, or longest, with what they are below, in the tree's order."""
    nodes = [node for node in tree.walk() if node.span is not None]
    above = {id(child): node for node in tree.walk() for child in node.children}

    def worth(node: Node) -> tuple[bool, int, int]:
        assert node.span is not None
        return node.span.is_error, waited.get(id(node), 0), node.end_ns - node.start_ns

    chosen: set[int] = set()
    for node in sorted(nodes, key=worth, reverse=True):
        line: list[Node] = [node]
        while (parent := above.get(id(line[-1]))) is not None and id(parent) not in chosen and len(line) < MOST_SPANS:
            line.append(parent)
        # All of a line or, where it does not fit any more, its end alone.
        fitting = line if len(chosen) + len(line) <= MOST_SPANS else line[:1]
        chosen.update(id(each) for each in fitting)
        if len(chosen) >= MOST_SPANS:
            break
    return [_node(node, tree, waited) for node in tree.walk() if id(node) in chosen and node.span is not None]


def _node(node: Node, tree: TraceTree, waited: Mapping[int, int]) -> Item:
    assert node.span is not None
    return {
        "depth": node.depth,
        "span_id": node.span_id,
        **span_in_short(node.span),
        "at": from_zero(node.start_ns, tree.start_ns),
        "self_time": duration(node.self_ns, node.span.precision_ns),
        "waited_for": duration(waited[id(node)], node.span.precision_ns) if waited.get(id(node)) else None,
        "children": len(node.children) or None,
    }


def _path(tree: TraceTree, waited: Mapping[int, int]) -> list[Item]:
    """What the trace was waiting for, summed by span, the longest first."""
    nodes = sorted((node for node in tree.walk() if waited.get(id(node))), key=lambda node: -waited[id(node)])
    whole_ns = max(tree.end_ns - tree.start_ns, 1)
    return [
        {
            "span_id": node.span_id,
            "name": name(node.span.name) if node.span else "(a span that was not received)",
            "to": name(addressed(node.span.name, node.span.attributes)) if node.span else None,
            **length("waited", waited[id(node)], node.span.precision_ns if node.span else 1),
            "share": f"{100 * waited[id(node)] / whole_ns:.0f} %",
        }
        for node in nodes[:MOST_ON_PATH]
    ]


def _failed(trace_id: str) -> list[Item]:
    """The first that failed, with what was raised in them."""
    failed = queries.trace_spans(trace_id).filter(status_code=queries.STATUS_CODES["error"])
    found = list(failed[:MOST_FAILED])
    share = MOST_CHARACTERS // max(len(found), 1)
    return [
        {"span_id": span.span_id, "name": name(span.operation.name), "events": events_of(span, share)} for span in found
    ]
