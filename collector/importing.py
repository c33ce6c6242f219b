"""Stores what a file holds and counts it: what `manage.py import` and the Setup page's drop zone both do.

Before: `files` reads. After: `ingest` has stored each batch; the account says what was new and what was left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from typing import Any, BinaryIO, NamedTuple, Protocol

from collector.console import Problem
from collector.files import ClusterObjects, read_file
from collector.ingest import Saved
from collector.records import Batch

MAX_PROBLEMS = 200
MAX_TRACES = 20


class Taken(NamedTuple):
    """What became of some objects of a cluster: `held` were read, `new` of them were not known."""

    held: int = 0
    new: int = 0
    others: int = 0  # perfectly readable, and of no kind that is kept


class ObjectReader(Protocol):
    """Keeps the objects of a cluster that one file holds. `take` raises ValueError with a sentence for what is none."""

    def take(self, value: dict[str, Any]) -> Taken: ...

    def settle(self) -> Taken: ...


# Makes a reader for a file; the layer that knows such objects puts it here.
new_reader: Callable[[], ObjectReader] | None = None
# What a command does once its files are stored. A server does the same after every commit.
after_files: list[Callable[[], None]] = []


@dataclass(slots=True)
class Account:
    """What one file brought. `spans`, `points`, `logs`, `objects` are new rows; `held` is how many the file holds."""

    name: str
    spans: int = 0
    points: int = 0
    logs: int = 0
    objects: int = 0
    held: int = 0
    skipped: int = 0
    unreadable: int = 0  # how many of `skipped` should have been telemetry
    problems: list[Problem] = field(default_factory=list)  # the first MAX_PROBLEMS
    problems_left_out: int = 0
    traces: dict[str, str] = field(default_factory=dict)  # trace id -> name of a span, the first MAX_TRACES
    assumed_offsets: list[int] = field(default_factory=list)  # minutes from UTC, for log lines that name no zone

    @property
    def new(self) -> int:
        return self.spans + self.points + self.logs + self.objects

    def take(self, saved: Saved, batch: Batch) -> None:
        """Counts a batch that was stored."""
        self.spans += saved.spans
        self.points += saved.points
        self.logs += saved.logs
        self.held += batch.items
        for offset in {log.assumed_offset_minutes for log in batch.logs if log.assumed_offset_minutes is not None}:
            if offset not in self.assumed_offsets:
                self.assumed_offsets.append(offset)
        for span in batch.spans:
            if len(self.traces) >= MAX_TRACES:
                break
            trace_id = span.trace_id.hex()
            if span.parent_span_id is None or trace_id not in self.traces:
                self.traces[trace_id] = batch.operations[span.operation].name

    def take_objects(self, line: int, taken: Taken) -> None:
        """Counts objects of a cluster that were read."""
        self.held += taken.held
        self.objects += taken.new
        if taken.others:
            self.leave_out(Problem(line, "cluster objects of other kinds", unreadable=False, count=taken.others))

    def leave_out(self, problem: Problem) -> None:
        """Counts what was left out; neighbouring lines left out for the same kind of reason are told as one."""
        self.skipped += problem.count
        self.unreadable += problem.count if problem.unreadable else 0
        last = self.problems[-1] if self.problems else None
        if last and _belong_together(last, problem):
            count = last.count + problem.count
            self.problems[-1] = last._replace(count=count, last_line=problem.last_line or problem.line)
        elif len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        else:
            self.problems_left_out += 1

    def as_json(self) -> dict[str, Any]:
        """For --json and the Setup page."""
        members = asdict(self)
        members["problems"] = [problem_json(problem) for problem in self.problems]
        return members


def _belong_together(last: Problem, problem: Problem) -> bool:
    near = (last.last_line or last.line) + 1 >= problem.line
    return near and not problem.unreadable and not last.unreadable and _kind(last) == _kind(problem)


def _kind(problem: Problem) -> str:
    return problem.reason.partition(":")[0]


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem as JSON. `line` is 0 when it is about the whole file."""
    return problem._asdict() | {"last_line": problem.last_line or problem.line}


def import_stream(
    stream: BinaryIO,
    name: str,
    save: Callable[[Batch], Saved],
    *,
    zone: tzinfo | None,
    local_zone: tzinfo,
    progress: Callable[[Account], None] = lambda account: None,
) -> Account:
    """Reads and stores a whole file. `save` may raise Unavailable; what was stored until then stays."""
    account = Account(name)
    reader = new_reader() if new_reader else None
    for item in read_file(stream, name, zone, local_zone):
        if isinstance(item, Problem):
            account.leave_out(item)
        elif isinstance(item, ClusterObjects):
            _take(account, reader, item)
            progress(account)
        elif item.items:
            account.take(save(item), item)
            progress(account)
    if reader:
        account.take_objects(0, reader.settle())
    return account


def _take(account: Account, reader: ObjectReader | None, found: ClusterObjects) -> None:
    if reader is None:
        reason = "cluster objects: nothing here reads them"
        account.leave_out(Problem(found.line, reason, unreadable=False, count=found.objects))
        return
    try:
        account.take_objects(found.line, reader.take(found.value))
    except ValueError as error:
        account.leave_out(Problem(found.line, str(error), count=max(1, found.objects)))
