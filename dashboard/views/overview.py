"""/: how the claims stand, how fast they are, and what is slow now. Each part of the page is drawn and redrawn alone.

Before: `home` found that there is something to show. After: the whole page, or with `X-Partial: <part>` that part:
regions.js asks for a part when something it shows has changed, and a list that is being read holds still meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from collector import queries
from collector.publish import publisher
from dashboard.axis import scale_ns
from dashboard.charts.shared import Shared
from dashboard.overview.answer import Answer, said
from dashboard.overview.area import CLAIMS, ORDERS, read_view
from dashboard.overview.heatmap import counted
from dashboard.overview.links import claims_link, query_for
from dashboard.overview.operations import crowded_words, row
from dashboard.overview.speed import MOST_OPERATIONS, SLOWEST
from dashboard.overview.strips import share_words, strips
from dashboard.overview.within import claims_within, spans_within
from dashboard.parameters import (
    CLAIM_NAMES,
    COMPARE_NAMES,
    DEFAULT_RANGE,
    LATENCY_NAMES,
    OVERVIEW_NAMES,
    PAGING_NAMES,
    TIME_NAMES,
    TRACE_NAMES,
    VIEW_NAMES,
    ParameterError,
    Parameters,
    parse,
)
from dashboard.two_ranges import OTHERS
from dashboard.units import figures
from dashboard.views.claims import SCALE_WITHOUT_STARTS_NS
from dashboard.views.claims import row as claim_row
from dashboard.views.lists import range_asked
from sandboxes import questions

Context = dict[str, Any]
NEWEST_CLAIMS = 9
OF_CLAIMS = ("namespace", "pool", "template", "start", "cluster")
OF_TRACES = ("service", "operation")
START_LEGEND = [("cold", "cold"), ("warm", "warm")]


# Fifty open pages are told of an arrival at once, and ask for the same parts: computed once for all of them.
shared = Shared(lambda: publisher.version)


def overview(request: HttpRequest) -> HttpResponse:
    """The page, or one of its parts; what is wrong with a parameter is a 400, said at its field."""
    part, position = request.headers.get("X-Partial", ""), publisher.position  # before anything is read
    template = f"dashboard/_overview_{part}.html" if part in PARTS else "dashboard/overview.html"
    try:
        answer = _asked(request.GET)
    except ParameterError as error:
        context = {"range": range_asked(request, DEFAULT_RANGE), "problems": error.problems, **_choices()}
        return render(request, template, context, status=400)
    if part not in PARTS:
        return render(request, template, _context(answer, PARTS) | _choices() | {"position": position})
    question = f"{part} {request.get_full_path()}"
    return HttpResponse(
        shared.answer(question, lambda: render_to_string(template, _context(answer, [part]), request).encode())
    )


def _context(answer: Answer, parts: Iterable[str]) -> Context:
    context: Context = {
        "problems": {},
        "range": answer.parameters.range,
        "live": answer.parameters.range not in ("", "all"),
        "view": answer.view,
        "heatmap": counted(answer.parameters),
        "claims_csv": reverse("export", args=["claims"]),
        "csv_query": query_for(answer.parameters, CLAIM_NAMES - PAGING_NAMES),
        **_to_take_away(answer.parameters),
        "latency_csv": reverse("export", args=["latency"]),
        "latency_query": query_for(answer.parameters, LATENCY_NAMES - PAGING_NAMES),
        "start_legend": START_LEGEND,
    }
    for name in parts:
        context |= PARTS[name](answer)
    return context


def _to_take_away(parameters: Parameters) -> Context:
    """A report, and a bundle of what the filters leave: of claims, of traces, or without any of all there is."""
    claims, traces = (
        reverse("bundle", args=[kind]) + query_for(parameters, names - PAGING_NAMES)
        for kind, names in (("claims", CLAIM_NAMES), ("traces", TRACE_NAMES))
    )
    of_claims, of_traces = (any(parameters.query.get(name) for name in names) for names in (OF_CLAIMS, OF_TRACES))
    everything = reverse("bundle", args=["range"]) + query_for(parameters, TIME_NAMES)
    return {
        "report_link": reverse("range_report") + query_for(parameters, OVERVIEW_NAMES - VIEW_NAMES),
        "bundle_link": claims if of_claims else "" if of_traces else everything,
        "bundle_words": f"{'these claims' if of_claims else 'all of this time'}, for another dashboard",
        "traces_bundle_link": traces if of_traces else "",
        "compare_links": _comparisons(parameters),
    }


def _comparisons(parameters: Parameters) -> list[tuple[str, str]]:
    """Ways to compare this time with another: what there is for all there ever was would be nothing."""
    page, names = reverse("compare_ranges"), COMPARE_NAMES - {"sort"}
    if parameters.filter.from_ns is None:
        return []
    return [(words.capitalize(), page + query_for(parameters, names, **{"with": other})) for other, _, words in OTHERS]


def _asked(query: QueryDict) -> Answer:
    """Raises ParameterError with all that is wrong, in either kind of parameters."""
    problems: dict[str, str] = {}
    view = None
    try:
        view = read_view(query)
    except ParameterError as error:
        problems |= error.problems
    try:
        parameters = parse(query, OVERVIEW_NAMES | {"limit"}, DEFAULT_RANGE, SLOWEST, MOST_OPERATIONS)
    except ParameterError as error:
        raise ParameterError(problems | error.problems) from error
    if view is None:
        raise ParameterError(problems)
    return Answer(parameters, view, parameters.limit)


def _choices() -> Context:
    found = questions.names("namespace", "pool", "template")
    return {**found, "services": queries.services(), "clusters": questions.cluster_names()}


def _answer(asked: Answer) -> Context:
    """The sentence, and all that is no list: counters, the big number, the strips."""
    parameters, found = asked.parameters, asked.traffic
    csv_rows, csv_more = queries.count_up_to(questions.claims(parameters.claims).prefetch_related(None))
    return {
        "sentence": said(asked),
        "standing": asked.standing,
        "starts": asked.starts and {"all": asked.starts[""], "kinds": [s for kind, s in asked.starts.items() if kind]},
        "traffic": found,
        "per_minute": f"{figures(float(f'{found.per_minute:.3g}'))}/min",
        "error_percent": share_words(found.error_percent),
        "errors_link": asked.errors_link,
        "strips": strips(found.series),
        "csv_rows": csv_rows,
        "csv_more": csv_more,
    }


def _operations(asked: Answer) -> Context:
    table = asked.traffic.table
    return {
        "table": table,
        "operations": [row(one, asked.parameters) for one in table.operations],
        "crowded": crowded_words(table.crowded),
        "orders": ORDERS,
        "sort": asked.view.sort,
        "more": min(table.found, MOST_OPERATIONS) if asked.rows < min(table.found, MOST_OPERATIONS) else 0,
        "fewer": asked.rows > SLOWEST,
    }


def _area(asked: Answer) -> Context:
    area = asked.view.area
    if area is None:
        return {"within": None}
    find = claims_within if counted(asked.parameters) == CLAIMS else spans_within
    return {"area": area, "within": find(asked.parameters, area)}


def _newest(asked: Answer) -> Context:
    claims = list(questions.claims(asked.parameters.claims)[:NEWEST_CLAIMS])
    evidence, now_ns = questions.evidence([claim.uid for claim in claims]), time.time_ns()
    lengths = [claim.time_to_ready_ns for claim in claims if claim.time_to_ready_ns]
    scale = scale_ns(lengths or [SCALE_WITHOUT_STARTS_NS])
    return {
        "newest": [claim_row(claim, scale, now_ns, evidence, 0) for claim in claims],
        "bar_scale_ns": scale,
        "all_claims_link": claims_link(asked.parameters),
    }


PARTS: dict[str, Callable[[Answer], Context]] = {
    "answer": _answer,
    "operations": _operations,
    "area": _area,
    "newest": _newest,
}
