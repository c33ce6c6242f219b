"""Whose a log line is that was said outside every trace: the claim it names.

Before: a program whose calls are not traced, or that logs between them, said what it did for a claim. After: pages and
exports show the line with its claim. Nothing is stored: the line itself says it, and hints find a claim's lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from collector.models import Log
from sandboxes.correlate.claims import AFTER_END_NS, Claims
from sandboxes.correlate.keys import EXACT, LOGS, HintFacts, key_of
from sandboxes.correlate.reading import hint_facts
from sandboxes.hints import LOG_WORDS, HintKind, named_in_line
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, Hint
from sandboxes.questions import Linked
from sandboxes.records import SECOND

BEFORE_NS = 5 * SECOND  # the line that announces a claim comes before it
MAX_TIME_NS = 2**63 - 1


class Line(NamedTuple):
    """A log record outside every trace."""

    id: int
    text: str
    time_ns: int
    resource_id: int


def claims_of_lines(lines: Iterable[Line]) -> dict[int, Linked]:
    """The claims that these lines name, by the line's id."""
    hints = {line.id: hint for line in lines if (hint := _hint_in(line))}
    if not hints:
        return {}
    claims = Claims()
    claims.read_named(hint.value for hint in hints.values())
    keys = {each: key_of(hint, None, claims) for each, hint in hints.items()}
    owners = {each: key for each, key in keys.items() if key is not None and key.known}
    rows = {row.uid: row for row in Claim.objects.filter(uid__in={key.owner for key in owners.values()})}
    return {
        each: Linked(rows[key.owner], key.evidence.value, EXACT) for each, key in owners.items() if key.owner in rows
    }


def lines_of_claim(claim: Claim, most: int) -> list[Log]:
    """The log records outside every trace that name this claim or its sandbox, oldest first."""
    begin_ns = min([claim.zero_ns, *(moment.time_ns for moment in from_json(claim.lifecycle).moments.values())])
    until_ns = MAX_TIME_NS if claim.deleted_ns is None else claim.deleted_ns + AFTER_END_NS
    said = Hint.objects.filter(kind__in=LOGS, value__in={claim.name, claim.sandbox} - {""}, trace_id__isnull=True)
    hints = said.filter(time_ns__range=(begin_ns - BEFORE_NS, until_ns)).order_by("time_ns", "id")[:most]
    claims = Claims()
    claims.read_named([claim.name, claim.sandbox])
    keys = [(hint, key_of(hint_facts(hint), None, claims)) for hint in hints]
    places = {(hint.time_ns, hint.resource_id) for hint, key in keys if key is not None and key.owner == claim.uid}
    if not places:
        return []
    found = Log.objects.filter(time_ns__in={time_ns for time_ns, _ in places}, trace_id__isnull=True)
    rows = [row for row in found.order_by("time_ns", "id")[: 2 * most] if (row.time_ns, row.resource_id) in places]
    mine = claims_of_lines(line for row in rows if (line := line_of(row)))
    return [row for row in rows if row.pk in mine and mine[row.pk].claim.uid == claim.uid]


def line_of(log: Log) -> Line | None:
    """A log record as a line; None when it was said within a trace, or is no text."""
    if log.trace_id or not isinstance(log.body, str):
        return None
    return Line(log.pk, log.body, log.time_ns, log.resource_id)


def stored_line(pk: int, body: str | None, time_ns: int, resource_id: int) -> Line | None:
    """The same of a row as it is stored, its body as JSON; None at once for nearly all that name nothing."""
    if body is None or not body.startswith('"') or not any(word in body for word in LOG_WORDS):
        return None
    return Line(pk, orjson.loads(body), time_ns, resource_id)


def lines_of(logs: Sequence[Log]) -> list[Line]:
    """Those of these records that are lines outside every trace."""
    return [line for log in logs if (line := line_of(log))]


def _hint_in(line: Line) -> HintFacts | None:
    if not any(word in line.text for word in LOG_WORDS):
        return None
    kind, value, namespace = named_in_line(line.text) or (HintKind.MORE, "", "")
    if kind not in LOGS:
        return None
    return HintFacts(kind, value, namespace, "", "", line.time_ns, line.resource_id)
