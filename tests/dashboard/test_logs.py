"""The page of logs: what a row says, what it opens to, and what an empty page tells its reader to do."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from django.http import QueryDict
from django.test import Client

from collector.ingest import save_now
from collector.records import Clock
from dashboard.attributes import whole
from dashboard.export import csv_chunks, parse_export
from tests.dashboard.test_claim import made
from tests.factories import MS, SECOND, T0_NS, batch, make_log, span_id, trace_id
from tests.sandboxes.loading import link

MINUTE = 60 * SECOND


def page(client: Client, status: int = 200, **parameters: str) -> str:
    answer = client.get("/logs/", parameters)
    assert answer.status_code == status, answer.content
    return unescape(answer.content.decode())


def partial(client: Client, **parameters: str) -> str:
    return unescape(client.get("/logs/", parameters, headers={"X-Partial": "1"}).content.decode())


def lines(html: str) -> list[str]:
    """The bodies as the rows show them."""
    return re.findall(r'<span class="log-body">(.*?)</span>', html)


def whole_bodies(html: str) -> list[str]:
    """What rows open to, where that is more than their line."""
    return re.findall(r'<pre class="log-whole"[^>]*>(.*?)</pre>', html, re.DOTALL)


def ago(ns: int) -> int:
    return time.time_ns() - ns


def test_records_are_listed_newest_first(db: None, client: Client) -> None:
    save_now(batch(make_log("older", time_ns=ago(2 * SECOND)), make_log("newer", time_ns=ago(SECOND))))
    assert lines(page(client)) == ["newer", "older"]
    assert "2 in the last 15 min" in page(client)


def test_a_severity_is_a_word_and_a_shape(db: None, client: Client) -> None:
    save_now(batch(make_log(severity=17, severity_text="ERROR", time_ns=ago(SECOND))))
    row = page(client)
    assert 'data-severity="error"' in row
    assert re.search(r'icons\.svg#error"></use></svg><span>ERROR</span>', row)


def test_a_severity_without_a_number_is_known_by_its_word(db: None, client: Client) -> None:
    save_now(batch(make_log(severity=0, severity_text="warning", time_ns=ago(SECOND))))
    assert 'data-severity="warn"' in page(client)


def test_a_record_leads_to_its_span(db: None, client: Client) -> None:
    save_now(batch(make_log(trace=trace_id(5), span=span_id(6), time_ns=ago(SECOND))))
    assert f'href="/traces/{trace_id(5)}/?span={span_id(6)}"' in page(client)


def test_a_row_opens_to_all_it_holds(db: None, client: Client) -> None:
    log = make_log(
        {"order": 7, "items": ["tea"]},
        time_ns=ago(SECOND),
        observed_ns=ago(SECOND),
        event_name="order.placed",
        attributes={"customer.id": 42},
        scope="shop.orders",
        dropped_attributes_count=3,
    )
    save_now(batch(log))
    html = page(client)
    assert '"items": [\n    "tea"\n  ]' in html, "a structured body is laid out"
    for expected in (
        "customer.id",
        "order.placed",
        "shop.orders",
        "service.name",
        "observed",
        "3 left out by the sender",
    ):
        assert expected in html


def test_a_body_of_many_lines_is_one_line_until_it_is_opened(db: None, client: Client) -> None:
    save_now(batch(make_log("Traceback\n  File main.py\nError", time_ns=ago(SECOND))))
    html = page(client)
    assert lines(html) == ["Traceback File main.py Error"]
    assert whole_bodies(html) == ["Traceback\n  File main.py\nError"]


def test_json_in_a_text_is_laid_out_and_colours_of_a_terminal_are_left_out(db: None, client: Client) -> None:
    laid_out = '{\n  "event": "done",\n  "parts": [\n    1,\n    2.5\n  ]\n}'
    bodies = ['{"event": "done", "parts": [1, 2.5]}' + " " * 60, "\x1b[1;31mERROR\x1b[0m no such\nfile"]
    save_now(batch(*(make_log(body, time_ns=ago(n * SECOND)) for n, body in enumerate(bodies))))
    html = page(client)
    assert lines(html) == ['{"event": "done", "parts": [1, 2.5]}', "ERROR no such file"]
    assert whole_bodies(html) == [laid_out, "ERROR no such\nfile"]


@pytest.mark.parametrize(
    "body", ['{"price": 1.10}', '{"id": 123456789012345678901}', '{"a": 1, "a": 2}', "{not json}", "[" * 40_000]
)
def test_json_that_would_be_told_otherwise_stays_as_it_is(body: str) -> None:
    assert whole(body) == body


def test_a_record_leads_to_what_all_services_said_around_it(db: None, client: Client) -> None:
    for body, ns, service in (
        ("long before", 60, "shop"),
        ("before", 9, "bank"),
        ("it", 5, "shop"),
        ("after", 1, "bank"),
    ):
        save_now(batch(make_log(body, time_ns=ago(ns * SECOND), service=service)))
    html = page(client, q="it", service="shop")
    (pk,) = re.findall(r'id="log-(\d+)"', html)
    (query,) = re.findall(rf'href="\?([^"]*)#log-{pk}"', html)
    around = unescape(client.get(f"/logs/?{query}").content.decode())
    assert lines(around) == ["it", "before"]
    assert f'id="log-{pk}"' in around


def test_a_body_is_copied_whole(db: None, client: Client) -> None:
    long = "word " * 40
    save_now(batch(make_log("short", time_ns=ago(SECOND)), make_log(long, time_ns=ago(2 * SECOND))))
    html = page(client)
    assert 'data-copy-text="short"' in html
    (target,) = re.findall(r'data-copy="#(body-\d+)"', html)
    assert f'<pre class="log-whole" id="{target}">{long}</pre>' in html


def test_an_assumed_time_zone_is_said(db: None, client: Client) -> None:
    save_now(batch(make_log(time_ns=ago(SECOND), clock=Clock.ZONE_ASSUMED, assumed_offset_minutes=120)))
    assert "zone assumed (UTC+02:00)" in page(client)


@pytest.mark.parametrize("clock", [Clock.OBSERVED, Clock.RECEIPT])
def test_a_time_that_is_not_the_records_own_is_said(db: None, client: Client, clock: Clock) -> None:
    save_now(batch(make_log(time_ns=ago(SECOND), clock=clock)))
    assert "it had no time of its own" in page(client)


def test_nothing_in_a_record_is_markup(db: None, client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    save_now(batch(make_log(hostile, service=hostile, attributes={hostile: hostile}, time_ns=ago(SECOND))))
    assert b"<script>alert" not in client.get("/logs/").content


def test_it_filters_by_text_service_severity_and_trace(db: None, client: Client) -> None:
    save_now(
        batch(
            make_log("tea is ready", service="kitchen", time_ns=ago(SECOND)),
            make_log("tea is cold", service="hall", severity=17, time_ns=ago(SECOND), trace=trace_id(9)),
        )
    )
    assert lines(page(client, q="ready")) == ["tea is ready"]
    assert lines(page(client, service="hall")) == ["tea is cold"]
    assert lines(page(client, severity="error")) == ["tea is cold"]
    assert lines(page(client, trace_id=trace_id(9))) == ["tea is cold"]


def test_where_looking_for_a_text_ended_is_said_with_the_way_on(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.views.logs.MOST_LOOKED_AT", 2)
    save_now(batch(*(make_log(f"step {n}", time_ns=T0_NS + n, severity=9 + n) for n in range(5))))
    html = page(client, range="all", q="step 1")
    assert "looked for in the newest 2 records" in html
    assert "step 1" not in lines(html)
    further = re.search(r'href="([^"]*)">Look further back', html)
    assert further is not None
    assert f"to={T0_NS + 2}" in further[1]
    monkeypatch.setattr("dashboard.views.logs.MOST_LOOKED_AT", 3)
    assert lines(client.get(f"/logs/{further[1]}").content.decode()) == ["step 1"]
    assert "records of this range" not in page(client, range="all", severity="warn", q="step 4")  # an index finds those
    assert "records of this range" not in page(client, range="all")


def test_the_logs_of_one_trace_are_shown_whenever_they_were(db: None, client: Client) -> None:
    save_now(batch(make_log("long ago", time_ns=ago(60 * MINUTE), trace=trace_id(9))))
    html = page(client, trace_id=trace_id(9))
    assert lines(html) == ["long ago"]
    assert 'class="chip removable"' in html


def test_it_goes_on_page_by_page(db: None, client: Client) -> None:
    save_now(batch(*(make_log(f"line {n}", time_ns=ago(SECOND) + n * MS) for n in range(5))))
    first = page(client, limit="3")
    (cursor,) = re.findall(r'rel="next" href="[^"]*cursor=([^"&]+)', first)
    second = page(client, limit="3", cursor=cursor)
    assert lines(first) + lines(second) == [f"line {n}" for n in (4, 3, 2, 1, 0)]
    assert "data-live=" in first
    assert "data-live=" not in second, "an older page stays as it is"


def test_what_changes_is_drawn_alone_when_asked(db: None, client: Client) -> None:
    save_now(batch(make_log("a line", time_ns=ago(SECOND))))
    html = partial(client)
    assert "<html" not in html
    assert 'id="rows"' in html
    assert lines(html) == ["a line"]


def test_the_csv_has_what_the_page_has(db: None, client: Client) -> None:
    save_now(batch(make_log("a line", service="shop", time_ns=ago(SECOND))))
    assert re.search(r'href="/export/logs\.csv\?service=shop&range=15m" download', page(client, service="shop"))


def test_a_wrong_parameter_is_said_at_its_field(db: None, client: Client) -> None:
    html = page(client, 400, severity="loud")
    assert 'id="severity-problem">severity=loud is not a severity' in html
    assert 'aria-describedby="severity-problem"' in html
    assert "There is no parameter servce" in page(client, 400, servce="x")


def test_the_first_page_of_all_says_how_to_send_logs_here(db: None, client: Client) -> None:
    html = page(client)
    assert "No log record has been received yet" in html
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in html


def test_older_records_are_offered_when_there_are_none_in_the_range(db: None, client: Client) -> None:
    save_now(batch(make_log("an hour ago", time_ns=ago(60 * MINUTE))))
    html = page(client)
    assert "No log record in this time range" in html
    assert "an hour ago" in html
    assert 'href="?range=6h"' in html


def test_when_nothing_matches_it_says_what_to_leave_out(db: None, client: Client) -> None:
    save_now(batch(make_log("a line", time_ns=ago(SECOND))))
    html = page(client, q="nowhere", service="nobody")
    assert "No log record matches" in html
    assert "without “nowhere”" in html
    assert 'href="?q=nowhere"' in html, "without the service"


def test_a_record_leads_to_the_claim_it_was_said_for_and_the_list_can_be_that_claims_alone(
    db: None, client: Client
) -> None:
    mine = make_log("said for it", trace=trace_id(1), span=span_id(1))
    save_now(batch(mine, make_log("another span's", trace=trace_id(1), span=span_id(2)), make_log("nobody's")))
    claim = made("mine")
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(1), span_id(2), "time", "ambiguous")
    html = client.get("/logs/", {"range": "all"}).content.decode()
    assert re.findall(r'class="log-claim mono" href="/claims/([^/]*)/#log-[0-9]+"', html) == ["uid-mine"]
    for name in ("mine", "uid-mine"):
        alone = client.get("/logs/", {"claim": name}).content.decode()
        assert "said for it" in alone
        assert "another span" not in alone
        assert "nobody" not in alone
    assert "No log record matches" in client.get("/logs/", {"claim": "nowhere"}).content.decode()
    assert len(client.get("/api/v1/logs", {"claim": "mine"}).json()["items"]) == 1
    chunks = csv_chunks("logs", parse_export("logs", QueryDict("claim=mine")))
    assert b"".join(chunks).count(b"said for it") == 1


def test_a_record_without_a_span_leads_to_its_traces_logs(db: None, client: Client) -> None:
    save_now(batch(make_log("no span", trace=trace_id(1))))
    assert f'href="/traces/{trace_id(1)}/?view=logs"' in client.get("/logs/", {"range": "all"}).content.decode()
