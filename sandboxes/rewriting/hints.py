"""What telemetry said of whose it is: a name that is masked is no hint, as at ingest.

A hint holds a part of what a span or a log line says. Where that is masked as it is rewritten, its hints are looked at
beside it: the part alone may not show what it is. All others are looked at as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import orjson

from collector.records import LogRecord, SpanRecord
from collector.redaction import Rules
from collector.rewriting import Kind, Looked, Merged
from collector.rewriting.interned import RESOURCES
from collector.rewriting.shapes import looked, page_of, plain
from collector.sql import delete_rows, execute, rows_in, update_rows
from collector.writer import Committed
from sandboxes.correlate import reported
from sandboxes.correlate.keys import LOGS
from sandboxes.hints import KIND_CLIENT, HintKind, named_in_attributes, named_in_line
from sandboxes.models import Claim, Hint

HINTS = Hint._meta.db_table
OURS = frozenset({HintKind.ANNOTATION, HintKind.MORE})  # a uid, and nothing
OF_LINES = LOGS | {HintKind.TUNNEL}
NAMELESS = frozenset({HintKind.COMMAND, HintKind.CALL, HintKind.CREATE})  # what they say beside it is said still


class Row(NamedTuple):
    """A hint."""

    id: int
    kind: str
    value: str
    namespace: str


def kinds(rules: Rules, merged: Merged) -> list[Kind]:
    """One: hints by their ids."""
    return [Kind("hints", HINTS, partial(_look, rules, merged), partial(_rewrite, rules, merged))]


def _look(rules: Rules, merged: Merged, after: int, limit: int) -> Looked:
    rows = page_of(HINTS, ("kind", "value", "namespace", "resource_id"), after, limit)
    moved = merged.ids[RESOURCES]
    changes = [row for row in rows if row[4] in moved or _says_masked(rules, Row(*row[:4]))]
    return looked(rows, limit, changes)


def _says_masked(rules: Rules, hint: Row) -> bool:
    return hint.kind not in OURS and any(rules.text(text) != text for text in hint[2:])


def _rewrite(rules: Rules, merged: Merged, changes: Sequence[tuple[int, str, str, str, int]]) -> int:
    moved = merged.ids[RESOURCES]
    merged.among(RESOURCES, (moved.get(row[4], 0) for row in changes))
    update_rows(HINTS, ("resource_id",), [(moved[row[4]], row[0]) for row in changes if row[4] in moved])
    _drop(hint for row in changes if _says_masked(rules, hint := Row(*row[:4])))
    return len(changes)


def follow_spans(changed: Sequence[tuple[SpanRecord, SpanRecord]]) -> None:
    """Drops hints of spans that do not say it any more, in the transaction that masks them."""
    said = {
        (after.trace_id, after.span_id): after.attributes
        for before, after in changed
        if before.attributes != after.attributes
    }
    columns = (*Row._fields, "trace_id", "span_id")
    dropped = []
    for row in rows_in(HINTS, columns, "trace_id", sorted({trace_id for trace_id, _ in said})):
        hint, attributes = Row(*row[:4]), said.get((plain(row[4]), plain(row[5])))
        if attributes is not None and hint.kind not in OURS | OF_LINES and hint[1:] not in _named_by(attributes):
            dropped.append(hint)
    _drop(dropped)


def _named_by(attributes: str) -> set[tuple[str, str, str]]:
    """What they say of a span of whatever kind; that it says nothing is no word of theirs."""
    read = orjson.loads(attributes)
    found = {each for kind in (KIND_CLIENT, 0) for each in named_in_attributes(read, kind)}
    return {(kind.value, value, namespace) for kind, value, namespace in found} | {(HintKind.CALL.value, "", "")}


def follow_logs(changed: Sequence[tuple[LogRecord, LogRecord]]) -> None:
    """The same of log lines."""
    sql = f"SELECT {','.join(Row._fields)} FROM {HINTS} WHERE kind = %s AND value = %s AND time_ns = %s"
    for before, after in changed:
        found = _named(before.body)
        if found and found != _named(after.body):
            rows = execute(sql, (found[0].value, found[1], before.time_ns)).fetchall()
            _drop(Row(*row) for row in rows)


def _named(body: str | None) -> tuple[HintKind, str, str] | None:
    text = orjson.loads(body) if body else None
    return named_in_line(text) if isinstance(text, str) else None


def _drop(hints: Iterable[Row]) -> None:
    """Those that say something without it stay, without it. A claim that nothing else told of goes as well."""
    dropped = list(hints)
    nameless = [hint for hint in dropped if hint.kind in NAMELESS]
    gone = [hint for hint in dropped if hint.kind not in NAMELESS]
    update_rows(HINTS, ("value", "namespace"), [("", "", hint.id) for hint in nameless])
    delete_rows(HINTS, [hint.id for hint in gone])
    names = {hint.value for hint in gone if hint.kind in reported.BELIEVED}
    if names:
        named = Hint.objects.filter(kind__in=reported.BELIEVED, value__in=names).values_list("value", flat=True)
        alone = names - set(named)
        claims = Claim.objects.filter(name__in=alone, cluster__isnull=True, uid__startswith=reported.UID_BEGINS)
        reported.take_away(list(claims.values_list("uid", flat=True)), Committed())
