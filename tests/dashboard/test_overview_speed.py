"""How fast it is, in the overview's words and numbers: against the time before, and no surer than the counts allow."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client

from collector.ingest import save_now
from collector.latency import Series
from dashboard.overview.change import change
from dashboard.overview.strips import share_words, strips
from sandboxes.models import Claim
from tests.dashboard.test_claim import words
from tests.dashboard.test_overview import answer, page, part
from tests.factories import MS, SECOND, MadeSpan, batch, make_span
from tests.sandboxes.loading import load

MINUTE = 60 * SECOND


def spans(name: str, number: int, duration_ns: int, *, ago_ns: int = 2 * MINUTE, errors: int = 0) -> list[MadeSpan]:
    """So many spans that began some time ago."""
    start_ns = time.time_ns() - ago_ns
    return [
        make_span(name, start_ns=start_ns, duration_ns=duration_ns, status="error" if at < errors else "unset")
        for at in range(number)
    ]


def operations(html: str) -> list[str]:
    return re.findall(r'data-operation="([^"]*)"', html)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (140, 100, "up 40 %"),
        (88, 100, "down 12 %"),
        (105, 100, "as before"),
        (320, 100, "3.2 times as long"),
        (2_500, 100, "25 times as long"),
    ],
)
def test_a_change_is_said_in_words(now: int, before: int, expected: str) -> None:
    found = change(now, before, 100, 100)
    assert found is not None
    assert found.words == expected


@pytest.mark.parametrize(
    ("now", "before", "count", "before_count"), [(2, 1, 4, 100), (2, 1, 100, 4), (None, 1, 9, 9), (1, None, 9, 9)]
)
def test_too_few_values_are_no_change(now: int | None, before: int | None, count: int, before_count: int) -> None:
    assert change(now, before, count, before_count) is None


@pytest.mark.django_db
def test_operations_beyond_a_services_limit_are_a_row_with_a_sentence(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "data-crowded" not in page(client, range="1h")
    monkeypatch.setattr("collector.rollup.cardinality.MOST_OF_A_GROUP", 2)
    save_now(batch(*spans("GET /a", 1, MS), *spans("GET /b", 1, 3 * MS)))
    save_now(batch(*spans("GET /<1>", 2, 9 * MS), *spans("GET /<2>", 1, 9 * MS)))
    html = part(client, "operations", range="1h")
    assert operations(html) == ["other operations", "GET /b", "GET /a"]
    assert re.findall(r'class="row-link" href="([^"]*)"', html)[0] == "/traces/?range=1h&amp;service=shop"
    said = re.findall(r"<p [^>]*data-crowded>(.*?)</p>", html)
    assert [sentence.partition(" Further")[0] for sentence in said] == [
        "More than 2,000 different operations on a day: shop."
    ]
    listed = client.get("/api/v1/latency", {"service": "shop"}).json()["items"]
    assert {(one["operation"], one["kind"]): one["count"] for one in listed} == {
        ("GET /a", "internal"): 1,
        ("GET /b", "internal"): 1,
        ("other operations", ""): 3,
    }
    assert "other operations" not in client.get("/traces/").content.decode()


def test_a_small_share_is_never_written_as_none() -> None:
    assert [share_words(share) for share in (0, 0.01, 0.94, 12.4)] == ["0 %", "< 0.1 %", "0.9 %", "12 %"]


def test_strips_have_a_bar_a_step_and_name_the_peak_of_errors() -> None:
    found = strips(Series(SECOND, [0, SECOND, 2 * SECOND], [100, 0, 50], [1, 0, 10], {}))
    assert found is not None
    assert [bar.words for bar in found.calls] == ["100 operations", "50 operations"]
    assert [(bar.words, bar.hot) for bar in found.errors] == [("1 of 100 failed", False), ("10 of 50 failed", True)]
    assert (found.peak, found.peak_ns) == ("20 %", 2 * SECOND)
    assert all(0 <= bar.x <= 100 - bar.width for bar in found.calls + found.errors)


def test_one_error_of_one_call_is_no_peak_beside_many() -> None:
    found = strips(Series(SECOND, [0, SECOND], [1, 100], [1, 40], {}))
    assert found is not None
    assert found.peak_ns == SECOND


def test_strips_of_nothing_are_not_drawn() -> None:
    assert strips(Series(SECOND, [0], [0], [0], {})) is None


def test_the_slowest_operation_comes_first_and_leads_to_its_traces(db: None, client: Client) -> None:
    save_now(batch(*spans("quick", 10, 10 * MS), *spans("slow", 10, 2 * SECOND)))
    html = page(client)
    assert operations(html) == ["slow", "quick"]
    link = re.search(r'data-operation="slow">.*?href="([^"]+)"', html, re.DOTALL)
    assert link is not None
    listed = client.get(link[1].replace("&amp;", "&")).content.decode()
    assert listed.count("data-trace-id") == 10
    assert "quick" not in listed.partition('id="rows"')[2].partition("</section>")[0]


def test_operations_are_sorted_by_any_column(db: None, client: Client) -> None:
    save_now(batch(*spans("often", 50, MS), *spans("slow", 5, SECOND), *spans("fails", 6, 5 * MS, errors=3)))
    assert operations(page(client, sort="count")) == ["often", "fails", "slow"]
    assert operations(page(client, sort="errors"))[0] == "fails"
    response = client.get("/", {"sort": "size"})
    assert response.status_code == 400
    assert "sort=size is not known" in words(response.content.decode())


def test_a_row_says_how_it_changed_and_which_of_it_failed(db: None, client: Client) -> None:
    save_now(batch(*spans("run", 10, 400 * MS, errors=3), *spans("run", 10, 100 * MS, ago_ns=20 * MINUTE)))
    said = words(part(client, "operations"))
    assert "3 of 10" in said
    assert re.search(r"× (3\.9|4\.0|4\.1)", said)  # noqa: RUF001 - as the page writes it


def test_the_service_filter_holds_for_operations(db: None, client: Client) -> None:
    save_now(batch(make_span("mine", service="a", start_ns=time.time_ns() - SECOND),
                   make_span("other", service="b", start_ns=time.time_ns() - SECOND)))  # fmt: skip
    assert operations(page(client, service="a")) == ["mine"]


def test_the_answer_names_errors_before_and_what_slowed_down(db: None, client: Client) -> None:
    save_now(batch(*spans("run", 100, 400 * MS, errors=2), *spans("run", 100, 100 * MS, ago_ns=20 * MINUTE)))
    said = answer(page(client))
    assert "2.0 % of 100 operations failed, none before." in said
    assert "run has slowed down most: p95 4" in said


def test_the_answer_says_when_nothing_failed(db: None, client: Client) -> None:
    save_now(batch(*spans("run", 3, MS)))
    assert answer(page(client)) == "No error in 3 operations."


def test_time_to_ready_is_told_by_kind_of_start(db: None, client: Client) -> None:
    load("burst-drained")
    html = page(client, range="all")
    assert re.search(r"Time to ready p95 [\d.]+ s cold ?; [\d.]+ m?s warm", answer(html))
    pace = words(html.partition('id="pace"')[2].partition("</dl>")[0])
    ready = Claim.objects.exclude(time_to_ready_ns=None).count()
    assert f"p95 of {ready} starts" in pace
    assert re.search(r"cold p50 [\d.]+ s p95 [\d.]+ s warm p50 [\d.]+ m?s", pace)


def test_filters_of_claims_hold_for_time_to_ready(db: None, client: Client) -> None:
    load("burst-drained")
    html = page(client, range="all", start="warm")
    assert "cold" not in answer(html)
    assert "No claim" not in words(part(client, "answer", range="all", start="warm"))


def test_the_strips_are_drawn_with_the_page(db: None, client: Client) -> None:
    save_now(batch(*spans("run", 100, MS, errors=7)))
    html = page(client)
    assert "7 of 100 failed" in html
    assert "100 operations" in html
    assert re.search(r"[\d.]+/min", words(html))


def test_all_that_is_no_list_comes_in_one_part(db: None, client: Client) -> None:
    save_now(batch(*spans("run", 3, MS)))
    html = part(client, "answer")
    assert re.findall(r'^<(?:section|span|p|div)[^>]* id="([a-z-]+)"', html, re.MULTILINE) == [
        "csv", "answer", "states", "pace", "traffic",
    ]  # fmt: skip
