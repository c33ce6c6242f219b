"""The list of traces: what it shows, what it says when it is empty, and what it says to what is wrong."""

from __future__ import annotations

import re
import time
from functools import partialmethod

import pytest
from django.test import Client

from collector.ingest import save_now
from collector.queries import TelemetryFilter
from tests.dashboard.test_claim import made
from tests.factories import MS, SECOND, T0_NS, batch, make_span, span_id, trace_id
from tests.sandboxes.loading import link

pytestmark = pytest.mark.django_db


def page(client: Client, **parameters: str) -> str:
    response = client.get("/traces/", parameters)
    assert response.status_code == 200, response.content
    return response.content.decode()


def names(html: str) -> list[str]:
    """The root operations on the page, in order."""
    return re.findall(r'<a class="row-link"[^>]*>([^<]*)', html)


def fill(count: int = 3) -> None:
    spans = [make_span(f"job {n}", trace=trace_id(n), start_ns=T0_NS + n * SECOND) for n in range(1, count + 1)]
    save_now(batch(*spans))


def test_it_shows_the_newest_trace_first(client: Client) -> None:
    fill()
    assert names(page(client, range="all")) == ["job 3", "job 2", "job 1"]


def test_it_shows_the_last_15_minutes_unless_asked_otherwise(client: Client) -> None:
    fill()
    save_now(batch(make_span("just now", start_ns=time.time_ns() - SECOND)))
    assert names(page(client)) == ["just now"]


def test_a_row_tells_services_spans_errors_and_duration(client: Client) -> None:
    root = make_span("checkout", trace=trace_id(1), span=span_id(1), duration_ns=1_350 * MS)
    failed = make_span("charge", trace=trace_id(1), parent=span_id(1), service="payments", status="error")
    save_now(batch(root, failed))
    html = page(client, range="all")
    row = html[html.index(f'data-trace-id="{trace_id(1)}"') :].partition("</tr>")[0]
    assert "shop, payments" in row
    assert re.findall(r'<td[^>]*class="number">([^<]+)', row) == ["2"]
    assert "#error" in row
    assert "1.35 s" in row


def test_bars_share_a_scale_and_an_outlier_is_cut_with_slashes(client: Client) -> None:
    usual = [make_span("job", duration_ns=100 * MS) for _ in range(20)]
    save_now(batch(*usual, make_span("outlier", duration_ns=60 * SECOND, start_ns=T0_NS + SECOND)))
    html = page(client, range="all")
    assert html.count('class="slashes"') == 1
    assert re.findall(r">([^<>]+)</text>", html) == ["0", "20 ms", "40", "60", "80", "100"]


def test_a_trace_without_its_root_says_so(client: Client) -> None:
    save_now(batch(make_span("step", parent=span_id(9))))
    assert "root not received" in page(client, range="all")


def test_older_goes_on_where_the_page_ended(client: Client) -> None:
    fill(5)
    html = page(client, range="all", limit="2")
    seen = names(html)
    while link := re.search(r'rel="next" href="([^"]+)"', html):
        html = client.get("/traces/" + link[1].replace("&amp;", "&")).content.decode()
        assert "data-live" not in html.partition("<main")[2]
        seen += names(html)
    assert seen == [f"job {n}" for n in (5, 4, 3, 2, 1)]


