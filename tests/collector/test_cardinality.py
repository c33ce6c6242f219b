"""However many names a sender makes up, so many are counted each by itself, and no span goes uncounted."""

from __future__ import annotations

import importlib
import io
import threading
from collections import Counter
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

from collector import intern, latency, rollup
from collector.ingest import run_now, save_now
from collector.models import CountedSeries, Operation, Rollup, RollupNews
from collector.queries import TelemetryFilter
from collector.records import NS_PER_DAY, OTHER_KIND, NewRows
from collector.rollup import Subject, cardinality, count_news, prune
from collector.rollup.cardinality import Cardinality
from collector.rollup.spans import OTHER_OPERATIONS, OTHER_SERVICES
from collector.rollup.windows import ALL_OPERATIONS
from tests.factories import T0_NS, MadeSpan, batch, make_span

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.rollup.news._clock.next_s", float("inf"))
    monkeypatch.setattr(cardinality, "MOST_OF_A_GROUP", 3)
    monkeypatch.setattr(cardinality, "MOST_OF_A_DAY", 5)


def calls(first: int, count: int, service: str = "shop", day: int = 0) -> list[MadeSpan]:
    return [
        make_span(f"GET /users/{number}", service=service, start_ns=T0_NS + day * NS_PER_DAY)
        for number in range(first, first + count)
    ]


def counted() -> dict[tuple[str, str], int]:
    """Spans by (service, operation), as a question reads them."""
    table = latency.operations(TelemetryFilter(), limit=1_000, order="count")
    return {(one.service, one.name): one.now.count for one in table.operations}


def stored() -> list[tuple[int, ...]]:
    count_news()
    return list(Rollup.objects.filter(count__gt=0).order_by("id").values_list("window_s", "start_s", "series", "count"))


def test_the_first_names_are_counted_each_by_itself_and_the_others_together() -> None:
    save_now(batch(*calls(0, 2)))
    save_now(batch(*calls(1, 6)))
    wanted = {("shop", f"GET /users/{n}"): times for n, times in ((0, 1), (1, 2), (2, 1))}
    assert counted() == wanted | {("shop", OTHER_OPERATIONS): 4}
    count_news()
    assert counted() == wanted | {("shop", OTHER_OPERATIONS): 4}
    assert latency.figures(TelemetryFilter()).count == 8
    assert latency.figures(TelemetryFilter(service="shop")).count == 8
    assert latency.figures(TelemetryFilter(service="shop", operation="GET /users/1")).count == 2


def test_spans_keep_their_names() -> None:
    save_now(batch(*calls(0, 9)))
    named = Operation.objects.exclude(kind=OTHER_KIND)
    assert sorted(one.name for one in named) == [f"GET /users/{n}" for n in range(9)]


def test_services_beyond_a_days_limit_are_counted_together() -> None:
    """Three of the first, two of the second; then each has its others, until there are too many of those as well."""
    for service in ("a", "b", "c", "d", "e", "f"):
        save_now(batch(*calls(0, 4, service)))
    found = counted()
    assert sum(found.values()) == 24
    assert Counter(service for service, _ in found) == Counter(a=4, b=3, c=1, **{OTHER_SERVICES: 1})
    assert found["b", OTHER_OPERATIONS] == 2
    assert found[OTHER_SERVICES, OTHER_OPERATIONS] == 12
    assert latency.figures(TelemetryFilter(service=OTHER_SERVICES)).count == 12


def test_the_next_day_has_room_again() -> None:
    save_now(batch(*calls(0, 9)))
    save_now(batch(*calls(100, 2, day=1), *calls(0, 1)))
    found = counted()
    assert found["shop", "GET /users/100"] == found["shop", "GET /users/101"] == 1
    assert found["shop", "GET /users/0"] == 2


def test_a_repeated_batch_is_counted_where_it_was_and_once() -> None:
    sent = batch(*calls(0, 7))
    save_now(sent)
    before = counted()
    intern.forget()  # as another process would know it
    for _ in range(2):
        save_now(sent)
    assert counted() == before
    save_now(batch(*calls(0, 7)))
    assert counted() == {name: 2 * count for name, count in before.items()}


