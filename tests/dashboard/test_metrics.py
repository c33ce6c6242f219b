"""The page of metrics: streams with their latest values in words, and each stream point by point."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

from django.test import Client

from collector.ingest import save_now
from collector.models import MetricStream
from collector.records import MetricKind
from tests.dashboard.test_claim import made
from tests.factories import SECOND, batch, make_exemplar, make_histogram, make_point, span_id, trace_id
from tests.sandboxes.loading import link

MINUTE = 60 * SECOND


def page(client: Client, **parameters: Any) -> str:
    return answered(200, client, parameters)


def answered(status: int, client: Client, parameters: dict[str, Any]) -> str:
    answer = client.get("/metrics/", parameters)
    assert answer.status_code == status, answer.content
    return unescape(answer.content.decode())


def ago(ns: int) -> int:
    return time.time_ns() - ns


def stream_of(name: str) -> MetricStream:
    return MetricStream.objects.get(name=name)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def rows(html: str) -> list[str]:
    """The table's rows as a reader has them."""
    html = re.sub(r'<div class="below.*?</div>', "", html, flags=re.DOTALL)  # the attributes once more, for phones
    return [text_of(row) for row in re.findall(r"<tr data-key.*?</tr>", html, re.DOTALL)]


def test_a_metric_shows_its_latest_value_as_people_read_it(db: None, client: Client) -> None:
    save_now(
        batch(
            make_point(1, unit="By", name="memory", time_ns=ago(20 * SECOND), attributes={"pool": "old"}),
            make_point(2 * 1024 * 1024, unit="By", name="memory", time_ns=ago(10 * SECOND), attributes={"pool": "old"}),
        )
    )
    (row,) = rows(page(client))
    assert row.startswith("memory pool= old 2.0 MiB gauge")


def test_streams_of_a_metric_stand_in_one_row_with_what_tells_them_apart(db: None, client: Client) -> None:
    for pool, mib in (("old", 3), ("new", 2), ("newest", 7)):
        attributes = {"pool": pool, "host": "the same"}
        point = make_point(mib * 1024 * 1024, unit="By", name="memory", time_ns=ago(SECOND), attributes=attributes)
        save_now(batch(point))
    html = page(client)
    (row,) = rows(html)
    assert row.startswith("memory 3 streams by pool 2.0 … 7.0 MiB gauge")
    assert "?metric=memory&service=shop" in html


def test_totals_of_several_streams_are_added(db: None, client: Client) -> None:
    for n in (1, 2, 3):
        point = make_point(10 * n, kind=MetricKind.SUM, temporality=2, attributes={"n": n}, time_ns=ago(n * SECOND))
        save_now(batch(point))
    assert rows(page(client))[0].startswith("requests 3 streams by n together 60 sum, cumulative")


def test_histograms_of_several_streams_show_the_range_of_each_percentile(db: None, client: Client) -> None:
    for n, counts in enumerate(([5, 4, 0], [0, 10, 0])):
        save_now(batch(make_histogram([10.0, 20.0], counts, attributes={"n": n}, time_ns=ago(SECOND))))
    assert "count 19 p50" in rows(page(client))[0]
    assert re.search(r"p50 [\d.]+ … [\d.]+ ms", rows(page(client))[0])


def test_a_metric_of_many_streams_hides_no_other(db: None, client: Client) -> None:
    points = [make_point(n, name="a.many", attributes={"id": n}, time_ns=ago(SECOND)) for n in range(1_100)]
    save_now(batch(*points, make_point(1, name="b.few", time_ns=ago(SECOND))))
    many, few = rows(page(client))
    assert re.match(r"a\.many 1,100 streams by id ; values of the newest 40 [\d,]+ … [\d,]+ gauge", many)
    assert few.startswith("b.few 1 gauge")


def test_streams_stand_under_their_service(db: None, client: Client) -> None:
    save_now(batch(make_point(1, service="b", time_ns=ago(SECOND)), make_point(1, service="a", time_ns=ago(SECOND))))
    assert re.findall(r'scope="rowgroup">(\w+)<', page(client)) == ["a", "b"]


def test_a_histogram_shows_its_percentiles_and_which_are_lower_bounds(db: None, client: Client) -> None:
    save_now(batch(make_histogram([10.0, 20.0], [5, 4, 1], time_ns=ago(SECOND))))
    assert rows(page(client))[0].startswith("duration count 10 p50 10 ms p95 ≥ 20 ms p99 ≥ 20 ms histogram, delta")


def test_what_sdks_tell_about_themselves_is_folded_away(db: None, client: Client) -> None:
    save_now(batch(make_point(1, name="otel.sdk.span.live", time_ns=ago(SECOND)), make_point(2, time_ns=ago(SECOND))))
    shown, folded = page(client).split('<details class="fold">')
    assert "otel.sdk.span.live" in folded
    assert "otel.sdk.span.live" not in shown


def test_a_program_that_was_started_again_is_told_apart(db: None, client: Client) -> None:
    for start_ns in (ago(2 * MINUTE), ago(MINUTE)):
        save_now(batch(make_point(1, kind=MetricKind.SUM, temporality=2, start_ns=start_ns, time_ns=start_ns + SECOND)))
    again = rows(page(client, metric="requests"))
    assert [bool(re.search(r"since\s\d\d:\d\d", row)) for row in again] == [True, True]


def test_the_page_of_a_metric_says_once_what_all_its_streams_have(db: None, client: Client) -> None:
    for pool in ("old", "new"):
        save_now(batch(make_point(1, attributes={"pool": pool, "host": "the same"}, time_ns=ago(SECOND))))
    html = page(client, metric="requests")
    assert text_of(html).count("host= the same") == 1
    assert sorted(row.split(" gauge")[0] for row in rows(html)) == ["pool= new 1", "pool= old 1"]


