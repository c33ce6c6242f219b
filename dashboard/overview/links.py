"""Ways from the overview to the lists behind its numbers, with the filters it was asked with.

Before: the page's parameters. After: templates write the addresses; each list takes only the names it knows.
"""

from __future__ import annotations

from django.http import QueryDict
from django.urls import reverse

from dashboard.parameters import CLAIM_NAMES, PAGING_NAMES, TRACE_NAMES, Parameters


def claims_link(parameters: Parameters, **changes: object) -> str:
    """The list of claims, with this page's filters and the changes; None leaves a name out, `from_` is `from`."""
    return reverse("claims") + query_for(parameters, CLAIM_NAMES - PAGING_NAMES, **changes)


def traces_link(parameters: Parameters, **changes: object) -> str:
    """The list of traces, in the same way."""
    return reverse("traces") + query_for(parameters, TRACE_NAMES - PAGING_NAMES, **changes)


def query_for(parameters: Parameters, names: frozenset[str], **changes: object) -> str:
    """The query string for a page or an export that takes these names. The range is always said: defaults differ."""
    given = parameters.query.dict()
    values: dict[str, object] = {name: value for name, value in given.items() if name in names and value}
    if parameters.range:
        values["range"] = parameters.range
    values |= {name.rstrip("_"): value for name, value in changes.items()}
    query = QueryDict(mutable=True)
    for name, value in values.items():
        if value is not None and value != "":
            query[name] = str(value)
    return "?" + query.urlencode() if query else ""
