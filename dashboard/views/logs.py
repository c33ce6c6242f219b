"""/logs/: log records, newest first, each opening to all it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import queries
from collector.models import Log
from collector.records import Clock
from dashboard.addresses import host_of, http_endpoint
from dashboard.attributes import one_line
from dashboard.parameters import DEFAULT_RANGE, LOG_NAMES, RANGES, SHORT_RANGES, Parameters
from dashboard.values import SEVERITIES
from dashboard.views.lists import Choice, draw_list, elsewhere, without
from dashboard.words import severity, severity_level
from sandboxes.correlate.lines import claims_of_lines, lines_of
from sandboxes.questions import Linked, claims_of_spans

FILTERS = ("q", "service", "severity", "trace_id", "claim")
BEFORE_NS, AFTER_NS = 10 * 10**9, 2 * 10**9  # around a record: what led to it, more than what followed
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
MOST_LOOKED_AT = 200_000  # records that a page looks for a text in, the newest: 0.2 s; the CSV and the API look at all
MOST_SEARCHED = (
    50_000  # newest records that an empty page looks at for something to offer: a text search reads each one
)


@dataclass(frozen=True, slots=True)
class Row:
    """A log record as the list shows it. `level` is one of LEVELS or empty, `word` what its source called it."""

    log: Log
    level: str
    word: str
    line: str
    opens_body: bool  # there is more of it than the line shows
    clock: str  # whose clock its time is from, where that is unusual
    around: tuple[int, int]  # the time in which others said what belongs to it
    linked: Linked | None  # the claim it was said for


@never_cache
@require_safe
def logs(request: HttpRequest) -> HttpResponse:
    """The page, or with `X-Partial` what changes on it."""
    return draw_list(
        request,
        "logs",
        {"levels": LEVELS},
        LOG_NAMES,
        # The logs of one trace, or claim: whenever they were.
        "all" if request.GET.get("trace_id") or request.GET.get("claim") else DEFAULT_RANGE,
        choices=lambda: {"services": queries.services()},
        found=_list,
        why_empty=_why_empty,
    )


def _list(parameters: Parameters) -> dict[str, Any]:
    f = parameters.filter
    until_ns = queries.text_looked_until(f, MOST_LOOKED_AT)
    found = queries.logs(f if until_ns is None else replace(f, from_ns=until_ns))
    page = parameters.page(found)
    count, more = queries.count_up_to(found)
    of_spans = claims_of_spans((log.trace_id, log.span_id) for log in page.rows)
    of_lines = claims_of_lines(lines_of(page.rows))
    linked = {
        log.pk: of_lines.get(log.pk) or of_spans.get((log.trace_id or "", log.span_id or "")) for log in page.rows
    }
    return {
        "range": parameters.range,
        "claimed": any(linked.values()),
        "dated": parameters.range not in SHORT_RANGES,
        "rows": [_row(log, linked[log.pk]) for log in page.rows],
        "next": page.next,
        "count": count,
        "more": more or until_ns is not None,
        "trace_id": f.trace_id,
        "looked_until_ns": until_ns,
        "most_looked_at": MOST_LOOKED_AT,
        "further": parameters.link(range=None, from_=f.from_ns, to=until_ns, cursor=None),
    }


def _row(log: Log, linked: Linked | None) -> Row:
    body = log.body if log.body is not None else log.event_name
    line = one_line(body)
    return Row(
        log=log,
        level=_level(log),
        word=severity(log.severity_number, log.severity_text),
        line=line,
        opens_body=log.body is not None and (line != log.body or len(line) > 80),
        around=(log.time_ns - BEFORE_NS, log.time_ns + AFTER_NS),
        clock="" if log.clock == Clock.CLIENT else Clock(log.clock).name.lower(),
        linked=linked,
    )


def _level(log: Log) -> str:
    """By the number, else by the word its source used."""
    number = log.severity_number or SEVERITIES.get(log.severity_text.lower(), 0)
    return severity_level(number).lower()


def _why_empty(request: HttpRequest, parameters: Parameters) -> dict[str, Any]:
    """What an empty list should say: nothing was ever received, it lies outside the range, or the filters hide it."""
    last_id = Log.objects.aggregate(last=Max("id"))["last"]
    if last_id is None:
        return {"empty": "never", "endpoint": http_endpoint(host_of(request))}
    if parameters.cursor is not None:
        return {"empty": "end"}
    given = without(request, parameters, FILTERS)
    everywhere = queries.logs(replace(parameters.filter, from_ns=None, to_ns=None))
    newest = everywhere.filter(pk__gt=last_id - MOST_SEARCHED).first()
    if newest is None:
        if parameters.range != RANGES[-1]:  # beyond MOST_SEARCHED there may be one
            given["without"].append(Choice("any time", parameters.link(range=RANGES[-1], from_=None, to=None)))
        return given | {"empty": "filtered", "looked_in": min(last_id, MOST_SEARCHED)}
    return given | elsewhere(newest.time_ns, one_line(newest.body if newest.body is not None else newest.event_name))
