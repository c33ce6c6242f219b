"""Recorded bodies with fields changed to whatever a field can hold: each is stored or refused, never a failure."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collector.decode import Signal, decode
from collector.ingest import Saved, save_now
from collector.models import Exemplar, Log, MetricPoint, MetricStream, Operation, Resource, Scope, Span, Trace
from tests.collector.wire import otlp_json

DATA = Path(__file__).parent.parent / "data"
MESSAGES: dict[Signal, type[Message]] = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}
BODIES = {
    signal: [path.read_bytes() for path in sorted(DATA.glob(f"*/otlp/*-{signal}.pb")) if path.stat().st_size < 10_000]
    for signal in MESSAGES
}
WHOLE = (0, 1, -1, 7, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1)
DOUBLE = (0.0, -0.0, 0.1, 3.0, 1e15, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf)
TEXT = ("", "a", "\x00", "\x00x\x1f", "\u00e9\u4e2d\U0001f600", "x" * 5_000, "\ufffe\uffff", "'\"\\", "{}", "\u2028")
BYTES = (b"", b"\x00" * 8, b"\x00" * 16, b"s" * 8, b"t" * 16, b"\xff" * 17)
VALUES: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_BYTES: BYTES,
    FieldDescriptor.TYPE_BOOL: (True, False),
    FieldDescriptor.TYPE_DOUBLE: DOUBLE,
}


def change(message: Message, share: float, random: Random) -> None:
    """Changes about this share of all fields, those that were not set among them."""
    for field in message.DESCRIPTOR.fields:
        if random.random() < share:
            _change_field(message, field, random)
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if field.is_repeated else [value]:
                change(inner, share, random)


def _change_field(message: Message, field: Any, random: Random) -> None:
    value = getattr(message, field.name)
    if field.message_type and field.is_repeated:
        if value:
            value.add().CopyFrom(random.choice(value))
        return
    if field.message_type:
        value.SetInParent()
        return
    wanted = random.choice(VALUES.get(field.type, WHOLE))
    try:
        if field.is_repeated:
            value.append(wanted)
        else:
            setattr(message, field.name, wanted)
    except ValueError:
        pass  # a number of more bits than the field has


@pytest.mark.django_db
@given(st.sampled_from(sorted(MESSAGES)), st.sampled_from([0.005, 0.02, 0.08]), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message_is_stored_or_refused_and_json_says_the_same(signal: Signal, share: float, seed: int) -> None:
    random = Random(seed)
    message = MESSAGES[signal]()
    message.ParseFromString(random.choice(BODIES[signal]))
    change(message, share, random)
    batch = decode(signal, message.SerializeToString(), "protobuf")
    from_json = decode(signal, otlp_json(message), "json")
    assert (from_json.items, from_json.rejected) == (batch.items, batch.rejected)
    save_now(batch)
    assert save_now(batch) == Saved(0, 0, 0)
    for table in (Span, Trace, Log, MetricPoint, MetricStream, Exemplar, Resource, Scope, Operation):
        list(table.objects.all())  # each row can be read
