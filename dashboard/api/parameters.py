"""The API document's words about query parameters. Reading them is `dashboard.parameters`, as for pages and CSV."""

from __future__ import annotations

from typing import Any

from dashboard.api.shapes import Problem
from dashboard.overview.area import ORDERS
from dashboard.parameters import MAX_LIMIT, RANGES, STATUSES
from dashboard.parameters import ORDERS as LIST_ORDERS
from dashboard.two_ranges import WITHS
from sandboxes.questions import START_TYPES
from sandboxes.questions import STATES as CLAIM_STATES

WORDS: dict[str, str] = {
    "range": f"How far back: one of {', '.join(RANGES)}. Default: all.",
    "from": "The first moment: ISO 8601 (UTC unless it names an offset) or nanoseconds since 1970.",
    "to": "The moment before which: as `from`. The range is half-open.",
    "limit": f"How many rows, 1 to {MAX_LIMIT}. Default: 50.",
    "cursor": "The `next` of an answer: the rows after it.",
    "service": "The service's name, exactly.",
    "operation": "The span's name, exactly.",
    "status": f"One of {', '.join(STATUSES)}.",
    "min_duration": "At least this long: a number and a unit, such as 250ms or 1.5s. Of claims, their time to ready.",
    "q": "A text to look for; of spans and traces also a filter, such as duration > 1s and http.status_code != 200.",
    "trace_id": "32 hexadecimal digits.",
    "metric": "The name of a metric.",
    "stream": "The number of a metric stream: the `stream` of a point.",
    "namespace": "The claim's namespace.",
    "pool": "The name of the claim's pool.",
    "template": "The name of the claim's template.",
    "start": f"One of {', '.join(START_TYPES)}.",
    "state": f"One of {', '.join(CLAIM_STATES)}.",
    "claim": "A claim's uid or name.",
    "cluster": "A cluster's uid or name.",
    "run": "The id of a run of test sandboxes: its claims.",
    "sort": "What operations are sorted by: count, p50, p95, p99 or errors. Default: p95.",
    "order": "newest or longest first; of claims, those with a time to ready by it. Default: newest.",
    "with": "What it is compared with: the time before it, or the same times a day or a week before. Default: before.",
    "with_from": "The first moment of what it is compared with, in place of `with`: as `from`.",
    "with_to": "The moment before which: as `to`.",
    "severity": "At least this severe: trace, debug, info, warn, error, fatal, or a number 1 to 24.",
}
WRONG = {
    "description": "Something is wrong with the request, said by parameter.",
    "content": {"application/json": {"schema": Problem.json_schema()}},
}


DENIED = {
    "description": "DASHBOARD_TOKEN is set, and the request has not brought it.",
    "content": {"application/json": {"schema": Problem.json_schema()}},
}
# Texts all of them, and an empty one is as good as none: forms send every field they have.
TEXT: dict[str, Any] = {"type": "string"}
TIME: dict[str, Any] = {"anyOf": [{"maxLength": 0}, {"format": "date-time"}, {"pattern": "^[0-9]{1,18}$"}]}
VALUES: dict[str, dict[str, Any]] = {
    "range": {"enum": ["", *RANGES]},
    "status": {"enum": ["", *STATUSES]},
    "start": {"enum": ["", *START_TYPES]},
    "state": {"enum": ["", *CLAIM_STATES]},
    "sort": {"enum": ["", *ORDERS]},
    "order": {"enum": ["", *LIST_ORDERS]},
    "with": {"enum": ["", *WITHS]},
    "limit": {"pattern": "^([1-9][0-9]{0,2}|1000)?$"},
    "cursor": {"pattern": "^(-?[0-9]{1,18}-([0-9a-f]{32}|[0-9]{1,18}))?$"},
    "trace_id": {"pattern": "^([0-9a-fA-F]{32})?$"},
    "stream": {"pattern": "^([1-9][0-9]{0,17})?$"},
    "severity": {"pattern": "^(trace|debug|info|warn|error|fatal|[1-9]|1[0-9]|2[0-4])?$"},
    "min_duration": {"pattern": r"^([0-9]{1,6}(\.[0-9]{1,3})?(ns|us|ms|s|m|h))?$"},
    "from": TIME,
    "to": TIME,
    "with_from": TIME,
    "with_to": TIME,
}


def described(names: frozenset[str]) -> dict[str, Any]:
    """What the document says of a list that takes these parameters."""
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": words,
            "schema": {"type": "string"} | VALUES.get(name, {}),
        }
        for name, words in WORDS.items()
        if name in names
    ]
    return {"responses": {"400": WRONG, "401": DENIED}, **({"parameters": parameters} if parameters else {})}
