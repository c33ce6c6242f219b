"""Query parameters: one set of names and one meaning for pages, API and exports (the README lists them).

Before: a request's query string. After: a TelemetryFilter for `collector.queries`, a ClaimFilter for
`sandboxes.questions`, the page to show, and the texts as they were given, to write links and fill forms with. What is
wrong is said by name, in sentences for people.

An empty value means the parameter is not set: forms send every field they have.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from collector import paging
from collector.paging import Cursor, CursorError, Page
from collector.queries import TelemetryFilter
from dashboard.filter_language import read_filter
from dashboard.values import (
    duration_ns,
    one_of,
    plain_text,
    severity_number,
    shown,
    stream_id,
    time_ns,
    trace_id,
    whole_number,
)
from sandboxes import questions
from sandboxes.questions import START_TYPES, STATES, ClaimFilter

RANGES_S = {"5m": 300, "15m": 900, "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
RANGES = [*RANGES_S, "all"]
DEFAULT_RANGE = "15m"  # of pages that fill by themselves; details, API and CSV have everything
SHORT_RANGES = ("5m", "15m", "1h", "6h")  # within which a time of day says enough
STATUSES = ["ok", "error", "unset"]
NEWEST, LONGEST = "newest", "longest"
ORDERS = [NEWEST, LONGEST]
TIME_NAMES = frozenset({"range", "from", "to"})
PAGING_NAMES = frozenset({"limit", "cursor"})
TRACE_NAMES = TIME_NAMES | PAGING_NAMES | {
    "service", "operation", "status", "min_duration", "q", "trace_id", "claim",
}  # fmt: skip
SPAN_NAMES = TRACE_NAMES
ORDER = frozenset({"order"})  # of lists that can begin with the longest
LOG_NAMES = TIME_NAMES | PAGING_NAMES | {"service", "severity", "q", "trace_id", "claim"}
METRIC_NAMES = TIME_NAMES | PAGING_NAMES | {"service", "q", "stream", "metric"}
METRIC_PAGE_NAMES = METRIC_NAMES | {"split"}  # how a metric is drawn; its points are the same
CLAIM_NAMES = (
    TIME_NAMES
    | PAGING_NAMES
    | {"namespace", "pool", "template", "start", "state", "min_duration", "claim", "cluster", "run", "q"}
)
LATENCY_NAMES = TIME_NAMES | PAGING_NAMES | {"service", "operation", "q"}
RUN_NAMES = TIME_NAMES | PAGING_NAMES | {"pool", "namespace"}
AREA_NAMES = frozenset({"area_from", "area_to", "area_min", "area_max"})
VIEW_NAMES = AREA_NAMES | {"heatmap", "sort"}  # read by `overview.area`
OVERVIEW_NAMES = TIME_NAMES | VIEW_NAMES | {"service", "operation", "namespace", "pool", "template", "start", "cluster"}
WITH_NAMES = frozenset({"with", "with_from", "with_to"})  # read by `two_ranges`
COMPARE_NAMES = OVERVIEW_NAMES - AREA_NAMES - {"heatmap"} | WITH_NAMES
COMPARED_STAGE_NAMES = COMPARE_NAMES - {"service", "operation", "sort"}
COMPARED_OPERATION_NAMES = TIME_NAMES | WITH_NAMES | {"service", "operation", "sort"}
POOL_NAMES = TIME_NAMES | {"namespace", "pool", "template", "cluster", "q"}
CHOOSE = frozenset({"choose"})  # on lists' pages: two rows are being chosen, to be compared
ALL_NAMES = CHOOSE | ORDER | SPAN_NAMES | LOG_NAMES | METRIC_PAGE_NAMES | CLAIM_NAMES | OVERVIEW_NAMES | WITH_NAMES

MAX_TEXT = 2_000  # characters; SQLite refuses patterns far longer
MAX_LIMIT = 1_000
MAX_LINKED = 10_000  # spans of a claim to look for at once: SQLite takes 32,766 values, of ids of spans and of traces


class ParameterError(ValueError):
    """What is wrong with a query string: a sentence for each name in `problems`."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A query string, read. `range` is one of RANGES, or empty when `from` or `to` is given."""

    filter: TelemetryFilter
    claims: ClaimFilter
    range: str
    split: str  # the attribute a metric's lines are split by
    longest_first: bool
    limit: int
    cursor: Cursor | None
    query: QueryDict

    def page(
        self, queryset: QuerySet[Any], longest_first: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None
    ) -> Page[Any]:
        """The page of the list that `limit` and `cursor` ask for, put in order by `longest_first` where `order` does.

        Raises ParameterError for another list's cursor.
        """
        if longest_first and self.longest_first:
            queryset = longest_first(queryset)
        try:
            return paging.page(queryset, self.limit, self.cursor)
        except CursorError as error:
            raise ParameterError({"cursor": str(error)}) from error

    def link(self, **changes: object) -> str:
        """The query string with some parameters changed, or left out where None; `from_` stands for `from`."""
        query = self.query.copy()
        for name, value in changes.items():
            query[name.rstrip("_")] = "" if value is None else str(value)
        for name in [name for name in query if not query[name]]:
            del query[name]
        return "?" + query.urlencode()


