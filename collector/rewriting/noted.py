"""Which rules what is stored was masked with, so that Setup can say whether `manage.py redact` has something to do.

Before: a process that stores starts, or `manage.py redact` has come to its end. After: a row that names the rules, and
up to which rows there may be others that were stored under other ones.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import orjson
from django.conf import settings

from collector.models import MaskedWith
from collector.redaction import Rules
from collector.rewriting.passes import kinds
from collector.rewriting.shapes import Merged
from collector.sql import execute
from collector.writer import Committed


def note_rules(committed: Committed) -> None:
    """Notes today's rules; if they are others than those noted, what is stored is from before them."""
    name = _name_of(settings.REDACTION)
    row = MaskedWith.objects.filter(pk=1).first()
    if row is None or row.rules != name:
        newest = {table: _edge("max", table) for table in _tables()}
        MaskedWith.objects.update_or_create(pk=1, defaults={"rules": name, "before": newest})


def note_masked(committed: Committed) -> None:
    """Notes that all there is was masked with today's rules."""
    MaskedWith.objects.update_or_create(pk=1, defaults={"rules": _name_of(settings.REDACTION), "before": {}})


def was_stored_before() -> bool:
    """Whether anything may be stored that today's rules have not masked."""
    row = MaskedWith.objects.filter(pk=1).first()
    if row is None or row.rules != _name_of(settings.REDACTION):
        return any(_edge("min", table) for table in _tables())
    return any(0 < _edge("min", table) <= last_id for table, last_id in row.before.items())


def _tables() -> set[str]:
    """Those of which rows are masked, by their ids; none while redaction is off."""
    return {kind.table for kind in kinds(Merged()) if kind.first == 0} if settings.REDACTION else set()


def _edge(which: str, table: str) -> int:
    return int(execute(f"SELECT {which}(id) FROM {table}").fetchone()[0] or 0)


@lru_cache(maxsize=4)
def _name_of(rules: Rules | None) -> str:
    """The same for the same rules. Slow on purpose: a pattern may be somebody's password, and is not to be guessed."""
    if rules is None:
        return ""
    text = orjson.dumps([rules.patterns, rules.keys])
    return hashlib.scrypt(text, salt=b"rules of redaction", n=2**14, r=8, p=1, dklen=16).hex()
