"""What may not be kept is masked, in one batch of telemetry.

Before: `decode` or `console` made the batch, whatever door it came by. After: `store` writes it; hints, rollups and
summaries are of what is left. Ids, times and numbers stay. Where redaction is off, this is one look at a setting.

Identical texts are one another's repeats to `store`: log records that were told apart by a secret alone are numbered as
equal ones are, and metric streams that were are one stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.conf import settings

from collector.records import Batch
from collector.redaction import MASK, Rules, events_or_links

PORTION = 512  # records looked at together: a buffer of some hundred kilobytes
SERVICE = "service.name"


class Columns(NamedTuple):
    """Which members of a record are texts and which are JSON, and of these, which are lists of events or links."""

    said: tuple[str, ...]
    stored: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


RESOURCES = Columns(("service", "schema_url"), ("attributes", "entity_refs"))
SCOPES = Columns(("name", "version", "schema_url"), ("attributes",))
OPERATIONS = Columns(("service", "name"))
STREAMS = Columns(("name", "unit", "description"), ("attributes", "metadata"))
SPANS = Columns(("status_message", "trace_state"), ("attributes",), ("events", "links"))
LOGS = Columns(("severity_text", "event_name"), ("body", "attributes"))
EXEMPLARS = Columns((), ("attributes",))


def redact(batch: Batch) -> None:
    """Masks what the settings say, in place."""
    rules: Rules | None = settings.REDACTION
    if rules is None:
        return
    of = {name: _redacted(rules, getattr(batch, name), columns) for name, columns in COLUMNS.items()}
    for name, records in of.items():
        setattr(batch, name, records)
    batch.reasons = [rules.text(reason) for reason in batch.reasons]  # they quote names, and the last ones are shown
    if rules.hides(SERVICE):  # beside the attribute it is a column of its own
        batch.resources = [record._replace(service=MASK) for record in batch.resources]
        batch.operations = [record._replace(service=MASK) for record in batch.operations]


COLUMNS = {
    "resources": RESOURCES,
    "scopes": SCOPES,
    "operations": OPERATIONS,
    "streams": STREAMS,
    "spans": SPANS,
    "logs": LOGS,
    "exemplars": EXEMPLARS,
}


def _redacted(rules: Rules, records: list[Any], columns: Columns) -> list[Any]:
    """The records; in the place of each that changes another one."""
    found: list[Any] = []
    for position in range(0, len(records), PORTION):
        portion = records[position : position + PORTION]
        if rules.touches(_values(portion, columns.said), _values(portion, columns.stored + columns.lists)):
            portion = [_record(rules, record, columns) for record in portion]
        found += portion
    return found


def _values(records: Iterable[Any], names: Iterable[str]) -> list[str]:
    return [value for name in names for record in records if (value := getattr(record, name))]


def _record(rules: Rules, record: Any, columns: Columns) -> Any:
    changed: dict[str, str] = {}
    ways: tuple[tuple[tuple[str, ...], Callable[[Rules, str], str]], ...] = (
        (columns.said, Rules.text),
        (columns.stored, Rules.stored),
        (columns.lists, events_or_links),
    )
    for names, redacted in ways:
        for name in names:
            value = getattr(record, name)
            if value and (masked := redacted(rules, value)) != value:
                changed[name] = masked
    return record._replace(**changed) if changed else record