def parse(
    query: QueryDict, names: frozenset[str], default_range: str, default_limit: int = 50, max_limit: int = MAX_LIMIT
) -> Parameters:
    """Reads a query string that may hold `names`. Raises ParameterError with everything that is wrong with it."""
    reading = _Reading(query, names)
    from_ns, to_ns = reading.read("from", time_ns), reading.read("to", time_ns)
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        reading.problems["to"] = "to has to be later than from: the range is from <= time < to."
    range_name = reading.read("range", one_of(RANGES)) or ""
    if range_name and (from_ns is not None or to_ns is not None):
        reading.problems["range"] = "range cannot be combined with from and to: give one or the other."
    if from_ns is None and to_ns is None:
        range_name = range_name or default_range
        if range_name in RANGES_S:
            from_ns = time.time_ns() - RANGES_S[range_name] * 10**9
    q = reading.read("q", read_filter if names >= SPAN_NAMES else str.strip) or ""
    telemetry_filter = TelemetryFilter(
        from_ns=from_ns,
        to_ns=to_ns,
        service=reading.read("service", plain_text) or "",
        operation=reading.read("operation", plain_text) or "",
        status=reading.read("status", one_of(STATUSES)) or "",
        min_duration_ns=reading.read("min_duration", duration_ns),
        q=q if isinstance(q, str) else "",
        where=None if isinstance(q, str) else q,
        trace_id=reading.read("trace_id", trace_id) or "",
        severity=reading.read("severity", severity_number) or 0,
        stream=reading.read("stream", stream_id) or 0,
        linked=_linked(reading) if "trace_id" in names else None,
        metric=reading.read("metric", plain_text) or "",
    )
    claim_filter = ClaimFilter(
        from_ns=from_ns,
        to_ns=to_ns,
        start=reading.read("start", one_of(START_TYPES)) or "",
        state=reading.read("state", one_of(STATES)) or "",
        min_time_to_ready_ns=telemetry_filter.min_duration_ns,
        q=telemetry_filter.q,
        **{
            name: reading.read(name, plain_text) or ""
            for name in ("namespace", "pool", "template", "claim", "cluster", "run")
        },
    )
    split = reading.read("split", plain_text) or ""
    order = reading.read("order", one_of(ORDERS)) or NEWEST
    limit = reading.read("limit", whole_number(max_limit))
    cursor = reading.read("cursor", Cursor.parse)
    if reading.problems:
        raise ParameterError(reading.problems)
    return Parameters(
        filter=telemetry_filter,
        claims=claim_filter,
        range=range_name,
        split=split,
        longest_first=order == LONGEST,
        limit=default_limit if limit is None else limit,
        cursor=cursor,
        query=query,
    )


def _linked(reading: _Reading) -> frozenset[tuple[str, str]] | None:
    """The spans of the claim that a list of telemetry is about."""
    claim = reading.read("claim", plain_text)
    if claim is None:
        return None
    found = questions.spans_of(claim, MAX_LINKED + 1)
    if len(found) > MAX_LINKED:
        reading.problems["claim"] = (
            f"claim={shown(claim)} has more than {MAX_LINKED:,} spans: look at one of its traces (trace_id) instead."
        )
    return frozenset(found)


@dataclass
class _Reading:
    """A query string being read; `problems` grows."""

    query: QueryDict
    names: frozenset[str]
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.query:
            if name not in self.names:
                self.problems[name] = _unknown(name, self.names)
            elif len([value for value in self.query.getlist(name) if value.strip()]) > 1:
                self.problems[name] = f"{name} is given more than once: give it once."

    def read(self, name: str, reader: Callable[[str], Any]) -> Any:
        """The value, or None when it is empty, absent or wrong. A reader raises ValueError with half a sentence."""
        given = [value for value in self.query.getlist(name) if value.strip()]
        if len(given) != 1 or name in self.problems:
            return None
        try:
            if "\x00" in given[0] or len(given[0]) > MAX_TEXT:
                raise ValueError(f"holds a NUL character, or more than {MAX_TEXT} characters.")
            return reader(given[0] if reader is plain_text else given[0].strip())
        except CursorError as error:
            self.problems[name] = str(error)
        except ValueError as error:
            self.problems[name] = f"{name}={shown(given[0])} {error}"
        return None


def _unknown(name: str, names: frozenset[str]) -> str:
    if name in ALL_NAMES:
        return f"{name} is not used here: this list takes {', '.join(sorted(names))}."
    near = difflib.get_close_matches(name.lower(), names, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no parameter {shown(name)}: this list takes {', '.join(sorted(names))}.{hint}"


def query_of(values: Mapping[str, str]) -> QueryDict:
    """The same parameters from elsewhere than a URL: a command line."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        query[name] = value
    return query
