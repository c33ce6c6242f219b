"""The API document's words about query parameters. Reading them is `dashboard.parameters`, as for pages and CSV."""

from __future__ import annotations

from typing import Any

from dashboard.api.shapes import Problem
from dashboard.parameters import MAX_LIMIT, RANGES, STATUSES
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
    "min_duration": "At least this long: a number and a unit, such as 250ms or 1.5s.",
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
    "severity": "At least this severe: trace, debug, info, warn, error, fatal, or a number 1 to 24.",
}
WRONG = {
    "description": "Something is wrong with the request, said by parameter.",
    "content": {"application/json": {"schema": Problem.json_schema()}},
}


def described(names: frozenset[str]) -> dict[str, Any]:
    """What the document says of a list that takes these parameters."""
    parameters = [
        {"name": name, "in": "query", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in WORDS.items()
        if name in names
    ]
    return {"responses": {"400": WRONG}, **({"parameters": parameters} if parameters else {})}
