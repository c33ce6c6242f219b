"""Any file of telemetry to batches: console text, OTLP JSON, JSON lines and protobuf, each also gzipped.

Objects of a cluster, which may stand among it, are found here and read by a layer above (`importing.new_reader`).

Before: a person names files (`manage.py import`) or drops them on the Setup page. After: `importing` stores the
batches.

Memory stays flat however long the file: text is read in pieces; only a protobuf body, which has no pieces, is read
whole. What a file is shows in what it holds, piece by piece, so one file may hold console text and OTLP JSON both.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import tzinfo
from typing import Any, BinaryIO, NamedTuple, cast

from collector.bundle.beside import BESIDE, restore
from collector.console import ConsoleReader, FoundObject, Problem, Scanner
from collector.decode import DecodeError, Encoding, Signal, decode
from collector.records import Batch, Clock, LogRecord
from collector.redact import redact

MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_REMEMBERED_LOGS = 200_000
BLOCK_BYTES = 1 << 16

SIGNALS: dict[str, Signal] = {
    "resourceSpans": "traces",
    "resource_spans": "traces",
    "resourceMetrics": "metrics",
    "resource_metrics": "metrics",
    "resourceLogs": "logs",
    "resource_logs": "logs",
}
SIGNAL_IN_NAME: tuple[tuple[str, Signal], ...] = (
    ("trace", "traces"),
    ("span", "traces"),
    ("metric", "metrics"),
    ("log", "logs"),
)
BINARY = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")  # not the bell, backspace and escape of a terminal's record
PROTOBUF_NAMES = (".pb", ".binpb", ".protobuf")


class ClusterObjects(NamedTuple):
    """JSON about objects of a cluster: a line of a watch stream, or what kubectl prints."""

    line: int
    value: dict[str, Any]
    objects: int


class Source(io.RawIOBase):
    """The file's bytes, unzipped; instead of raising it ends early and says why in `problem`."""

    def __init__(self, stream: BinaryIO) -> None:
        self.problem = ""
        # A view of the stream, since gzip's two first bytes tell.
        self._view = io.BufferedReader(cast(io.RawIOBase, stream), BLOCK_BYTES)
        self._stream: BinaryIO = self._view
        if self._view.peek(2)[:2] == b"\x1f\x8b":
            self._stream = cast(BinaryIO, gzip.GzipFile(fileobj=self._view))

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Lets go of the stream, which is not ours to close: it may be standard input. A view closes what it holds."""
        if not self.closed:
            with suppress(ValueError):  # it is closed already
                self._view.detach()
        super().close()

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except EOFError:
            self.problem = "the gzip data ends early: the rest of the file is missing"
            return 0
        except (OSError, zlib.error) as error:
            self.problem = f"the file cannot be read on: {error}"
            return 0
        buffer[: len(data)] = data
        return len(data)


def read_file(
    stream: BinaryIO, name: str, zone: tzinfo | None, local_zone: tzinfo
) -> Iterator[Batch | ClusterObjects | Problem]:
    """What the file holds, in batches, and what of it was left out, in order.

    `zone` is what the user says of log lines without one. The batches of a file are parts of one body: equal log
    records are numbered over all of them, so that importing it again changes nothing.
    """
    source = Source(stream)
    data = io.BufferedReader(source, BLOCK_BYTES)
    head = data.peek(BLOCK_BYTES)
    seen: Counter[int] = Counter()
    found: Iterator[Batch | ClusterObjects | Problem]
    if _is_protobuf(head, name):
        found = _read_protobuf(data, name)
    else:
        found = _read_text(data, _encoding(head), ConsoleReader(zone, local_zone))
    for item in found:
        if isinstance(item, Batch):
            as_read = list(item.logs)
            redact(item)
            _number_equal_logs(item, seen, as_read)
        yield item
    if source.problem:
        yield Problem(0, source.problem)


def _is_protobuf(head: bytes, name: str) -> bool:
    if name.removesuffix(".gz").endswith(PROTOBUF_NAMES):
        return True
    return _encoding(head) != "utf-16" and BINARY.search(head[:4096]) is not None


def _encoding(head: bytes) -> str:
    """By its byte order mark; PowerShell's `>` writes UTF-16."""
    return "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _read_text(
    data: io.BufferedReader[Source], encoding: str, reader: ConsoleReader
) -> Iterator[Batch | ClusterObjects | Problem]:
    text = io.TextIOWrapper(data, encoding, errors="replace", newline="")
    for found in Scanner(text):
        if isinstance(found, FoundObject) and (signals := _otlp_signals(found.value)):
            for signal in signals:
                yield from _decoded(signal, found.text.encode(), "json", found.line, found.value.get(BESIDE))
        elif isinstance(found, FoundObject) and (objects := _cluster_objects(found.value)) is not None:
            yield ClusterObjects(found.line, found.value, objects)
        else:
            reader.read(found)
            yield from _taken(reader)
    reader.settle()
    yield from _taken(reader)
    yield reader.take()
    yield from reader.problems


