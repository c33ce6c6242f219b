"""What was stored before is, once rewritten, as if it had come under today's rules: nothing is left or doubled."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from collector.clearing import clear
from collector.decode import Signal, decode
from collector.ingest import Saved, ingest, save_now
from collector.latency import operations
from collector.models import (
    CountedSeries,
    Exemplar,
    Log,
    MaskedWith,
    MetricPoint,
    MetricStream,
    Operation,
    Resource,
    Rollup,
    Scope,
    Span,
    Trace,
)
from collector.queries import TelemetryFilter
from collector.records import Batch
from collector.redact import redact
from collector.redaction import MASK, read_rules
from collector.rewriting import Rewriting, key_order, leftovers, note_rules, was_stored_before
from collector.rewriting.noted import note_masked
from collector.rewriting.passes import ATTEMPTS
from collector.rewriting.shapes import Vanished
from collector.rollup import Subject, count_news
from collector.sql import execute
from tests.collector.test_anything import BODIES, MESSAGES
from tests.collector.test_redact import ENCODED, PATTERN, SECRET, everything_stored, hide_in
from tests.collector.wire import otlp_json
from tests.factories import (
    T0_NS,
    batch,
    make_exemplar,
    make_log,
    make_point,
    make_resource,
    make_span,
    span_id,
    trace_id,
)

pytestmark = pytest.mark.django_db


def switch_on(*, pattern: str = PATTERN, keys: list[str] | None = None) -> None:
    django_settings.REDACTION = read_rules([], pattern, ["*password"] if keys is None else keys)


@pytest.fixture(autouse=True)
def off(settings: Settings) -> None:
    """Whatever a test switches on is off again after it."""
    settings.REDACTION = None


def rewrite() -> Rewriting:
    one = Rewriting(ingest.run_from_thread, lambda seconds: None)
    one.rewrite()
    return one


def written(work: Callable[..., Any], items: int = 1) -> Any:
    pytest.fail("something was written")


def sent(made: Batch) -> Saved:
    """As a client sends it to a server that masks, or does not."""
    made = deepcopy(made)
    redact(made)
    return save_now(made)


def changed(one: Rewriting) -> dict[str, int]:
    return {name: done.changed for name, done in one.done.items() if done.changed}


def counts() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in (Span, Log, Trace)}


# As if it had come under these rules


@given(st.sampled_from(sorted(MESSAGES)), st.integers(1, 40), st.integers(0, 2**32), st.booleans())
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_secret_anywhere_in_a_body_is_nowhere_afterwards(
    signal: Signal, places: int, seed: int, as_json: bool
) -> None:
    django_settings.REDACTION = None
    clear()
    random = Random(seed)
    message = MESSAGES[signal]()
    message.ParseFromString(random.choice(BODIES[signal]))
    hide_in(message, places, random)
    made = decode(
        signal, otlp_json(message) if as_json else message.SerializeToString(), "json" if as_json else "protobuf"
    )
    save_now(deepcopy(made))
    before, holds = counts(), everything_stored()
    switch_on()
    one = rewrite()
    stored = everything_stored()
    assert SECRET not in stored
    assert not any(text in stored for text in ENCODED)
    assert counts() == before
    assert bool(changed(one)) == (stored != holds)
    assert rewrite_changes_nothing()
    if not any(log.clock == 2 for log in made.logs):  # dated by their arrival
        assert sent(made) == Saved(0, 0, 0)


def rewrite_changes_nothing() -> bool:
    stored = everything_stored()
    again = rewrite()
    return not changed(again) and everything_stored() == stored


def stored_texts() -> dict[str, list[Any]]:
    """What is stored, told by content: neither ids nor what is made of them."""
    span = ("operation__digest", "resource__digest", "scope__digest", "trace_id", "span_id", "attributes", "events")
    log = ("resource__digest", "scope__digest", "time_ns", "body", "attributes", "ordinal", "severity_text")
    point = ("stream__name", "stream__attributes", "stream__resource__digest", "stream__unit", "time_ns", "value_int")
    found: dict[str, list[Any]] = {
        "spans": list(Span.objects.values_list(*span, "links", "status_message", "trace_state")),
        "logs": list(Log.objects.values_list(*log)),
        "points": list(MetricPoint.objects.values_list(*point)),
        "exemplars": list(Exemplar.objects.values_list("stream__name", "digest", "attributes")),
        "traces": list(Trace.objects.values_list("trace_id", "services", "head_operation__digest", "span_count")),
        "days": list(CountedSeries.objects.values_list("subject", "day", "part_of")),
    }
    for model in (Resource, Scope, Operation):
        found[model.__name__] = list(model._default_manager.values_list("digest"))
    return {name: sorted(map(repr, map(_bytes, rows))) for name, rows in found.items()}


def _bytes(row: Any) -> Any:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def everything() -> Batch:
    """Every signal, with the secret wherever it may be, and things that it alone tells apart."""
    said: dict[str, Any] = {"z": 1, "said": f"x {SECRET}", "a": [SECRET], "db.password": {"p": 1}, "m": 2.5}
    items: list[Any] = []
    for number in range(3):
        told = f"{SECRET}{number}"
        resource = make_resource(f"shop {told}", host_name=told)
        items += [
            make_span(
                f"GET {told}", trace=trace_id(1), span=span_id(number + 1), resource=resource, scope=told,
                attributes=said, events=[{"time_ns": "1", "name": told, "attributes": said}],
                links=[{"trace_id": trace_id(2), "span_id": span_id(2), "trace_state": told}], status_message=told,
                trace_state=told, start_ns=T0_NS + number, duration_ns=10**6 * (number + 1),
            ),
            make_log(f"line {told}", resource=resource, scope=told, attributes=said, event_name=told),
            make_point(
                number, name=told, unit=told, description=told, resource=resource, attributes=said,
                time_ns=T0_NS + number, exemplars=[make_exemplar(7, trace=trace_id(1), span=span_id(1))],
            ),
        ]  # fmt: skip
    return batch(*items, make_span("plain", trace=trace_id(1), span=span_id(9)), make_log("plain"), make_point(3))


def test_it_is_as_if_it_had_come_under_these_rules() -> None:
    save_now(everything())
    held = counts()
    switch_on()
    one = rewrite()
    assert counts() == held
    rewritten = stored_texts()
    assert SECRET not in everything_stored()
    assert MetricStream.objects.count() == 2
    assert one.left == 0
    assert sent(everything()) == Saved(0, 0, 0)
    assert stored_texts() == rewritten
    clear()
    sent(everything())
    assert stored_texts() == rewritten
    assert changed(one)["spans"] == 3


class Killed(Exception):
    """As by kill -9: nothing more is written."""


def rewrite_until_killed(after: int) -> bool:
    """Whether there were more batches than so many."""
    written = 0

    def run(work: Callable[..., Any], items: int = 1) -> Any:
        nonlocal written
        if written == after:
            raise Killed
        written += 1
        return ingest.run_from_thread(work, items)

    try:
        Rewriting(run, lambda seconds: None).rewrite()
    except Killed:
        return True
    return False


def test_what_was_killed_goes_on_where_it_was() -> None:
    switch_on()
    sent(everything())
    wanted = stored_texts()
    for after in range(100):
        django_settings.REDACTION = None
        clear()
        save_now(everything())
        switch_on()
        killed = rewrite_until_killed(after)
        rewrite()
        assert stored_texts() == wanted, after
        if not killed:
            break
    assert 10 < after < 99


def test_where_nothing_is_to_be_masked_nothing_is_written() -> None:
    save_now(everything())
    stored = everything_stored()
    switch_on(pattern="no such text", keys=[])
    one = Rewriting(written, lambda seconds: None)
    one.rewrite()
    assert everything_stored() == stored
    assert not changed(one)
    assert one.done["spans"].rows == one.done["spans"].looked == 4


def test_counting_says_what_would_change_and_changes_nothing() -> None:
    save_now(everything())
    stored = everything_stored()
    switch_on()
    one = Rewriting(written, lambda seconds: None)
    one.count()
    assert everything_stored() == stored
    assert changed(one) == {
        "resources": 3, "scopes": 3, "operations": 3, "metric streams": 3, "spans": 3, "log records": 3, "traces": 1,
    }  # fmt: skip


@pytest.mark.parametrize("rules", [{"pattern": ".+"}, {"pattern": "", "keys": ["service.name"]}])
def test_other_rules_have_the_same_end(rules: dict[str, Any]) -> None:
    save_now(everything())
    switch_on(**rules)
    rewrite()
    rewritten = stored_texts()
    clear()
    sent(everything())
    assert stored_texts() == rewritten


# What becomes one


def measured() -> list[tuple[str, int, int]]:
    ingest.run_from_thread(lambda committed: count_news(wait=True))
    rows = Rollup.objects.filter(subject=Subject.OPERATION).values_list("series", "window_s", "count")
    names = dict(Operation.objects.values_list("id", "name"))
    return sorted((names.get(series >> 1, "all"), window_s, count) for series, window_s, count in rows)


@pytest.mark.parametrize("counted_before", [True, False])
def test_latencies_of_operations_that_are_one_now_are_counted_together(counted_before: bool) -> None:
    made = [make_span(f"GET {SECRET}{n % 2}", duration_ns=10**6 * (n + 1), start_ns=T0_NS + n) for n in range(6)]
    save_now(batch(*made, make_span("other")))
    if counted_before:
        assert ("all", 10, 7) in measured()
    switch_on()
    rewrite()
    found = measured()
    assert {row for row in found if row[1] == 10} == {(f"GET {MASK}", 10, 6), ("all", 10, 7), ("other", 10, 1)}
    (row,) = [each for each in operations(TelemetryFilter()).operations if each.name == f"GET {MASK}"]
    assert row.now.count == 6


def test_of_points_of_one_moment_the_first_is_kept() -> None:
    for number in range(3):
        save_now(batch(make_point(number, attributes={"who": f"{SECRET}{number}"}, time_ns=T0_NS + number // 2)))
    switch_on()
    rewrite()
    found = MetricPoint.objects.order_by("time_ns").values_list("value_int", "stream__attributes")
    assert list(found) == [(0, {"who": MASK}), (2, {"who": MASK})]
    assert MetricStream.objects.count() == 1


def test_the_first_is_kept_also_where_the_masked_stream_was_there_before() -> None:
    """The server masks already, and has stored the next point under a stream of its own."""
    save_now(
        batch(make_point(1, attributes={"who": SECRET}), make_point(5, attributes={"who": SECRET}, time_ns=T0_NS + 5))
    )
    switch_on()
    sent(batch(make_point(2, attributes={"who": SECRET}), make_point(6, attributes={"who": SECRET}, time_ns=T0_NS + 6)))
    rewrite()
    assert list(MetricPoint.objects.order_by("time_ns").values_list("value_int", flat=True)) == [1, 5, 6]
    assert MetricStream.objects.count() == 1


def test_lines_that_a_secret_told_apart_are_all_kept_and_known_again() -> None:
    made = batch(*(make_log(f"token {SECRET}{n // 2}") for n in range(5)))
    save_now(deepcopy(made))
    switch_on()
    rewrite()
    assert sorted(Log.objects.values_list("body", "ordinal")) == [(f"token {MASK}", n) for n in range(5)]
    assert sent(made) == Saved(0, 0, 0)


def test_lines_are_known_again_whatever_the_order_of_their_attributes() -> None:
    """JSONB has an order of its own, and the digest is of the one that they came in."""
    keys = ["zebra", "a.long.name.of.something", "b", "code.line", "aa"]
    made = batch(
        *(make_log(f"{SECRET} {n}", attributes=dict.fromkeys(keys[n % 5 :] + keys[: n % 5], n)) for n in range(12))
    )
    save_now(deepcopy(made))
    switch_on()
    rewrite()
    assert sent(made) == Saved(0, 0, 0)


def test_keys_that_are_too_many_to_try_cost_no_more_than_the_likely_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "is_sqlite", lambda: False)
    value = {f"key{n}": n for n in range(20, 0, -1)}
    tried: list[Any] = []

    def digest_of(each: Any) -> bytes:
        tried.append(each)
        return b""

    record = make_log("x", attributes=value).record
    found = key_order.as_it_came(record, ("attributes",), b"?", digest_of)
    assert len(tried) == 2
    assert found.attributes == tried[0].attributes


def test_names_of_services_in_summaries_are_masked_whole_though_they_were_cut() -> None:
    long = "s" * 190 + f" {SECRET}"
    save_now(batch(make_span(trace=trace_id(1), service=long), make_span(trace=trace_id(1), service="other")))
    switch_on()
    rewrite()
    masked = ("s" * 190 + f" {MASK}")[:200]
    assert Trace.objects.get().services == f"\x1f{masked}\x1fother\x1f"
    assert "hunter2" not in everything_stored()


# Beside others


def test_what_retention_took_away_meanwhile_is_looked_for_again() -> None:
    """The row that others were to become had nothing pointing at it yet."""
    switch_on()
    sent(batch(make_span(f"GET {SECRET}")))
    django_settings.REDACTION = None
    save_now(batch(make_span(f"GET {SECRET}")))
    switch_on()
    (masked,) = Operation.objects.filter(name=f"GET {MASK}").order_by("id")[:1]
    taken = 0

    def run(work: Callable[..., Any], items: int = 1) -> Any:
        nonlocal taken
        found = ingest.run_from_thread(work, items)
        if not taken:
            taken = 1
            execute("DELETE FROM collector_span WHERE operation_id = %s", (masked.pk,))
            execute("DELETE FROM collector_operation WHERE id = %s", (masked.pk,))
        return found

    Rewriting(run, lambda seconds: None).rewrite()
    assert Span.objects.get().operation.name == f"GET {MASK}"
    assert SECRET not in everything_stored()


def test_it_does_not_look_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    save_now(batch(make_span(f"GET {SECRET}1"), make_span(f"GET {SECRET}2")))
    switch_on()
    passes = []

    def gone(self: Any, table: str, wanted: Any) -> Any:
        passes.append(table)
        raise Vanished(table)

    monkeypatch.setattr("collector.rewriting.shapes.Merged.among", gone)
    with pytest.raises(Vanished):
        rewrite()
    assert len(passes) == ATTEMPTS


def test_a_row_that_somebody_without_these_rules_has_come_to_use_stays_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_now(batch(make_span(f"GET {SECRET}1"), make_span(f"GET {SECRET}2")))
    switch_on()
    delete = leftovers.delete_merged

    def late(writing: Any, merged: Any) -> int:
        rules, django_settings.REDACTION = django_settings.REDACTION, None
        save_now(batch(make_span(f"GET {SECRET}2")))
        django_settings.REDACTION = rules
        return delete(writing, merged)

    monkeypatch.setattr(leftovers, "delete_merged", late)
    assert rewrite().left == 1
    assert Span.objects.filter(operation__isnull=False).count() == 3
    monkeypatch.setattr(leftovers, "delete_merged", delete)
    assert rewrite().left == 0
    assert SECRET not in everything_stored()


# What is noted


def note() -> None:
    ingest.run_from_thread(note_rules)


def test_rows_from_before_the_rules_are_known_until_they_are_masked() -> None:
    note()
    assert not was_stored_before()
    save_now(batch(make_span()))
    switch_on()
    assert was_stored_before()  # nobody has noted the new rules yet
    note()
    assert was_stored_before()
    ingest.run_from_thread(note_masked)
    assert not was_stored_before()
    save_now(batch(make_span()))
    note()
    assert not was_stored_before()
    switch_on(pattern="other")
    assert was_stored_before()


def test_what_came_under_the_rules_from_the_first_row_on_is_not_from_before_them() -> None:
    switch_on()
    note()
    save_now(batch(make_span(), make_log(), make_point(3)))
    note()
    assert not was_stored_before()


def test_after_everything_was_cleared_nothing_is_from_before() -> None:
    save_now(batch(make_span()))
    switch_on()
    note()
    assert was_stored_before()
    clear()
    save_now(batch(make_span()))
    assert not was_stored_before()


def test_the_note_gives_no_pattern_away() -> None:
    switch_on(pattern="s3cret-pattern")
    note()
    assert "s3cret" not in repr(list(MaskedWith.objects.values()))
