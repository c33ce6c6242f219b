"""Some of the spans of a range, for questions that would have to look at all of them: what is in an area, what is not.

Before: a filter and an area of time and duration. After: `dashboard.overview` lists the slowest, compares attributes.

Only the newest LOOKED_AT spans of the range are looked at, by three columns; those whose attributes are compared are
picked evenly from them. Both numbers bound the answer's time whatever is stored, and the page says them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from collector.models import Span
from collector.queries import TelemetryFilter, spans

LOOKED_AT = 20_000  # 2 us each on SQLite
PICKED = 300


@dataclass(frozen=True, slots=True)
class Looked:
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


def sample(f: TelemetryFilter, meant: Callable[[Looked], bool]) -> Sample:
    """The newest spans of the range that are `meant`; spans without an end are not."""
    columns = ("id", "start_ns", "duration_ns")
    newest = spans(f).order_by("-start_ns", "-id").prefetch_related(None).values_list(*columns)[:LOOKED_AT]
    rows = [Looked(*row) for row in newest if row[2] is not None]
    return Sample([row for row in rows if meant(row)], len(newest), len(newest) < LOOKED_AT)


def loaded(ids: Sequence[int]) -> list[Span]:
    """These spans with what they point at, in the order of their ids as given."""
    found = Span.objects.prefetch_related("operation", "resource").in_bulk(list(ids))
    return [found[id_] for id_ in ids if id_ in found]


def between(f: TelemetryFilter, from_ns: int | None, to_ns: int | None) -> TelemetryFilter:
    """The filter, within narrower times as well."""
    lower = max((ns for ns in (f.from_ns, from_ns) if ns is not None), default=None)
    upper = min((ns for ns in (f.to_ns, to_ns) if ns is not None), default=None)
    return replace(f, from_ns=lower, to_ns=upper)