def _taken(reader: ConsoleReader) -> Iterator[Batch | Problem]:
    while reader.full:
        yield reader.take()
    yield from reader.problems
    reader.problems.clear()


def _otlp_signals(value: dict[str, Any]) -> list[Signal]:
    """The signals of an OTLP export request. The console's metrics have a key of that name too; it prints a resource's
    attributes as an object, OTLP as a list."""
    signals = []
    for key, signal in SIGNALS.items():
        requests = value.get(key)
        if not isinstance(requests, list):
            continue
        first = requests[0] if requests and isinstance(requests[0], dict) else {}
        resource = first.get("resource")
        if not (isinstance(resource, dict) and isinstance(resource.get("attributes"), dict)):
            signals.append(signal)
    return signals


def _cluster_objects(value: dict[str, Any]) -> int | None:
    """How many Kubernetes objects this is: a line of a watch, or what kubectl prints as JSON. None: something else."""
    if isinstance(value.get("type"), str) and "object" in value:
        if isinstance(value["object"], dict):
            return 1
        return 0 if isinstance(value.get("resource"), str) else None  # a recorder's note: disconnected, say
    if isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str):
        items = value.get("items")
        return len(items) if isinstance(items, list) else 1
    return None


def _read_protobuf(data: io.BufferedReader[Source], name: str) -> Iterator[Batch | Problem]:
    body = data.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        yield Problem(0, f"a protobuf body of more than {MAX_BODY_BYTES} bytes is not read")
        return
    short = name.rpartition("/")[2].lower()
    signal = next((signal for word, signal in SIGNAL_IN_NAME if word in short), None) or _likely_signal(body)
    if signal is None:
        yield Problem(0, "neither text nor an OTLP body: nothing in it can be read")
        return
    yield from _decoded(signal, body, "protobuf", 0)


def _likely_signal(body: bytes) -> Signal | None:
    """The three requests look alike on the wire; read as the wrong one, items lack their ids or times."""
    sound: dict[Signal, int] = {}
    for signal in ("traces", "metrics", "logs"):
        try:
            batch = decode(signal, body, "protobuf")
        except DecodeError:
            continue
        undated = sum(log.clock == Clock.RECEIPT for log in batch.logs)
        sound[signal] = batch.items - undated - batch.rejected
    best = max(sound, key=sound.__getitem__, default=None)
    return best if best is not None and sound[best] > 0 else None


def _decoded(
    signal: Signal, body: bytes, encoding: Encoding, line: int, beside: object = None
) -> Iterator[Batch | Problem]:
    try:
        batch = decode(signal, body, encoding)
    except DecodeError as error:
        yield Problem(line, f"OTLP {signal}: {error}")
        return
    # A receiver dates such records by their arrival. A file arrives whenever somebody imports it.
    dated = [log for log in batch.logs if log.clock != Clock.RECEIPT]
    undated, batch.logs = len(batch.logs) - len(dated), dated
    restore(batch, beside)
    yield batch
    if batch.rejected:
        yield Problem(line, "; ".join(batch.reasons), count=batch.rejected)
    if undated:
        yield Problem(line, "log records without a time", count=undated)


def _number_equal_logs(batch: Batch, seen: Counter[int], as_read: list[LogRecord]) -> None:
    """Sets the ordinals. Beyond MAX_REMEMBERED_LOGS it starts afresh, always at the same place of the same file.

    A bundle's are numbered already; of these only those count anew that masking has made equal to others.
    """
    numbered, batch.log_ordinals = batch.log_ordinals, []
    for position, log in enumerate(batch.logs):
        key = hash((batch.resources[log.resource], batch.scopes[log.scope], log[2:]))
        if numbered is None:
            ordinal = seen[key]
        else:
            ordinal = numbered[position] if log is as_read[position] else max(numbered[position], seen[key])
        batch.log_ordinals.append(ordinal)
        seen[key] = ordinal + 1
    if len(seen) > MAX_REMEMBERED_LOGS:
        seen.clear()
