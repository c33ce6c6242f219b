"""Masking at ingest: a secret in any field of any signal, by any door, is in no table afterwards; the rest is."""

from __future__ import annotations

import base64
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC
from pathlib import Path
from random import Random
from typing import Any, get_type_hints

import grpc
import orjson
import pytest
from django.apps import apps
from django.db import connection
from django.db.models import CharField, JSONField, TextField
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as WireLog
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from pytest_django.fixtures import Settings

from collector import redact as redacting
from collector.clearing import clear
from collector.decode import Signal, decode
from collector.fields import Redacted
from collector.grpc import SERVICES
from collector.importing import Account, import_stream
from collector.ingest import Saved, save_now
from collector.models import Log, MetricPoint, Span
from collector.records import (
    ExemplarRecord,
    LogRecord,
    OperationRecord,
    ResourceRecord,
    ScopeRecord,
    SpanRecord,
    StreamRecord,
)
from collector.redact import Columns, redact
from collector.redaction import MASK, read_rules
from tests.collector.test_anything import BODIES, MESSAGES
from tests.collector.test_grpc import unary
from tests.collector.test_http import JSON, PROTOBUF, send
from tests.collector.wire import T0_NS, a_span, any_value, logs, metrics, otlp_json, pairs, traces
from tests.factories import batch, make_log, make_point, make_span
from tests.server import Server, running_server

SECRET = "hunter2-0a1b2c3d"
ENCODED = [base64.b64encode(b" " * shift + SECRET.encode()).decode()[4:-4] for shift in range(3)]
PATTERN = r"hunter2-\w+"
SIGNALS: dict[str, str] = {"traces": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}


@pytest.fixture
def on(settings: Settings) -> None:
    settings.REDACTION = read_rules(["url-password"], PATTERN, ["*password"])


def everything_stored() -> str:
    """All rows of all tables, as text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")
            found += [repr(tuple(map(_readable, row))) for row in cursor.fetchall()]
    return "\n".join(found)


def _readable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def test_every_text_of_every_record_is_looked_at() -> None:
    records: dict[Any, Columns] = {
        ResourceRecord: redacting.RESOURCES,
        ScopeRecord: redacting.SCOPES,
        OperationRecord: redacting.OPERATIONS,
        StreamRecord: redacting.STREAMS,
        SpanRecord: redacting.SPANS,
        LogRecord: redacting.LOGS,
        ExemplarRecord: redacting.EXEMPLARS,
    }
    for record, columns in records.items():
        texts = {name for name, kind in get_type_hints(record).items() if kind in (str, str | None)}
        assert texts == {*columns.said, *columns.stored, *columns.lists}, record
    assert set(redacting.COLUMNS.values()) == set(records.values())


# Columns that are shown as they are: words of our own, and names and ids, by which things are found.
AS_THEY_ARE = {
    "MetricPoint": "detail",
    "Arrival": "table",
    "Pruning": "reason deleted",
    "MaskedWith": "rules before",
    "Cluster": "uid name api_version",
    "ObjectVersion": "kind uid namespace name belongs_to resource_version change",
    "Claim": "uid namespace name pool template start_type state cause sandbox pod node clock",
    "Hint": "kind value namespace",
    "Link": "claim_uid evidence certainty",
    "Cursor": "name",
    "StageSeries": "stage start_type pool template namespace",
    "ResourceVersion": "resource version",
    "Lease": "name machine word detail",
    "Run": "uid form state asked_by outcome",
    "RunSandbox": "claim state error_type",
    "RunComparison": "stages",
}


def test_every_column_of_text_is_masked_as_it_is_read_or_named_here_as_one_that_is_not() -> None:
    ours = [model for model in apps.get_models() if model._meta.app_label in ("collector", "sandboxes")]
    found: dict[str, list[str]] = defaultdict(list)
    for model in ours:
        for field in model._meta.get_fields():
            masked = isinstance(field, Redacted) and field.redact is not None
            if isinstance(field, (TextField, CharField, JSONField)) and not masked:
                found[model.__name__].append(field.name)
    assert found == {model: names.split() for model, names in AS_THEY_ARE.items()}


@pytest.mark.usefixtures("on")
def test_the_sentence_about_what_was_refused_is_masked_too() -> None:
    made = decode("traces", traces(a_span(name=SECRET, span_id=b"short")).SerializeToString(), "protobuf")
    assert SECRET in made.reasons[0]
    redact(made)
    assert made.reasons == [f"span '{MASK}' refused: its span id is not 8 bytes, or all zero"]


# A secret anywhere in a body


def slots(message: Message) -> Iterator[tuple[Message, Any]]:
    """Every field of text or of an attribute's bytes in a message, set or not; keys and ids are none."""
    for field in message.DESCRIPTOR.fields:
        text = field.type == FieldDescriptor.TYPE_STRING and field.name not in ("key", "id_keys", "description_keys")
        if text or field.name == "bytes_value":
            yield message, field
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if field.is_repeated else [value]:
                yield from slots(inner)