def test_the_longest_come_first_when_asked_page_after_page(client: Client) -> None:
    lengths = {1: 30, 2: 50, 3: 10, 4: 50, 5: 20}  # of two the same the id tells
    for number, ms in lengths.items():
        save_now(batch(make_span(f"job {number}", trace=trace_id(number), duration_ns=ms * MS)))
    html = page(client, range="all", limit="2", order="longest")
    assert 'aria-sort="descending">Duration' in html
    assert '<input type="hidden" name="order" value="longest">' in html
    assert "order=" not in html.partition('id="csv"')[2].partition("</span>")[0]
    seen = names(html)
    while link := re.search(r'rel="next" href="([^"]+)">Shorter', html):
        html = client.get("/traces/" + link[1].replace("&amp;", "&")).content.decode()
        seen += names(html)
    assert seen == [f"job {n}" for n in (4, 2, 1, 5, 3)]
    back = re.search(r'<th[^>]*><a href="([^"]+)">Age</a>', html)
    assert back
    newest_first = client.get("/traces/" + back[1].replace("&amp;", "&")).content.decode()
    assert 'aria-sort="descending">Age' in newest_first
    answer = client.get("/api/v1/traces", {"order": "longest", "limit": "3"}).json()
    assert [each["trace_id"] for each in answer["items"]] == [trace_id(number) for number in (4, 2, 1)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order", "shortest"),
        ("min_duration", "soon"),
        ("status", "bad"),
        ("trace_id", "xyz"),
        ("from", "yesterday"),
        ("cursor", "nowhere"),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_said_on_the_page(client: Client, name: str, value: str) -> None:
    response = client.get("/traces/", {name: value})
    html = response.content.decode()
    assert response.status_code == 400
    assert 'class="problem"' in html or 'class="notice error"' in html
    if name not in ("cursor", "colour", "order"):
        assert f'aria-describedby="{name}-problem"' in html
        assert f'id="{name}-problem"' in html


def test_filters_keep_the_range_and_the_range_keeps_the_filters(client: Client) -> None:
    fill()
    html = page(client, range="all", q="job")
    assert '<input type="hidden" name="range" value="all">' in html
    assert 'href="?range=1h&amp;q=job"' in html


def test_before_anything_was_received_it_says_where_to_send(client: Client) -> None:
    html = page(client)
    assert "No trace has been received yet" in html
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://" in html
    assert 'data-live="traces"' in html


def test_when_all_is_older_it_says_how_old_and_offers_the_range(client: Client) -> None:
    save_now(batch(make_span("yesterday", start_ns=time.time_ns() - 20 * 3_600 * SECOND)))
    html = page(client, service="shop")
    assert "No trace in this time range" in html
    assert ">20 h</time> old: yesterday" in html
    assert re.search(r'href="\?service=shop&amp;range=24h"', html)


def test_when_nothing_matches_it_offers_what_to_leave_out(client: Client) -> None:
    fill()
    html = page(client, q="nothing like it", service="shop")
    assert "No trace matches" in html
    assert "any service" in html
    assert "without “nothing like it”" in html


def test_a_partial_answer_holds_the_live_regions_alone(client: Client) -> None:
    fill()
    html = client.get("/traces/", {"range": "all"}, headers={"X-Partial": "1"}).content.decode()
    assert "<html" not in html
    assert re.findall(r'^\s*<\w+[^>]* id="(\w+)"', html, re.MULTILINE) == ["facts", "csv", "rows"]


def test_the_csv_button_has_the_pages_filters_and_counts_its_rows(client: Client) -> None:
    fill()
    html = page(client, range="all", service="shop")
    assert re.search(r'href="/export/spans.csv\?range=all&amp;service=shop"', html)
    assert "3 spans" in html


def test_what_no_index_can_count_is_not_counted(client: Client) -> None:
    fill()
    html = page(client, range="all", min_duration="1ms")
    assert "/export/spans.csv?" in html
    assert "spans</span></a>" not in html


@pytest.mark.parametrize(
    ("given", "said", "fields"),
    [
        (
            {"from": "1795473187967755510", "to": "1795473188000000000"},
            "from 2026-11-23 22:33:07.967 to 2026-11-23 22:33:08.000",
            ["2026-11-23 22:33:07.96775551", "2026-11-23 22:33:08"],
        ),
        ({"from": "2026-11-24T10:00+02:00"}, "from 2026-11-24 08:00:00.000", ["2026-11-24T10:00+02:00", ""]),
        ({"to": "2026-11-24"}, "before 2026-11-24 00:00:00.000", ["", "2026-11-24"]),
    ],
)
def test_a_range_of_the_readers_own_is_said_in_words(
    client: Client, given: dict[str, str], said: str, fields: list[str]
) -> None:
    html = client.get("/traces/", given).content.decode()
    facts = re.search(r'id="facts">(.*?)</span>', html, re.DOTALL)
    assert facts
    assert " ".join(re.sub(r"<[^>]+>", " ", facts[1]).split()) == f"0 {said}"
    assert re.findall(r'<input name="(?:from|to)" value="([^"]*)"', html) == fields


def test_letters_that_turn_the_reading_direction_end_with_their_name(client: Client) -> None:
    save_now(
        batch(
            make_span("a", service="a\u202egnp.exe", trace=trace_id(1), start_ns=time.time_ns() - SECOND),
            make_span("b", service="shop", trace=trace_id(1), parent=span_id(5), start_ns=time.time_ns() - SECOND),
        )
    )
    assert "<bdi>a\u202egnp.exe</bdi>, <bdi>shop</bdi>" in page(client)


def test_names_are_text_whatever_they_hold(client: Client) -> None:
    save_now(batch(make_span('<script>alert("x")</script>', service="<b>shop</b>")))
    html = page(client, range="all")
    assert "<script>alert" not in html
    assert "<b>shop" not in html


def test_a_page_needs_a_fixed_number_of_queries(client: Client, django_assert_max_num_queries: object) -> None:
    fill(40)
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        page(client, range="all")


def test_a_trace_names_the_claims_its_spans_belong_to_with_what_shows_it(client: Client) -> None:
    save_now(batch(make_span("run", trace=trace_id(1), span=span_id(1)), make_span("other", trace=trace_id(2))))
    assert ">Claim</th>" not in page(client, range="all"), "no column while no trace has one"
    claim = made("mine")
    link(claim, trace_id(1), span_id(1), "url", "inferred")
    html = page(client, range="all")
    assert re.findall(r'href="/claims/([^"]*)/" data-claim-uid', html) == ["uid-mine"]
    assert '<span class="badge dashed" data-evidence="url">url</span>' in html
    alone = page(client, claim="mine")
    assert re.findall(r'data-trace-id="([0-9a-f]+)"', alone) == [trace_id(1)]
    assert [item["trace_id"] for item in client.get("/api/v1/traces?claim=mine").json()["items"]] == [trace_id(1)]
    assert [item["name"] for item in client.get("/api/v1/spans?claim=mine").json()["items"]] == ["run"]


def test_a_filter_finds_traces_by_what_one_of_their_spans_is(client: Client) -> None:
    save_now(batch(make_span("slow", trace=trace_id(1), duration_ns=2 * SECOND, attributes={"http.status_code": 500}),
                   make_span("fast", trace=trace_id(2), attributes={"http.status_code": 500})))  # fmt: skip
    html = page(client, range="all", q="duration > 1s and http.status_code >= 500")
    assert re.findall(r'data-trace-id="([0-9a-f]+)"', html) == [trace_id(1)]
    assert "Attributes were looked at" not in html, "that is all of them"
    assert "No trace matches" in page(client, range="all", q="user = nobody")


def test_a_filter_that_cannot_be_read_is_said_at_its_field_with_the_place(client: Client) -> None:
    response = client.get("/traces/", {"q": "service = shop and duration > "})
    assert response.status_code == 400
    problem = re.search(r'id="q-problem">([^<]*)', response.content.decode())
    assert problem is not None
    assert "cannot be read at character 30: a value is missing" in problem[1]


@pytest.mark.parametrize(("given", "marked"), [({}, "15 m"), ({"range": "1h"}, "1 h"), ({"to": "2026-11-24"}, None)])
def test_the_range_stays_marked_while_a_filter_cannot_be_read(
    client: Client, given: dict[str, str], marked: str | None
) -> None:
    html = client.get("/traces/", {"q": "duration >", **given}).content.decode()
    found = re.search(r'aria-current="true">([^<]*)</a>', html)
    assert (found and found[1]) == marked
    assert ("data-current" in html) == (marked is None)


def test_where_looking_at_attributes_ended_is_said_with_the_way_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TelemetryFilter, "__init__", partialmethod(TelemetryFilter.__init__, most_looked_at=1))
    save_now(
        batch(*(make_span("run", trace=trace_id(n), start_ns=T0_NS + n, attributes={"a": n}) for n in range(1, 4)))
    )
    html = page(client, range="all", q="a = 1")
    assert "Attributes were looked at in the newest 1 spans" in html
    further = re.search(r'href="([^"]*)">Look further back', html)
    assert further is not None
    assert f"to={T0_NS + 2}" in further[1]
