"""What telemetry holds beside attributes and texts: lists of events and links.

Before: `rules` know what is masked. After: `collector.models` masks these columns with it, `collector.redact` new rows.
"""

from __future__ import annotations

from typing import Any

from collector.redaction.rules import Rules

SAID = ("name", "trace_state")


def events_or_links(rules: Rules, stored: str) -> str:
    """The events or the links of a span, as they are stored: their ids and times stay."""
    return rules.within(stored, lambda items: [_item(rules, item) for item in items])


def _item(rules: Rules, item: dict[str, Any]) -> dict[str, Any]:
    said = {name: rules.text(item[name]) for name in SAID if name in item}
    attributes = {"attributes": rules.value(item["attributes"])} if "attributes" in item else {}
    return {**item, **said, **attributes}
