"""The tables of telemetry. Written by `store` and `summary` in raw SQL; read through these models.

Ids are blobs in the database and lower-case hex in Python. JSON columns are parsed on reading. Rows point at each other
without database constraints: the writer keeps them right, and a constraint would cost every insert a look-up.
"""

from __future__ import annotations

from django.db import models

from collector.fields import AttributesField, HexIdField, Reference, SaidField
from collector.redaction import events_or_links

SERVICE_NAME = "service.name"
WARNING = 13  # the lowest severity number of one (OTLP's SeverityNumber)


class Resource(models.Model):
    """What produced telemetry: a program, as its SDK describes it."""

    digest = models.BinaryField(unique=True)
    service = SaidField(key=SERVICE_NAME)
    attributes = AttributesField()
    schema_url = SaidField()
    dropped_attributes_count = models.BigIntegerField()
    entity_refs = AttributesField(null=True)


class Scope(models.Model):
    """The instrumentation library that recorded it."""

    digest = models.BinaryField(unique=True)
    name = SaidField()
    version = SaidField()
    attributes = AttributesField()
    schema_url = SaidField()
    dropped_attributes_count = models.BigIntegerField()


class Operation(models.Model):
    """(service, span name, span kind): what spans are listed and measured by."""

    digest = models.BinaryField(unique=True)
    service = SaidField(key=SERVICE_NAME)
    name = SaidField()
    kind = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["service", "name"], name="operation_service_name")]  # on SQLite: migration 0002


class Span(models.Model):
    """One span, once: a repeat has the same (trace id, span id, day of its start)."""

    trace_id = HexIdField()
    span_id = HexIdField()
    day = models.IntegerField()
    parent_span_id = HexIdField(null=True)
    resource = Reference(Resource)
    scope = Reference(Scope)
    operation = Reference(Operation)
    start_ns = models.BigIntegerField()
    duration_ns = models.BigIntegerField(null=True)
    status_code = models.IntegerField()
    status_message = SaidField(null=True)
    flags = models.BigIntegerField()
    trace_state = SaidField(null=True)
    attributes = AttributesField()
    events = AttributesField(null=True, redact=events_or_links)
    links = AttributesField(null=True, redact=events_or_links)
    dropped_attributes_count = models.BigIntegerField()
    dropped_events_count = models.BigIntegerField()
    dropped_links_count = models.BigIntegerField()
    precision_ns = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace_id", "span_id", "day"], name="span_identity")]
        indexes = [
            models.Index(fields=["start_ns"], name="span_start"),
            models.Index(fields=["operation", "start_ns"], name="span_operation_start"),
        ]


class Trace(models.Model):
    """A trace in one row, kept at write time by `summary` so that lists never aggregate.

    The head is the root span, or while there is none the earliest span; `has_root` says which.
    `services` holds each service's name between U+001F characters, in order of arrival.
    """

    trace_id = HexIdField(primary_key=True)
    start_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField()
    duration_ns = models.BigIntegerField()
    span_count = models.BigIntegerField()
    error_count = models.BigIntegerField()
    services = SaidField(key=SERVICE_NAME)
    head_is_child = models.SmallIntegerField()  # 0: the head is a root. A number, so that the lower one wins in SQL
    head_start_ns = models.BigIntegerField()
    head_span_id = HexIdField()
    head_operation = Reference(Operation)

    class Meta:
        indexes = [models.Index(fields=["start_ns"], name="trace_start")]


class Log(models.Model):
    """One log record, once: told apart by its digest and its ordinal among equal records of its body or file."""

    digest = models.BinaryField()
    ordinal = models.IntegerField()
    resource = Reference(Resource)
    scope = Reference(Scope)
    time_ns = models.BigIntegerField()
    clock = models.SmallIntegerField()
    observed_ns = models.BigIntegerField(null=True)
    severity_number = models.IntegerField()
    severity_text = SaidField()
    body = AttributesField(null=True)
    event_name = SaidField()
    trace_id = HexIdField(null=True)
    span_id = HexIdField(null=True)
    flags = models.BigIntegerField()
    attributes = AttributesField()
    dropped_attributes_count = models.BigIntegerField()
    precision_ns = models.IntegerField()
    assumed_offset_minutes = models.SmallIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "ordinal"], name="log_identity")]
        indexes = [
            models.Index(fields=["time_ns"], name="log_time"),
            models.Index(fields=["trace_id"], name="log_trace", condition=models.Q(trace_id__isnull=False)),
            # Few among many, asked for most. Only a query that says this very condition can take it: `queries.logs`.
            models.Index(fields=["time_ns"], name="log_warning", condition=models.Q(severity_number__gte=WARNING)),
        ]


