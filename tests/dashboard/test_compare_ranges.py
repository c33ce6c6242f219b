"""Two ranges of time side by side: the same on the page, as CSV and in the API; what chance may do is called noise."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from collector.ingest import save_now
from collector.rollup import count_news
from sandboxes.models import Claim
from tests.dashboard.test_claim import words
from tests.dashboard.test_compare import row
from tests.dashboard.test_export import rows_of
from tests.factories import MS, SECOND, T0_NS, batch, make_span
from tests.sandboxes.loading import load

pytestmark = pytest.mark.django_db

HOUR_NS = 3_600 * SECOND
B_NS = T0_NS // HOUR_NS * HOUR_NS
A_NS = B_NS - HOUR_NS
HOUR = {"from": str(B_NS), "to": str(B_NS + HOUR_NS)}


def page(client: Client, *queries: dict[str, str], status: int = 200, **query: str) -> str:
    query = {name: value for each in (*queries, query) for name, value in each.items()}
    response = client.get(reverse("compare_ranges"), query)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def spans(name: str, at_ns: int, length_ms: int, number: int, failed: int = 0, service: str = "shop") -> None:
    """A number of spans within a minute, each a little longer than the one before."""
    save_now(
        batch(
            *(
                make_span(
                    name,
                    service=service,
                    start_ns=at_ns + position * (60 * SECOND // number),
                    duration_ns=length_ms * MS + length_ms * MS * position // number,
                    status="error" if position < failed else "ok",
                )
                for position in range(number)
            )
        )
    )


def fill() -> None:
    """In B one operation is twice as slow, one as before, one new, one gone; one has too few to tell of."""
    for at_ns, factor in ((A_NS, 1), (B_NS, 2)):
        spans("slows", at_ns, 100 * factor, 200)
        spans("stays", at_ns, 50, 200)
        spans("rare", at_ns, 10 * factor, 3)
        spans("fails", at_ns, 20, 100, failed=2 if factor == 1 else 60)
    count_news()
    spans("gone", A_NS, 5, 4)
    spans("=new", B_NS, 7, 30, service="till")


def test_what_moved_comes_first_and_what_did_not_is_called_noise(client: Client) -> None:
    fill()
    html = page(client, HOUR)
    both = re.findall(r'data-operation="([^"]*)"', html.partition('id="operations"')[2].partition('id="alone"')[0])
    assert both[0] == "slows"
    assert set(both[1:]) == {"stays", "rare", "fails"}
    assert re.search(r"19\d ms → 38\d ms \+19\d ms", row(html, 'data-operation="slows"'))
    assert "noise" in row(html, 'data-operation="stays"')
    assert "too few" in row(html, 'data-operation="rare"')
    assert "2.0 % → 60 % +58 points" in row(html, 'data-operation="fails"')
    told = words(html.partition('id="told"')[2].partition("</ul>")[0].partition(">")[2])
    assert "p95 of 4 operations: 1 slower, 2 within noise, 1 too few to tell" in told
    assert "1 only in A and 1 only in B" in told


def test_what_one_side_alone_has_stands_apart(client: Client) -> None:
    fill()
    html = page(client, HOUR)
    alone = html.partition('id="alone"')[2]
    assert re.findall(r'data-operation="([^"]*)"', alone) == ["=new", "gone"]
    assert row(alone, 'data-operation="=new"').startswith("=new only B till 0 → 30")
    assert row(alone, 'data-operation="gone"').startswith("gone only A shop 4 → 0")


def test_an_operation_leads_to_its_traces_on_either_side(client: Client) -> None:
    fill()
    html = page(client, HOUR).partition('data-operation="slows"')[2]
    for link, at_ns in zip(re.findall(r'href="([^"]+)"', html)[:2], (A_NS, B_NS), strict=True):
        listed = client.get(link.replace("&amp;", "&"))
        assert listed.status_code == 200
        assert str(at_ns // SECOND)[:5] in listed.content.decode()
        assert "200" in words(listed.content.decode())


@pytest.mark.parametrize(("other", "shift_ns"), [("day", 24 * HOUR_NS), ("week", 168 * HOUR_NS)])
def test_it_is_compared_with_the_same_time_of_another_day(client: Client, other: str, shift_ns: int) -> None:
    spans("daily", B_NS - shift_ns, 10, 20)
    spans("daily", B_NS, 30, 20)
    html = page(client, HOUR, {"with": other})
    assert "20 → 20" in row(html, 'data-operation="daily"')
    assert "+" in row(html, 'data-operation="daily"')


def test_times_of_its_own_and_fixed_ones_say_the_same(client: Client) -> None:
    fill()
    own = {"with_from": str(A_NS), "with_to": str(B_NS)}
    html = page(client, HOUR, own)
    assert row(html, 'data-operation="slows"') == row(page(client, HOUR), 'data-operation="slows"')
    fixed = re.search(r'href="([^"]+)"[^>]*>Fix the times', page(client, HOUR))
    assert fixed is not None
    again = client.get(reverse("compare_ranges") + fixed[1].replace("&amp;", "&")).content.decode()
    assert row(again, 'data-operation="slows"') == row(html, 'data-operation="slows"')
    swapped = re.search(r'href="([^"]+)"[^>]*>Swap', html)
    assert swapped is not None
    other_way = client.get(reverse("compare_ranges") + swapped[1].replace("&amp;", "&")).content.decode()
    assert re.search(r"38\d ms → 19\d ms −19\d ms", row(other_way, 'data-operation="slows"'))  # noqa: RUF001 - a minus


def test_stages_are_compared_cold_and_warm_apart_with_their_precision(client: Client) -> None:
    load("burst-drained")
    first = Claim.objects.order_by("zero_ns").first()
    assert first is not None
    query = {"from": str(first.zero_ns - HOUR_NS), "to": str(first.zero_ns + HOUR_NS)}
    html = page(client, query)
    kinds = set(re.findall(r'data-stage="time to ready" data-start="(\w+)"', html))
    assert kinds == {"cold", "warm"}
    assert "only B" in row(html, 'data-stage="time to ready" data-start="cold"')
    same = page(client, query, with_from=query["from"], with_to=query["to"])
    assert "The two times overlap" in same
    stages = same.partition('id="stages"')[2].partition("</section>")[0]
    assert "slower" not in words(same.partition('id="told"')[2].partition("</ul>")[0])
    assert re.findall(r'class="main"', stages) == []  # nothing differs from itself


def test_empty_sides_are_said(client: Client) -> None:
    assert "Nothing began in either" in page(client)
    assert "Nothing that these filters leave began in either" in page(client, pool="none", service="none")
    fill()
    nothing = {"with_from": str(A_NS - 9 * HOUR_NS), "with_to": str(A_NS - 8 * HOUR_NS)}
    html = page(client, HOUR, nothing)
    assert "Nothing began in A" in html
    assert "only B" in row(html, 'data-operation="slows"')


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ({"range": "all"}, "range", "Say where the range begins"),
        ({"with": "yesterday"}, "with", "is not known"),
        ({"with_from": "2026-11-23"}, "with_to", "with_to is missing"),
        ({"with_from": "2026-11-24", "with_to": "2026-11-23"}, "with_to", "later than with_from"),
        ({"with": "day", "with_from": "2026-11-23", "with_to": "2026-11-24"}, "with", "cannot be combined"),
        ({"from": "1970-01-03", "to": "1970-01-10"}, "with", "before 1970"),
        ({"sort": "name"}, "sort", "is not known"),
        ({"state": "ready"}, "state", "is not used here"),
    ],
)
def test_what_is_wrong_is_said_the_same_everywhere(
    client: Client, query: dict[str, str], name: str, sentence: str
) -> None:
    assert sentence in words(page(client, query, status=400))
    query = query if "range" in query or "from" in query else query | {"range": "1h"}
    answer = client.get("/api/v1/compare", query)
    assert answer.status_code == 400
    assert sentence in answer.json()["problems"][name]
    exported = client.get("/export/compared_operations.csv", query)
    assert exported.status_code == 400
    assert sentence in exported.content.decode()


def test_csv_and_api_say_the_same_as_the_page(client: Client) -> None:
    fill()
    rows: list[dict[str, str]] = rows_of(client, "compared_operations", **HOUR)
    answer: Any = client.get("/api/v1/compare", {**HOUR, "limit": "3"}).json()
    assert [item["operation"] for item in answer["operations"]] == [found["operation"] for found in rows[:3]]
    assert (answer["operations_found"], answer["alone_found"]) == (4, 2)
    slows = answer["operations"][0]
    assert (slows["a"]["count"], slows["b"]["count"], slows["p95"]["verdict"]) == (200, 200, "more")
    assert rows[0]["p95_verdict"] == "more"
    assert float(rows[0]["p95_difference_ms"]) == pytest.approx(slows["p95"]["difference"])
    assert answer["b"]["start_ns"] == str(B_NS)
    assert rows[0]["b_from"] == answer["b"]["start"]
    assert {found["operation"] for found in rows[4:]} == {"'=new", "gone"}
    assert rows[4]["a_p95_ms"] == rows[4]["p95_verdict"] == ""
    assert [item["operation"] for item in answer["alone"]] == ["=new", "gone"]
    assert answer["alone"][0]["a"] is answer["alone"][0]["p95"] is None


def test_stages_as_csv_and_in_the_api(client: Client) -> None:
    load("burst-drained")
    first = Claim.objects.order_by("zero_ns").first()
    assert first is not None
    query = {"from": str(first.zero_ns - HOUR_NS), "to": str(first.zero_ns + HOUR_NS), "start": "cold"}
    rows: list[dict[str, str]] = rows_of(client, "compared_stages", **query)
    items = client.get("/api/v1/compare", query).json()["stages"]
    assert [(item["stage"], str(item["b"]["count"])) for item in items] == [(r["stage"], r["b_count"]) for r in rows]
    assert {found["start_type"] for found in rows} == {"cold"}
    assert rows[-1]["stage"] == "time to ready"
    assert client.get("/export/compared_stages.csv", {**query, "service": "x"}).status_code == 400


def test_nobodys_names_become_markup(client: Client) -> None:
    spans("<script>alert(1)</script>", B_NS, 5, 10, service='"><img src=x>')
    html = page(client, HOUR)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_the_overview_leads_here_with_its_filters(client: Client) -> None:
    fill()
    html = client.get("/", {"range": "1h", "service": "shop"}).content.decode()
    links = re.findall(r'href="(/compare/\?[^"]+)"', html)
    assert any("with=day" in link for link in links)
    assert all("service=shop" in link and "range=1h" in link for link in links)
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200
