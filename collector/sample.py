"""Some of the spans of a range, for questions that would have to look at all of them: what is in an area, what is not.

Before: a filter and an area of time and duration. After: `dashboard.overview` lists the slowest, compares attributes.

Only the newest LOOKED_AT spans of the range are looked at, by three columns; those whose attributes are compared are
picked evenly from them. Both numbers bound the answer's time whatever is stored, and the page says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collector.models import Span
from collector.queries import TelemetryFilter, spans
from collector.raw import raw_rows
from collector.telemetry_filter import Ranged

LOOKED_AT = 20_000  # 2 us each on SQLite
PICKED = 300


class Looked(NamedTuple):
    """A span as it was looked at: enough to tell whether it is meant."""

    id: int
    start_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Sample:
    """`found`: those that are meant among the `looked_at` newest; `whole`: there are no older ones."""

    found: list[Looked]
    looked_at: int
    whole: bool

    def picked(self) -> list[int]:
        """The ids of at most PICKED, evenly over all that were found."""
        step = max(1, -(-len(self.found) // PICKED))
        return [span.id for span in self.found[::step]]

    def slowest(self, most: int) -> list[int]:
        """The ids of the slowest, slowest first."""
        return [span.id for span in sorted(self.found, key=lambda span: -span.duration_ns)[:most]]


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest spans of a range, of which several questions may be asked; spans without an end are left out."""

    rows: list[Looked]
    looked_at: int

    def those(self, meant: Callable[[int, int], bool]) -> Sample:
        """Those that are meant, by start and duration."""
        found = [row for row in self.rows if meant(row[1], row[2])]
        return Sample(found, self.looked_at, self.looked_at < LOOKED_AT)


def newest(f: TelemetryFilter) -> Newest:
    """What there is to look at."""
    found = spans(f).order_by("-start_ns", "-id").prefetch_related(None)[:LOOKED_AT]
    rows = raw_rows(found, Looked._fields)
    return Newest([Looked._make(row) for row in rows if row[2] is not None], len(rows))


def loaded(ids: Sequence[int]) -> list[Span]:
    """These spans with what they point at, in the order of their ids as given."""
    found = Span.objects.prefetch_related("operation", "resource").in_bulk(list(ids))
    return [found[id_] for id_ in ids if id_ in found]


def narrowed(f: Ranged, from_ns: int | None, to_ns: int | None) -> tuple[int | None, int | None]:
    """The times of the filter, within narrower ones as well."""
    lower = max((ns for ns in (f.from_ns, from_ns) if ns is not None), default=None)
    upper = min((ns for ns in (f.to_ns, to_ns) if ns is not None), default=None)
    return lower, upper