def test_counting_anew_comes_to_the_same() -> None:
    for first in (5, 0, 3):
        save_now(batch(*calls(first, 4), *calls(first, 2, "till")))
    before = sorted(stored())
    call_command("rebuild_rollups", stdout=io.StringIO())
    assert sorted(stored()) == before
    Rollup.objects.all().delete()
    call_command("rebuild_rollups", stdout=io.StringIO())
    assert sorted(stored()) == before


def test_what_is_rolled_back_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(new: NewRows) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("collector.ingest.in_transaction", [rollup.update, fail])
        with pytest.raises(ZeroDivisionError):
            save_now(batch(*calls(0, 3)))
    save_now(batch(*calls(10, 3)))
    assert set(counted()) == {("shop", f"GET /users/{n}") for n in (10, 11, 12)}


def test_rows_and_memory_stay_the_same_whatever_comes() -> None:
    one = Cardinality(Subject.OPERATION)
    for first in range(0, 4_000, 100):
        one.beyond({(1, number): 7 for number in range(first, first + 100)})
    assert CountedSeries.objects.count() == 3
    assert len(one._counted) == 100  # the others are beyond the highest that is counted: no need to look
    for first in range(0, 4_000, 100):
        save_now(batch(*calls(first, 100)))
    count_news()
    per_window = Rollup.objects.filter(window_s=10).exclude(series__in=ALL_OPERATIONS).count()
    assert per_window == 4


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cardinality, "MOST_REMEMBERED", 50)
    one = Cardinality(Subject.OPERATION)
    for day in range(40):
        assert one.beyond({(day, number): 7 for number in range(5)}) == {(day, 3), (day, 4)}
        assert len(one._counted) <= 50
        assert len(one._full) <= 50
    assert one.beyond({(0, 2): 7, (0, 4): 7, (0, 9): 7}) == {(0, 4), (0, 9)}


def test_decisions_go_with_the_last_window_of_their_day() -> None:
    save_now(batch(*calls(0, 9), *calls(0, 2, day=3)))
    count_news()
    end_ns = (T0_NS // NS_PER_DAY + 2) * NS_PER_DAY
    while prune(fine_before_ns=end_ns, before_ns=end_ns):
        pass
    assert set(CountedSeries.objects.values_list("day", flat=True)) == {T0_NS // NS_PER_DAY + 3}
    assert not RollupNews.objects.exists()


def test_what_was_counted_before_there_was_a_limit_keeps_its_room() -> None:
    save_now(batch(*calls(0, 2)))
    count_news()
    save_now(batch(*calls(2, 1, day=1)))
    before = set(CountedSeries.objects.values_list("day", "number", "part_of"))
    CountedSeries.objects.all().delete()
    migration = importlib.import_module("collector.migrations.0005_counted_series")
    migration.fill(apps, SimpleNamespace(connection=connection))  # an editor of SQLite wants to be alone
    assert set(CountedSeries.objects.values_list("day", "number", "part_of")) == before != set()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_receivers_beside_each_other_give_the_last_room_to_one() -> None:
    """A holds it uncommitted while B asks."""
    asked, answers = threading.Event(), []

    def ask() -> None:
        try:
            asked.set()
            one = Cardinality(Subject.OPERATION)
            answers.append(run_now(lambda _: one.beyond({(1, number): 7 for number in (10, 11)})))
        finally:
            connection.close()

    other = threading.Thread(target=ask)
    with transaction.atomic():
        assert not Cardinality(Subject.OPERATION).beyond({(1, number): 7 for number in (1, 2)})
        other.start()
        asked.wait(10)
        other.join(0.3)
        assert answers == []  # it waits
    other.join(30)
    assert answers == [{(1, 11)}]
    assert set(CountedSeries.objects.values_list("number", flat=True)) == {1, 2, 10}
