"""When rows were received: the last id of each table, noted once a minute.

Ids grow in order of arrival. So a row is older than a moment when its id is not beyond the last one noted before it,
whatever time its sender gave it. What arrived while nobody took notes (an import without a server) counts as received
at the next note: it is kept longer, never shorter.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, Max, OuterRef

from collector.models import Arrival
from collector.sql import execute

INTERVAL_NS = 60 * 10**9


def note(tables: Iterable[str], now_ns: int) -> None:
    """Notes where the tables are, those that have moved. In the caller's transaction."""
    newest = dict(Arrival.objects.values_list("table").annotate(Max("last_id")))
    for table in tables:
        last_id = execute(f"SELECT max(id) FROM {table}").fetchone()[0]
        if last_id is not None and last_id > newest.get(table, 0):
            Arrival.objects.get_or_create(table=table, time_ns=now_ns, defaults={"last_id": last_id})


def is_due(now_ns: int) -> bool:
    """Whether the last note is old enough for another one."""
    newest_ns = Arrival.objects.aggregate(newest=Max("time_ns"))["newest"]
    return newest_ns is None or now_ns - newest_ns >= INTERVAL_NS


def last_id(table: str, before_ns: int) -> int:
    """The last row received before a moment; 0 when none is known to be."""
    found = Arrival.objects.filter(table=table, time_ns__lte=before_ns).order_by("-time_ns")
    return found.values_list("last_id", flat=True).first() or 0


def received_ns(table: str, row_id: int, now_ns: int) -> int:
    """When a row had been received, to the minute; one that no note covers yet is from now."""
    found = Arrival.objects.filter(table=table, last_id__gte=row_id).order_by("last_id")
    return found.values_list("time_ns", flat=True).first() or now_ns


def forget(before_ns: int, limit: int) -> int:
    """Deletes notes older than a moment, but for the last of these of each table, which says of all rows up to it that
    they are at least that old; gives how many."""
    later = Arrival.objects.filter(table=OuterRef("table"), time_ns__gt=OuterRef("time_ns"), time_ns__lt=before_ns)
    old = Arrival.objects.filter(Exists(later), time_ns__lt=before_ns)
    ids = list(old.values_list("pk", flat=True)[:limit])
    Arrival.objects.filter(pk__in=ids).delete()
    return len(ids)
