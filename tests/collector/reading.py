"""Reads a text or file as an import does, without a database: all its batches as one account."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

import orjson

from collector.console import Problem
from collector.files import ClusterObjects, read_file
from collector.records import Batch, LogRecord, PointRecord, SpanRecord


@dataclass
class Reading:
    """What was found. Records with the batch they point into."""

    spans: list[tuple[SpanRecord, Batch]] = field(default_factory=list)
    logs: list[tuple[LogRecord, Batch]] = field(default_factory=list)
    points: list[tuple[PointRecord, Batch]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    objects: list[ClusterObjects] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    ordinals: list[int] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self.spans), len(self.points), len(self.logs)

    @property
    def span_names(self) -> list[str]:
        return [batch.operations[span.operation].name for span, batch in self.spans]

    @property
    def log_bodies(self) -> list[Any]:
        return [orjson.loads(log.body or "null") for log, _ in self.logs]

    @property
    def unreadable(self) -> list[tuple[int, str]]:
        return [(problem.line, problem.reason) for problem in self.problems if problem.unreadable]

    @property
    def notes(self) -> list[tuple[int, str]]:
        return [(problem.line, problem.reason) for problem in self.problems if not problem.unreadable]


def read(
    content: str | bytes,
    name: str = "run.txt",
    zone: tzinfo | None = None,
    local_zone: tzinfo = UTC,
) -> Reading:
    """All that a file of this content holds."""
    reading = Reading()
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    for item in read_file(stream, name, zone, local_zone):
        if isinstance(item, Problem):
            reading.problems.append(item)
            continue
        if isinstance(item, ClusterObjects):
            reading.objects.append(item)
            continue
        reading.batches.append(item)
        reading.spans += [(span, item) for span in item.spans]
        reading.logs += [(log, item) for log in item.logs]
        reading.points += [(point, item) for point in item.points]
        reading.ordinals += item.log_ordinals or []
    return reading
