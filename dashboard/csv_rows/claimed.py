"""Whose a span is: the claim that exact and inferred links say it belongs to.

Before: (trace id, span id) of rows, as the database driver gives them. After: cells of exports, members of API items.
An ambiguous link is none: it is listed as such among the links, and never counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from collector.raw import raw_rows
from sandboxes.models import Claim, Link
from sandboxes.questions import AMBIGUOUS

Ids = tuple[bytes | None, bytes | None]
Claimed = tuple[str, str, str, str]  # claim uid, its name, evidence, certainty
NO_CLAIM: Claimed = ("", "", "", "")


def claimed(ids: Iterable[Ids]) -> defaultdict[Ids, Claimed]:
    """What is known of these spans; nothing of all others."""
    traces = {trace for trace, span in ids if trace and span}
    found: defaultdict[Ids, Claimed] = defaultdict(lambda: NO_CLAIM)
    if not traces:
        return found
    sure = Link.objects.filter(trace_id__in=traces).exclude(certainty=AMBIGUOUS)
    rows = raw_rows(sure.order_by("id"), ("trace_id", "span_id", "claim_uid", "evidence", "certainty"))
    names = dict(Claim.objects.filter(uid__in={row[2] for row in rows}).values_list("uid", "name")) if rows else {}
    for trace_id, span_id, uid, evidence, certainty in rows:
        found[bytes(trace_id), bytes(span_id)] = (uid, names.get(uid, ""), evidence, certainty)
    return found