def hide_in(message: Message, places: int, random: Random) -> None:
    """Puts the secret into some places, with something around it."""
    for holder, field in random.sample(found := list(slots(message)), min(places, len(found))):
        text = random.choice(["", "x ", 'a "', "\n", "\\", "\u00e9="]) + SECRET + random.choice(["", " y", '"', "\n"])
        setattr(holder, field.name, text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text)


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
@given(st.sampled_from(sorted(MESSAGES)), st.integers(1, 40), st.integers(0, 2**32), st.booleans())
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_secret_anywhere_in_a_body_is_nowhere_in_the_database(
    signal: Signal, places: int, seed: int, as_json: bool
) -> None:
    random = Random(seed)
    message = MESSAGES[signal]()
    message.ParseFromString(random.choice(BODIES[signal]))
    hide_in(message, places, random)
    body = otlp_json(message) if as_json else message.SerializeToString()
    made = decode(signal, body, "json" if as_json else "protobuf")
    items = made.items
    redact(made)
    assert made.items == items
    save_now(made)
    stored = everything_stored()
    assert SECRET not in stored
    assert not any(text in stored for text in ENCODED)


@pytest.mark.parametrize("signal", sorted(MESSAGES))
def test_where_it_is_off_nothing_changes(signal: Signal) -> None:
    for body in BODIES[signal][:10]:
        made = decode(signal, body, "protobuf")
        before = deepcopy(made)
        redact(made)
        assert made == before


@pytest.mark.parametrize("signal", sorted(MESSAGES))
def test_where_nothing_matches_nothing_changes(signal: Signal, settings: Settings) -> None:
    settings.REDACTION = read_rules(["secrets"], "no such text", [])
    for body in BODIES[signal][:10]:
        made = decode(signal, body, "protobuf")
        before = deepcopy(made)
        redact(made)
        assert made == before


# What is kept of it


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_the_rest_is_kept_as_it_came() -> None:
    span = a_span(
        name=f"login {SECRET}",
        attributes=pairs({"http.url": "http://ann:pa55@10.0.0.1:8888/execute", "db.password": [1, 2], "n": 5}),
    )
    made = decode("traces", traces(span).SerializeToString(), "protobuf")
    redact(made)
    save_now(made)
    (row,) = Span.objects.all()
    assert (row.operation.name, row.trace_id) == (f"login {MASK}", span.trace_id.hex())
    url = f"http://ann:{MASK}@10.0.0.1:8888/execute"
    assert row.attributes == {"http.url": url, "db.password": MASK, "n": 5}


@pytest.mark.django_db
def test_a_service_whose_key_is_hidden_is_hidden_where_it_is_a_column(settings: Settings) -> None:
    settings.REDACTION = read_rules([], "", ["service.name"])
    made = batch(make_span(service=SECRET), make_log(service=SECRET))
    redact(made)
    save_now(made)
    assert SECRET not in everything_stored()
    assert Span.objects.get().operation.service == MASK


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_what_is_sent_again_is_still_stored_once() -> None:
    def sent() -> Saved:
        made = batch(make_span(SECRET, trace="1" * 32, span="2" * 16), make_log(SECRET), make_point(3, unit=SECRET))
        redact(made)
        return save_now(made)

    assert [sent(), sent()] == [Saved(1, 1, 1), Saved(0, 0, 0)]


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_log_lines_told_apart_by_a_secret_alone_are_all_kept() -> None:
    made = batch(*(make_log(f"token {SECRET}{n}") for n in range(3)))
    redact(made)
    save_now(made)
    assert sorted(Log.objects.values_list("body", "ordinal")) == [(f"token {MASK}", n) for n in range(3)]


# By every door


def bodies() -> dict[Signal, Message]:
    """A body of each signal, with the secret in it."""
    record = WireLog(time_unix_nano=T0_NS, body=any_value({"said": [SECRET]}), attributes=pairs({"a.password": "x"}))
    point = NumberDataPoint(time_unix_nano=T0_NS, as_int=3, attributes=pairs({"who": SECRET}))
    return {
        "traces": traces(a_span(attributes=pairs({"said": SECRET}))),
        "logs": logs(record),
        "metrics": metrics(Metric(name="m", gauge=Gauge(data_points=[point]))),
    }