class MetricStream(models.Model):
    """One series of points."""

    digest = models.BinaryField(unique=True)
    resource = Reference(Resource)
    scope = Reference(Scope)
    name = SaidField()
    unit = SaidField()
    kind = models.SmallIntegerField()
    temporality = models.SmallIntegerField()
    is_monotonic = models.BooleanField()
    attributes = AttributesField()
    start_ns = models.BigIntegerField()
    description = SaidField()
    metadata = AttributesField(null=True)

    class Meta:
        indexes = [models.Index(fields=["name"], name="stream_name")]  # on SQLite: migration 0002


class MetricPoint(models.Model):
    """One point of a stream, once."""

    stream = Reference(MetricStream)
    time_ns = models.BigIntegerField()
    start_ns = models.BigIntegerField()
    flags = models.BigIntegerField()
    value_int = models.BigIntegerField(null=True)
    value_double = models.FloatField(null=True)
    count = models.BigIntegerField(null=True)
    sum = models.FloatField(null=True)
    min = models.FloatField(null=True)
    max = models.FloatField(null=True)
    detail = AttributesField(null=True, redact=None)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "time_ns", "start_ns"], name="point_identity")]
        indexes = [models.Index(fields=["time_ns"], name="point_time")]


class Exemplar(models.Model):
    """A measurement a stream's point brought along as an example, with the span it was made in."""

    stream = Reference(MetricStream)
    digest = models.BinaryField()
    time_ns = models.BigIntegerField()
    value_int = models.BigIntegerField(null=True)
    value_double = models.FloatField(null=True)
    trace_id = HexIdField(null=True)
    span_id = HexIdField(null=True)
    attributes = AttributesField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "digest"], name="exemplar_identity")]
        indexes = [
            models.Index(fields=["trace_id"], name="exemplar_trace", condition=models.Q(trace_id__isnull=False)),
        ]


class Epoch(models.Model):
    """A counter that moves when interned rows are deleted, so that every writer forgets the ids it remembers."""

    number = models.BigIntegerField()


class MaskedWith(models.Model):
    """Which rules of redaction what is stored was masked with: one row (`collector.rewriting.noted`)."""

    rules = models.TextField()  # a word for them; empty: redaction is off
    before = AttributesField(redact=None)  # by table: the last row that may have been stored under other rules


class Rollup(models.Model):
    """How long what began in one window took: counts in logarithmic buckets (`collector.histogram`), packed.

    `subject` says what `series` numbers: an operation (twice its id, one more with errors), a claim's stage.
    The same measurements are kept at every length of window (`collector.rollup.windows`).
    """

    subject = models.SmallIntegerField()
    window_s = models.IntegerField()
    start_s = models.BigIntegerField()
    series = models.BigIntegerField()
    count = models.BigIntegerField()
    max_ns = models.BigIntegerField()
    counts = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "window_s", "start_s", "series"], name="rollup_place")
        ]


class RollupNews(models.Model):
    """What a transaction has measured and no Rollup counts yet: `collector.rollup.news` moves it there in portions."""

    payload = models.BinaryField()


class CountedSeries(models.Model):
    """What of a day is counted by itself; more than so many are counted together (`collector.rollup.cardinality`).

    `number` is an operation's id, or stands for what tells claims' stages apart; `part_of` stands for a service.
    """

    subject = models.SmallIntegerField()
    day = models.IntegerField()  # since 1970
    number = models.BigIntegerField()
    part_of = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "number", "day"], name="counted_series_place")]
        indexes = [models.Index(fields=["subject", "day", "part_of", "number"], name="counted_series_day")]


class Arrival(models.Model):
    """The last row of a table at a moment, noted once a minute while rows arrive: so old is what came before it.

    Retention counts age from here: what a sender's clock says may be years off, and what is imported is old already.
    """

    table = models.TextField()
    time_ns = models.BigIntegerField()
    last_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "time_ns"], name="arrival_identity")]
        indexes = [models.Index(fields=["table", "last_id"], name="arrival_last_id")]


class Pruning(models.Model):
    """What retention deleted within an hour and why, so that a link to it can say so; the traces are not remembered."""

    reason = models.TextField()  # retention.record.Reason
    hour = models.BigIntegerField()  # since 1970
    began_ns = models.BigIntegerField()
    ended_ns = models.BigIntegerField()
    until_ns = models.BigIntegerField()  # what was received before this is gone
    deleted = AttributesField(redact=None)  # rows by kind: {"spans": 1200, ...}

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hour", "reason"], name="pruning_identity")]


class PartlyPruned(models.Model):
    """A trace too large for one transaction, whose summary is deleted and whose spans are about to be."""

    trace_id = HexIdField(primary_key=True)
