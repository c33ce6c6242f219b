"""Attributes in the order in which they came: digests are made of the text they came as.

SQLite keeps that text. PostgreSQL's JSONB keeps what it says, in an order of its own; which one it had is tried out,
since the digest of the row tells when it is found. Programs send the same keys in the same order again and again, so
that an order is looked for once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, permutations, product
from typing import Any

import orjson

from collector.sql import is_sqlite

MOST_KEYS = 6  # 720 orders, some ms; with more keys only those that are likely
MOST_TRIED = 2_000
MOST_REMEMBERED = 10  # of the same keys: libraries in one program may have one each
GIVEN_UP_AFTER = 3  # records with the same keys: something else is not as it came, an order within a value say

_orders: dict[frozenset[str], dict[tuple[str, ...], None]] = {}  # those that were found, the first found first
_given_up: Counter[frozenset[str]] = Counter()


def as_it_came(record: Any, columns: Sequence[str], digest: bytes, digest_of: Callable[[Any], bytes]) -> Any:
    """The record, a named tuple, with these columns of JSON as the texts that give this digest.

    Where none is found they are likely ones: sent again, such a record is another one.
    """
    if is_sqlite():
        return record
    named = [column for column in columns if getattr(record, column) is not None]
    values = [orjson.loads(getattr(record, column)) for column in named]
    likely: Any = None
    for texts in islice(product(*(list(_texts(value)) for value in values)), MOST_TRIED):
        tried = record._replace(**dict(zip(named, texts, strict=True)))
        if digest_of(tried) == digest:
            for text in texts:
                _remember(orjson.loads(text))
            return tried
        likely = likely or tried
    for value in values:
        if isinstance(value, dict):
            _given_up[frozenset(value)] += 1
    return likely or record


def _texts(value: Any) -> Iterator[str]:
    """JSON texts of the value, the likely ones first."""
    if not isinstance(value, dict) or len(value) < 2:
        yield orjson.dumps(value).decode()
        return
    keys = frozenset(value)
    members = {key: f"{orjson.dumps(key).decode()}:{orjson.dumps(item).decode()}" for key, item in value.items()}
    yield "{" + ",".join(sorted(members.values())) + "}"  # as what is told apart by its attributes is written
    tried: Iterator[tuple[str, ...]] = chain(_orders.get(keys, ()), (tuple(value),))
    if len(value) <= MOST_KEYS and _given_up[keys] < GIVEN_UP_AFTER:
        tried = chain(tried, permutations(value))
    for order in tried:
        yield "{" + ",".join([members[key] for key in order]) + "}"


def _remember(value: Any) -> None:
    if isinstance(value, dict):
        orders = _orders.setdefault(frozenset(value), {})
        if len(orders) < MOST_REMEMBERED:
            orders[tuple(value)] = None