@pytest.fixture(scope="module")
def redacting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {"REDACT_PATTERNS": PATTERN, "REDACT_KEYS": "*password"}
    with running_server(tmp_path_factory.mktemp("redacting"), **variables) as running:
        yield running


@pytest.mark.long
@pytest.mark.server
def test_every_door_of_a_server_masks(redacting_server: Server) -> None:
    server = redacting_server
    for signal, message in bodies().items():
        wire, path = message.SerializeToString(), SIGNALS[signal]
        for port in (server.otlp_port, server.pages_port):
            assert send(server, wire, PROTOBUF, path, port=port).status == 200
        packed = {"Content-Encoding": "gzip"}
        assert send(server, gzip.compress(wire), PROTOBUF, path, headers=packed).status == 200
        assert send(server, otlp_json(message), JSON, path).status == 200
        service = next(name for name, of in SERVICES.items() if of == signal)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            unary(channel, f"/{service}/Export")(wire)
    stored = server.rows("SELECT attributes FROM collector_span")
    stored += server.rows("SELECT body FROM collector_log")
    stored += server.rows("SELECT attributes FROM collector_metricstream")
    assert len(stored) == 3  # what came by five doors is stored once
    assert all(MASK in str(row) for row in stored)
    exported = [server.get(f"/export/{name}.csv") for name in ("spans", "logs", "metric_points")]
    exported += [server.get(f"/api/v1/{name}") for name in ("spans", "logs", "metric_points", "traces")]
    files = [path.read_bytes() for path in server.data_dir.iterdir() if path.is_file()]
    assert not any(SECRET.encode() in content for content in exported + files)
    assert server.get("/export/range.bundle?range=all")[:2] == b"\x1f\x8b"
    assert SECRET.encode() not in gzip.decompress(server.get("/export/range.bundle?range=all"))


# By files


CONSOLE_LOG = """
{
    "body": "token %s",
    "severity_number": 9,
    "severity_text": "INFO",
    "attributes": {"a.password": "x"},
    "dropped_attributes": 0,
    "timestamp": "2026-11-23T22:33:07.967755Z",
    "observed_timestamp": "2026-11-23T22:33:07.967755Z",
    "trace_id": "0x00000000000000000000000000000000",
    "span_id": "0x0000000000000000",
    "trace_flags": 0,
    "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""}
}
"""


def imported(content: bytes, name: str = "file") -> Account:
    return import_stream(io.BytesIO(content), name, save_now, zone=UTC, local_zone=UTC)


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("form", ["json", "pb", "gzip"])
def test_files_of_otlp_are_masked(form: str) -> None:
    for signal, message in bodies().items():
        content = message.SerializeToString() if form == "pb" else otlp_json(message)
        content = gzip.compress(content) if form == "gzip" else content
        assert imported(content, f"{signal}.{form}").new == 1
    assert SECRET not in everything_stored()
    assert (Span.objects.count(), Log.objects.count(), MetricPoint.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_console_text_and_the_lines_around_it_are_masked_and_none_is_lost() -> None:
    printed = "".join(CONSOLE_LOG % f"{SECRET}{n}" for n in range(3))
    plain = "".join(f"2026-11-23 22:33:07,967 INFO shop said {SECRET}{n}\n" for n in range(2))
    account = imported((printed + plain).encode())
    assert account.logs == 5
    assert imported((printed + plain).encode()).logs == 0  # the same file again changes nothing
    stored = everything_stored()
    assert SECRET not in stored
    assert stored.count(f"token {MASK}") == 3
    assert [log.attributes for log in Log.objects.all()].count({"a.password": MASK}) == 3


@pytest.mark.django_db
def test_of_a_recorded_program_everything_is_kept_but_what_matches(settings: Settings) -> None:
    recorded = Path(__file__).parent.parent / "data" / "documented-console" / "stdout.txt"
    without = imported(recorded.read_bytes())
    stored = everything_stored()
    assert "sandbox" in stored
    clear()
    settings.REDACTION = read_rules([], r"(?i)sandbox[\w-]*", [])
    masked = imported(recorded.read_bytes())
    assert (masked.spans, masked.logs, masked.points) == (without.spans, without.logs, without.points)
    said = [orjson.dumps([log.body, log.attributes]).decode() for log in Log.objects.all()]
    assert any(MASK in text for text in said)
