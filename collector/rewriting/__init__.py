"""What is stored already, masked with today's rules: as if it had come under them.

Before: redaction was switched on, or has other patterns, when there were rows. After: of what is masked nothing is left
in the database, and whatever is sent again is known.

    shapes      a kind of rows: how they are looked at, and rewritten
    key_order   in which order attributes came, which JSONB does not keep and digests are made of
    interned    resources, scopes, operations and streams; two that are the same now become one
    items       spans, log records and exemplars
    moved       points and exemplars of streams that became one with another; traces; latencies
    passes      all kinds in turn, a batch at a time, beside a running server
    leftovers   rows that nothing points at any more; pages of the file that hold what was there before
    noted       which rules what is stored was masked with

The layers above add their kinds to `more_kinds`.
"""

from collector.rewriting.noted import note_rules, was_stored_before
from collector.rewriting.passes import Rewriting, Rewritten, more_kinds
from collector.rewriting.shapes import Kind, Looked, Merged, Vanished, with_logs, with_spans

__all__ = [
    "Kind",
    "Looked",
    "Merged",
    "Rewriting",
    "Rewritten",
    "Vanished",
    "more_kinds",
    "note_rules",
    "was_stored_before",
    "with_logs",
    "with_spans",
]
