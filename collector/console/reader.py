"""What `scan` finds to records, in batches.

Before: `scan`. After: `files` hands each batch to `ingest`. Log lines wait for the end of the text (or for a hundred
thousand of them): only then is it known beside which spans they belong, so what time zone they were printed in, and
whose they are.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from collector.console.builder import Builder
from collector.console.fields import sorted_attributes_json
from collector.console.found import Found, FoundLine, FoundObject, Problem
from collector.console.lines import UNTIMED, LogLine, read_log_line
from collector.console.logs import add_log_line, read_log
from collector.console.metrics import read_metrics
from collector.console.offset import Interval, best_offset_minutes
from collector.console.spans import read_span
from collector.decode.errors import ItemError
from collector.records import Batch, ResourceRecord

BATCH_ITEMS = 2_000
MAX_HELD_LINES = 100_000
MAX_INTERVALS = 100_000
EXCERPT_CHARS = 80


class ConsoleReader:
    """One text's records.

    `zone` is what the user says of its log lines; `local_zone` serves for want of anything better. What is left out
    is told in `problems`, which whoever reads them empties.
    """

    def __init__(self, zone: tzinfo | None, local_zone: tzinfo) -> None:
        self.problems: list[Problem] = []
        self._zone = zone
        self._local_zone = local_zone
        self._offset_minutes: int | None = None
        self._settled = False
        self._held: deque[LogLine] = deque()
        self._builder = Builder()
        self._resources: dict[ResourceRecord, None] = {}
        self._spans: list[Interval] = []
        self._other_times: list[Interval] = []

    @property
    def full(self) -> bool:
        """Whether there is enough for a batch."""
        return self._builder.batch.items >= BATCH_ITEMS or (self._settled and len(self._held) >= BATCH_ITEMS)

    def take(self) -> Batch:
        """What was read since the last time, and of the log lines that waited as many as make a batch."""
        while self._settled and self._held and self._builder.batch.items < BATCH_ITEMS:
            self._add_line(self._held.popleft())
        batch, self._builder = self._builder.batch, Builder()
        return batch

    def read(self, found: Found) -> None:
        """Takes in one piece of the text."""
        if isinstance(found, Problem):
            self.problems.append(found)
        elif isinstance(found, FoundObject):
            self._read_object(found)
        else:
            self._read_line(found)

    def settle(self) -> None:
        """At the end of the text: the log lines need not wait any longer."""
        if not self._settled:
            waiting = [log.local_ns for log in self._held if log.offset_minutes is None]
            self._offset_minutes = best_offset_minutes(waiting, self._spans or self._other_times)
            self._settled = True

    def _add_line(self, log: LogLine) -> None:
        try:
            offset_s, told = self._offset_s(log)
            add_log_line(log, offset_s, told, self._resource_of(log), self._builder)
        except (ItemError, OverflowError) as error:
            self.problems.append(Problem(log.line, f"a log line is left out: {error}"))

    def _read_object(self, found: FoundObject) -> None:
        value, batch = found.value, self._builder.batch
        refused: list[str] = []
        try:
            if "context" in value and "kind" in value and "start_time" in value:
                self._note(read_span(value, self._builder))
                span = batch.spans[-1]
                self._note_times(self._spans, span.start_ns, span.start_ns + max(0, span.duration_ns or 0))
            elif "resource_metrics" in value:
                points = len(batch.points)
                for resource in read_metrics(value, self._builder, refused):
                    self._note(resource)
                for point in batch.points[points:]:
                    self._note_times(self._other_times, point.time_ns, point.time_ns)
            elif "body" in value and "severity_number" in value:
                self._note(read_log(value, self._builder))
                self._note_times(self._other_times, batch.logs[-1].time_ns, batch.logs[-1].time_ns)
            else:
                self.problems.append(Problem(found.line, "a JSON object that is not telemetry", unreadable=False))
        except (ItemError, RecursionError) as error:
            reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            self.problems.append(Problem(found.line, f"a {_word(value)} is left out: {reason}"))
        self.problems += [Problem(found.line, reason) for reason in refused]

    def _note(self, resource: ResourceRecord) -> None:
        if len(self._resources) < MAX_INTERVALS:
            self._resources[resource] = None

    @staticmethod
    def _note_times(intervals: list[Interval], start_ns: int, end_ns: int) -> None:
        if len(intervals) < MAX_INTERVALS:
            intervals.append((start_ns, end_ns))

    def _read_line(self, found: FoundLine) -> None:
        text = found.text.strip("\ufeff").rstrip()
        if not text:
            return
        log = read_log_line(found.line, text)
        if log is None:
            kind = "a log line without a time" if UNTIMED.match(text) else "program output"
            self.problems.append(Problem(found.line, f"{kind}: {_excerpt(text)}", unreadable=False))
            return
        self._held.append(log)
        if len(self._held) >= MAX_HELD_LINES:
            self.settle()

    def _offset_s(self, log: LogLine) -> tuple[int, bool]:
        """How far the line's clock is ahead of UTC, and whether that was told rather than assumed."""
        if log.offset_minutes is not None:
            return log.offset_minutes * 60, True
        if self._zone is None and self._offset_minutes is not None:
            return self._offset_minutes * 60, False
        moment = datetime.fromtimestamp(log.local_ns // 10**9, UTC).replace(tzinfo=self._zone or self._local_zone)
        return (moment.utcoffset() or timedelta()) // timedelta(seconds=1), self._zone is not None

    def _resource_of(self, log: LogLine) -> ResourceRecord:
        """Lines name no resource: the text's only one, when there is but one of the service."""
        services = {resource.service for resource in self._resources}
        service = log.service or (services.pop() if len(services) == 1 else "")
        candidates = [resource for resource in self._resources if resource.service == service]
        if len(candidates) == 1:
            return candidates[0]
        attributes: dict[str, Any] = {"service.name": service} if service else {}
        return ResourceRecord(service or "unknown_service", sorted_attributes_json(attributes))


def _word(value: dict[str, Any]) -> str:
    return "span" if "context" in value else "log record" if "body" in value else "metrics object"


def _excerpt(text: str) -> str:
    """The beginning of a line, fit for a terminal."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:EXCERPT_CHARS])
    return shown + ("…" if len(text) > EXCERPT_CHARS else "")
