"""Log records, newest first.

Before: `asking` has read the filters, which are those of the page. After: an agent reads what was said.
"""

from __future__ import annotations

from collector import queries
from collector.models import Log
from collector.records import Clock
from dashboard.model_context import quoting
from dashboard.model_context.asking import Asked
from dashboard.model_context.quoting import MOST_TEXT, NOTE, Item, moment, name, quoted
from dashboard.words import severity
from sandboxes.correlate.lines import claims_of_lines, lines_of
from sandboxes.questions import Linked, claims_of_spans

MOST_CHARACTERS = 24_000  # of bodies and attributes in an answer, shared out among its records


def logs(asked: Asked) -> Item:
    """A page of them, each with the claim it was said for."""
    parameters = asked.parameters
    page = parameters.page(queries.logs(parameters.filter))
    share = MOST_CHARACTERS // min(parameters.limit, max(len(page.rows), 1))
    of_spans = claims_of_spans((log.trace_id, log.span_id) for log in page.rows)
    of_lines = claims_of_lines(lines_of(page.rows))
    return {
        "logs": [
            log_item(log, share * 2 // 3)
            | _attributes(log, share // 3)
            | _claim(of_lines.get(log.pk) or of_spans.get((log.trace_id or "", log.span_id or "")))
            for log in page.rows
        ],
        "next": str(page.next) if page.next else None,
        "more": "There are more: ask again with cursor set to next." if page.next else "These are all.",
        "note": NOTE,
    }


def log_item(log: Log, most: int = MOST_TEXT) -> Item:
    """A record without its attributes; its body in `most` characters."""
    return {
        **moment("time", log.time_ns),
        "clock": None if log.clock == Clock.CLIENT else Clock(log.clock).name.lower(),
        "severity": name(severity(log.severity_number, log.severity_text)),
        "body": quoted(log.body if log.body is not None else log.event_name, most),
        "trace_id": log.trace_id,
        "span_id": log.span_id,
    }


def _attributes(log: Log, most: int) -> Item:
    return {
        "service": name(log.resource.service),
        "logger": name(log.scope.name),
        "attributes": quoting.attributes(log.attributes, most),
    }


def _claim(linked: Linked | None) -> Item:
    if linked is None:
        return {}
    claim = linked.claim
    return {
        "claim_uid": name(claim.uid),
        "claim": name(claim.name),
        "linked_by": f"{linked.evidence} {linked.certainty}".strip(),
    }
