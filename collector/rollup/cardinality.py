"""How many different series of a day are counted each by itself; what comes beyond them is counted together.

Before: `spans` and `sandboxes.rollup` name what they are about to count. After: they count what has no room any more
under a series of "others", so that names with ids in them fill neither memory nor the tables of windows.

OpenTelemetry's SDKs do the same to metrics: no more than 2,000 sets of attributes, and one for all further ones that
says `otel.metric.overflow` (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits). Here it is by
day: names that were wrong for an hour do not take the room of right ones for as long as rollups are kept.

What was decided for a day is kept in CountedSeries: repeats, other receivers and counting anew come to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from collector.intern import digest
from collector.rollup.windows import Subject
from collector.sql import execute, insert_rows, is_sqlite, rows_at

MOST_OF_A_GROUP = 2_000  # of a service's operations
MOST_OF_A_DAY = 10_000  # of all groups together
OTHERS, ALL_OTHERS = -1, -2  # the groups of those that stand for others: beside the limit of a day
SPECIAL = (OTHERS, ALL_OTHERS)
MOST_REMEMBERED = 50_000
LOCK = 5_017_004  # PostgreSQL's advisory lock: any number that is ours alone

TABLE = "collector_countedseries"
PLACE = ("subject", "number", "day")
Place = tuple[int, int]  # the day since 1970, the number of what would be counted by itself
Group = tuple[int, int]  # the day, the number of what belongs together


@lru_cache(maxsize=4_096)
def number_of(*words: str) -> int:
    """A number for what has none: PostgreSQL indexes no text of any length."""
    return int.from_bytes(digest(words)[:8]) >> 1


class Cardinality:
    """What is decided of one subject. Remembers some of it: `forget` after a rollback, or when tables were emptied."""

    def __init__(self, subject: Subject) -> None:
        self._subject = int(subject)
        self._counted: dict[Place, bool] = {}
        # A group that is full on a day, and the highest number in it: a higher one needs no look.
        self._full: dict[Group, int] = {}

    def forget(self) -> None:
        """Forgets what was decided; the table knows."""
        self._counted.clear()
        self._full.clear()

    def beyond(self, wanted: Mapping[Place, int]) -> set[Place]:
        """Those of `wanted`, each with its group, that have no room on their day. All others have theirs from now on.

        In the caller's transaction. The usual answer, nothing of what is known already, costs a look into a dict each.
        """
        found = {place: self._decided(place, group) for place, group in wanted.items()}
        unknown = [place for place, counted in found.items() if counted is None]
        if unknown:
            if len(self._counted) + len(unknown) > MOST_REMEMBERED:
                self.forget()
            self._decide({place: wanted[place] for place in sorted(unknown)})
            found |= {place: self._counted[place] for place in unknown}
        return {place for place, counted in found.items() if not counted}

    def _decided(self, place: Place, group: int) -> bool | None:
        counted = self._counted.get(place)
        if counted is None and place[1] > self._full.get((place[0], group), place[1]):
            return False
        return counted

    def _decide(self, wanted: Mapping[Place, int]) -> None:
        """One process at a time, so that the last room of a day is given to one."""
        if not is_sqlite():
            execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        keys = [(self._subject, number, day) for day, number in wanted]
        there = {(day, number) for day, number in rows_at(TABLE, PLACE, keys, ("day", "number"))}
        self._counted.update(dict.fromkeys(there, True))
        if missing := [place for place in wanted if place not in there]:
            self._give_room(missing, wanted)

    def _give_room(self, missing: Sequence[Place], wanted: Mapping[Place, int]) -> None:
        sizes, highest = self._sizes({day for day, _ in missing})
        together = Counter[int]()
        for (day, group), size in sizes.items():
            together[day] += size if group not in SPECIAL else 0
        added = []
        for day, number in missing:
            group = wanted[day, number]
            special = group in SPECIAL
            room = sizes[day, group] < MOST_OF_A_GROUP and (special or together[day] < MOST_OF_A_DAY)
            if room:
                added.append((self._subject, number, day, group))
                sizes[day, group] += 1
                together[day] += not special
                highest[day, group] = max(highest.get((day, group), 0), number)
            self._counted[day, number] = room
        for day, number in missing:
            if not self._counted[day, number]:
                self._full[day, wanted[day, number]] = highest.get((day, wanted[day, number]), 0)
        insert_rows(TABLE, ("subject", "number", "day", "part_of"), added)

    def _sizes(self, days: Iterable[int]) -> tuple[Counter[Group], dict[Group, int]]:
        """By day and group: how many are counted, and the highest number among them."""
        ordered = sorted(days)
        sizes: Counter[Group] = Counter()
        highest: dict[Group, int] = {}
        for position in range(0, len(ordered), 500):
            part = ordered[position : position + 500]
            found = execute(
                f"SELECT day, part_of, count(*), max(number) FROM {TABLE}"
                f" WHERE subject = %s AND day IN ({','.join(['%s'] * len(part))}) GROUP BY day, part_of",
                (self._subject, *part),
            )
            for day, group, count, number in found.fetchall():
                sizes[day, group], highest[day, group] = count, number
        return sizes, highest


def others(subject: Subject, first_day: int, last_day: int) -> set[int]:
    """The numbers of what stood for others on these days."""
    found = execute(
        f"SELECT DISTINCT number FROM {TABLE} WHERE subject = %s AND day >= %s AND day <= %s AND part_of IN (%s, %s)",
        (int(subject), first_day, last_day, *SPECIAL),
    )
    return {row[0] for row in found.fetchall()}


def prune(before_day: int, limit: int) -> int:
    """Deletes up to `limit` decisions about days of which no window is left; gives how many."""
    oldest = f"SELECT id FROM {TABLE} WHERE subject = %s AND day < %s LIMIT %s"
    deleted = 0
    for subject in Subject:
        parameters = (int(subject), before_day, limit - deleted)
        deleted += execute(f"DELETE FROM {TABLE} WHERE id IN ({oldest})", parameters).rowcount
    return deleted
