"""What may not be kept or shown: which values are masked, and how. Plain Python, the only door to RE2.

Before: settings name patterns and keys; nothing is masked unless they do. After: `collector.redacted` masks telemetry
before it is stored, `sandboxes.redaction` what a cluster says; the fields of models mask what was stored before.

In the order data takes:
    builtin   patterns for well-known secrets, by name
    reading   the settings' texts to rules, or a sentence that says what is wrong with them
    rules     values and texts to the same without what matches
    telemetry the same for events and links
"""

from collector.redaction.reading import BadRules, read_rules
from collector.redaction.rules import MASK, Rules
from collector.redaction.telemetry import events_or_links

__all__ = ["MASK", "BadRules", "Rules", "events_or_links", "read_rules"]