def test_the_streams_of_a_metric_stand_in_the_order_people_count_in(db: None, client: Client) -> None:
    pods = [make_point(1, name="memory", attributes={"pod": f"p{n}"}, time_ns=ago(SECOND)) for n in (10, 2, 1)]
    save_now(batch(*pods))
    names = [row.split(" 1 gauge")[0] for row in rows(page(client, metric="memory"))]
    assert names == ["pod= p1", "pod= p2", "pod= p10"]


def test_the_latest_value_of_a_past_range_is_of_that_range(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(10 * MINUTE)), make_point(2, time_ns=ago(SECOND))))
    (row,) = rows(page(client, **{"from": str(ago(20 * MINUTE)), "to": str(ago(5 * MINUTE))}))
    assert row.startswith("requests 1 gauge")


def test_a_stream_opens_point_by_point(db: None, client: Client) -> None:
    save_now(batch(*(make_point(0.25 * n, unit="s", time_ns=ago(n * SECOND)) for n in (1, 2))))
    html = page(client, stream=stream_of("requests").pk)
    assert [row.split(maxsplit=1)[1] for row in rows(html)] == ["250 ms", "500 ms"]
    assert "data-live=" in html


def test_a_total_shows_how_it_grew_across_pages_and_restarts(db: None, client: Client) -> None:
    start_ns = ago(MINUTE)
    values = {40: 10, 30: 15, 20: 15, 10: 3}
    save_now(
        batch(
            *(
                make_point(
                    value,
                    kind=MetricKind.SUM,
                    temporality=2,
                    is_monotonic=True,
                    start_ns=start_ns,
                    time_ns=ago(seconds * SECOND),
                )
                for seconds, value in values.items()
            )
        )
    )
    stream = stream_of("requests").pk
    first = page(client, stream=stream, limit=2)
    (cursor,) = re.findall(r'rel="next" href="[^"]*cursor=([^"&]+)', first)
    second = page(client, stream=stream, limit=2, cursor=cursor)
    changes = [row.split(maxsplit=2)[2] for row in rows(first) + rows(second)]
    assert changes == ["began again", "+0", "+5", "–"]  # noqa: RUF001


def test_an_exemplar_leads_to_its_span(db: None, client: Client) -> None:
    exemplar = make_exemplar(734, trace=trace_id(5), span=span_id(6), time_ns=ago(SECOND))
    save_now(batch(make_histogram([1000.0], [1, 0], time_ns=ago(SECOND), exemplars=[exemplar])))
    html = page(client, stream=stream_of("duration").pk)
    assert f'href="/traces/{trace_id(5)}/?span={span_id(6)}"' in html
    assert "734 ms" in html
    assert ">Claim</th>" not in html


def test_an_exemplar_leads_to_the_claim_its_span_belongs_to(db: None, client: Client) -> None:
    exemplar = make_exemplar(734, trace=trace_id(5), span=span_id(6), time_ns=ago(SECOND))
    save_now(batch(make_histogram([1000.0], [1, 0], time_ns=ago(SECOND), exemplars=[exemplar])))
    link(made("mine"), trace_id(5), span_id(6))
    html = page(client, stream=stream_of("duration").pk)
    assert f'href="/claims/uid-mine/#{span_id(6)}" data-claim-uid="uid-mine">mine</a>' in html


def test_the_csv_of_a_stream_has_its_points_only(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(SECOND)), make_point(2, name="other", time_ns=ago(SECOND))))
    number = stream_of("requests").pk
    html = page(client, stream=number)
    assert re.search(rf'href="/export/metric_points\.csv\?stream={number}&range=15m" download', html)
    assert "1 point<" in html


def test_a_stream_that_is_not_here_is_said(db: None, client: Client) -> None:
    assert "The metric stream 999 is not here" in answered(400, client, {"stream": 999})


def test_a_stream_without_points_in_the_range_offers_a_wider_one(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(60 * MINUTE))))
    html = page(client, stream=stream_of("requests").pk)
    assert "No point in this time range" in html
    assert "range=6h" in html


def test_what_changes_is_drawn_alone_when_asked(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(SECOND))))
    for parameters in ({}, {"stream": stream_of("requests").pk}):
        html = client.get("/metrics/", parameters, headers={"X-Partial": "1"}).content.decode()
        assert "<html" not in html
        assert 'id="rows"' in html


def test_nothing_in_a_stream_is_markup(db: None, client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    point = make_point(1, name=hostile, unit=hostile, attributes={hostile: hostile}, time_ns=ago(SECOND))
    save_now(batch(point))
    assert b"<script>alert" not in client.get("/metrics/").content
    assert b"<script>alert" not in client.get("/metrics/", {"stream": stream_of(hostile).pk}).content


def test_the_first_page_of_all_says_how_to_send_metrics_here(db: None, client: Client) -> None:
    html = page(client)
    assert "No metric has been received yet" in html
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in html


def test_older_points_are_offered_when_there_are_none_in_the_range(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(60 * MINUTE))))
    html = page(client)
    assert "No metric in this time range" in html
    assert 'href="?range=6h"' in html


def test_when_nothing_matches_it_says_what_to_leave_out(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(SECOND))))
    html = page(client, q="nowhere")
    assert "No metric matches" in html
    assert "without “nowhere”" in html


def test_a_metric_that_is_not_here_is_said_with_a_way_on(db: None, client: Client) -> None:
    save_now(batch(make_point(1, time_ns=ago(SECOND))))
    html = page(client, metric="nope", service="shop")
    assert "No stream of this metric" in html
    assert '<a class="button" href="?metric=nope">any service</a>' in html
    assert '<a class="button" href="?">All metrics</a>' in html
