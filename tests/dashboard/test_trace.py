"""One trace's page: waterfall, statistics, logs, the selected span, and the trace that is not there."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from collector.ingest import save_now
from dashboard.trace.span_detail import flag_words
from tests.dashboard.test_claim import made
from tests.factories import (
    MS,
    SECOND,
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
from tests.sandboxes.loading import link

pytestmark = pytest.mark.django_db

TRACE = trace_id(1)


def get(client: Client, trace: str = TRACE, partial: str = "", version: str = "", **parameters: str) -> HttpResponse:
    headers = {"X-Partial": partial, "X-Version": version} if partial else {}
    return client.get(f"/traces/{trace}/", parameters, headers=headers)  # type: ignore[return-value]


def page(client: Client, **parameters: str) -> str:
    response = get(client, **parameters)
    assert response.status_code == 200, response.content
    return response.content.decode()


def fill(**root: Any) -> None:
    """A root with a failed call below it, a log of the call, and a measurement made in it."""
    call = make_span(
        "charge", trace=TRACE, span=span_id(2), parent=span_id(1), start_ns=T0_NS + 100 * MS, duration_ns=300 * MS,
        kind=3, status="error", status_message="card declined",
        attributes={"http.url": "http://pay/charge", "tries": 3},
        events=[{"time_ns": str(T0_NS + 150 * MS), "name": "retry", "attributes": {"after": "1s"}}],
        links=[{"trace_id": trace_id(7), "span_id": span_id(8)}], trace_state="vendor=1",
        dropped_attributes_count=2, resource=make_resource("shop", host_name="calm-fox"),
    )  # fmt: skip
    save_now(
        batch(
            make_span("checkout", trace=TRACE, span=span_id(1), duration_ns=SECOND, **root),
            call,
            make_log("card refused", trace=TRACE, span=span_id(2), time_ns=T0_NS + 120 * MS, severity=17),
            make_log("elsewhere", trace=trace_id(2)),
            make_point(402, name="charged", exemplars=[make_exemplar(402, trace=TRACE, span=span_id(2))]),
        )
    )


def test_it_draws_a_row_a_span(client: Client) -> None:
    fill()
    html = page(client)
    assert re.findall(r'data-span-id="(\w+)"', html) == [span_id(1), span_id(2)]
    assert "1.00 s" in html
    assert "2 spans, 1 service" in html
    assert "1 error" in html


def test_the_page_needs_no_inline_style_or_script(client: Client) -> None:
    fill()
    html = page(client, span=span_id(2))
    assert " style=" not in html
    assert not re.search(r"<script(?![^>]* src=)", html)
    assert "onclick" not in html


def test_a_selected_span_shows_all_that_is_known_of_it(client: Client) -> None:
    fill()
    html = page(client, span=span_id(2))
    panel = html[html.index('id="detail"') :]
    for known in (
        "300 ms", "+100 ms", "card declined", "CLIENT", "Error", span_id(2), "vendor=1", "2 attributes", "tries",
        "+50 ms", "retry", "after", "trace 00000000", "card refused", "charged", "402", "host.name", "calm-fox",
    ):  # fmt: skip
        assert known in panel, known
    assert f'href="?span={span_id(1)}"' in panel  # the parent
    assert f'href="/traces/{trace_id(7)}/?span={span_id(8)}"' in panel


def test_a_span_is_fetched_alone_for_the_panel(client: Client) -> None:
    fill()
    html = get(client, partial="detail", span=span_id(2)).content.decode()
    assert 'id="detail"' in html
    assert "charge" in html
    assert "<html" not in html
    assert 'role="tree"' not in html


def test_attributes_lead_to_the_traces_with_the_same(client: Client) -> None:
    attributes = {
        "http.method": "GET", "said": 'a "quoted" \\ text', "service": "taken name", "span.id": "prefixed",
        "with blank": "*", "n": 200, "pi": 3.25, "ok": True, "مفتاح": "قيمة", "<b>": "<i>", "a=b": "and",
    }  # fmt: skip
    unfit = {"list": [1, 2], "long": "x" * 500, 'q"uote': "x", "lines": "a\nb", "empty": ""}
    save_now(
        batch(
            make_span("alike", trace=TRACE, span=span_id(1), attributes=attributes | unfit),
            make_span("other", trace=trace_id(2), attributes=dict.fromkeys(attributes, "other")),
        )
    )
    links = re.findall(r'<a class="alike" href="([^"]*)"', page(client, span=span_id(1)))
    assert len(links) == len(attributes) + 1  # service.name, of its resource
    for address in links[: len(attributes)]:
        answer = client.get(unescape(address))
        assert answer.status_code == 200, address
        assert re.findall(r'data-trace-id="(\w+)"', answer.content.decode()) == [TRACE], address


def test_a_span_that_was_not_received_is_said_to_be_so(client: Client) -> None:
    fill()
    assert "This span was not received (yet)" in page(client, span=span_id(99))
    assert "This span was not received (yet)" in page(client, span="<b>no id</b>")


def test_a_lost_parent_is_drawn_and_said_in_the_panel(client: Client) -> None:
    save_now(batch(make_span("step", trace=TRACE, span=span_id(2), parent=span_id(9))))
    html = page(client, span=span_id(2))
    assert "not received" in html[html.index('class="name missing"') :].partition("</span>")[0]
    assert f"{span_id(9)}, not received" in html
    assert "root not received" in html


def test_statistics_and_logs_have_their_own_urls(client: Client) -> None:
    fill()
    statistics, logs = page(client, view="statistics"), page(client, view="logs")
    assert "Self time" in statistics
    assert "700 ms" in statistics  # checkout without charge
    assert "card refused" in logs
    assert "elsewhere" not in logs
    assert "Logs 1" in logs


def test_a_log_record_that_numbers_its_severity_alone_has_its_word(client: Client) -> None:
    fill()
    save_now(batch(make_log("numbered", trace=TRACE, severity=9, severity_text="")))
    assert re.search(r">INFO<.*?numbered", page(client, view="logs"), re.DOTALL)


def test_an_unknown_view_is_the_waterfall(client: Client) -> None:
    fill()
    assert 'role="tree"' in page(client, view="<nonsense>")


def test_a_part_of_the_trace_has_its_own_url(client: Client) -> None:
    fill()
    html = page(client, zoom="100000000-400000000")
    ruler = html[html.index('class="ruler"') :].partition("</div>")[0]
    assert re.findall(r">([^<>]+)</text>", ruler) == ["100 ms", "150", "200", "250", "300", "350", "400"]
    assert "Whole trace" in html
    assert "zoom=70000000-430000001" in page(client, span=span_id(2))


@pytest.mark.parametrize("zoom", ["", "5-5", "9-1", "a-b", "1", "-1-5", "1" * 30 + "-" + "2" * 30])
def test_what_is_no_part_shows_the_whole_trace(client: Client, zoom: str) -> None:
    fill()
    assert "Whole trace" not in page(client, zoom=zoom)


def test_a_trace_without_logs_says_how_to_get_them(client: Client) -> None:
    save_now(batch(make_span(trace=TRACE)))
    assert "OTEL_PYTHON_LOG_CORRELATION" in page(client, view="logs")


def test_an_open_page_is_told_when_nothing_changed(client: Client) -> None:
    fill()
    version = re.search(r'data-version="([^"]+)"', page(client))
    assert version
    assert get(client, partial="1", version=version[1]).status_code == 204
    assert get(client, partial="1", version=version[1], rows="all").status_code == 200
    save_now(batch(make_span("late", trace=TRACE, parent=span_id(1))))
    answer = get(client, partial="1", version=version[1])
    assert answer.status_code == 200
    assert "late" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_trace_that_is_not_there_waits_for_it(client: Client) -> None:
    response = get(client)
    html = response.content.decode()
    assert response.status_code == 404
    assert "No span of this trace is here" in html
    assert f'data-live-params=\'{{"trace_id": "{TRACE}"}}\'' in html
    fill()
    # The partial no longer has the waiting region: the page sees that it became another one.
    assert 'id="missing"' not in get(client, partial="1").content.decode()


@pytest.mark.parametrize("given", ["xyz", "<script>", "0" * 31, "0" * 33])
def test_what_is_no_trace_id_is_said_to_be_none(client: Client, given: str) -> None:
    response = get(client, trace=given)
    assert response.status_code == 404
    assert "That is no trace id" in response.content.decode()
    assert "data-live" not in response.content.decode().partition("<main")[2]
    assert "<script>" not in response.content.decode().partition("<main")[2]


def test_an_id_in_upper_case_is_the_same_trace(client: Client) -> None:
    save_now(batch(make_span(trace="ab" * 16)))
    assert get(client, trace="AB" * 16).status_code == 200


def test_a_link_without_a_trace_id_does_no_harm(client: Client) -> None:
    links = [{"trace_id": "", "span_id": ""}, {"trace_id": "ab", "span_id": "x"}]
    save_now(batch(make_span(trace=TRACE, span=span_id(1), links=links)))
    assert "a link without a trace id" in page(client, span=span_id(1))


def test_odd_times_are_said_in_words(client: Client) -> None:
    save_now(
        batch(
            make_span("a", trace=TRACE, span=span_id(1), duration_ns=SECOND),
            make_span("open", trace=TRACE, span=span_id(2), parent=span_id(1), duration_ns=None),
            make_span("back", trace=TRACE, span=span_id(3), parent=span_id(1), duration_ns=-5 * MS),
            make_span("clock", trace=TRACE, span=span_id(4), parent=span_id(1), duration_ns=MS // 2, precision_ns=MS),
        )
    )
    html = page(client)
    assert "end not received" in html
    assert "ends 5.0 ms before it starts" in html
    assert "&lt; 1 ms" in html
    assert "the clock it was read from stepped back" in page(client, span=span_id(3))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (0, ""),
        (0x01, ""),
        (0x101, ""),
        (0x103, ""),
        (0x301, "parent in another process"),
        (0x100, ""),
        (0x105, "further bits 0x4"),
    ],
)
def test_only_unusual_flags_are_told(flags: int, words: str) -> None:
    assert flag_words(flags) == words


def test_5000_spans_are_drawn_in_parts_and_fit_in_3_megabytes_as_a_whole(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    spans = [
        make_span(
            f"operation {n % 40}", trace=TRACE, span=span_id(n), parent=span_id(n // 3) if n > 1 else None,
            start_ns=T0_NS + n * MS, duration_ns=(5_000 - n) * MS, service=f"service-{n % 7}",
            attributes={"http.request.method": "GET", "url.full": f"http://shop/{n}"},
        )
        for n in range(1, 5_001)
    ]  # fmt: skip
    save_now(batch(*spans))
    with django_assert_max_num_queries(12):
        html = page(client)
    assert html.count("data-span-id=") == 500
    assert "4,500 more spans" in html
    every = re.search(r'data-rest><a href="([^"]+)"', page(client, zoom="0-9"))
    assert every
    assert every[1] == "?zoom=0-9&amp;rows=all"
    html = page(client, rows="all")
    assert html.count("data-span-id=") == 5_000
    assert "more spans" not in html
    assert len(html) < 3 * 2**20


def test_more_spans_than_are_drawn_are_the_first_by_start(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.trace.reading.MAX_SPANS", 3)
    save_now(batch(*[make_span(trace=TRACE, span=span_id(n), start_ns=T0_NS + (9 - n) * MS) for n in range(1, 6)]))
    assert re.findall(r'data-span-id="(\w+)"', page(client)) == [span_id(n) for n in (5, 4, 3)]


def test_a_span_leads_to_its_row_on_its_claims_page(client: Client) -> None:
    save_now(batch(make_span("run", trace=trace_id(1), span=span_id(1))))
    claim = made("mine")
    link(claim, trace_id(1), span_id(1))
    html = client.get(f"/traces/{trace_id(1)}/?span={span_id(1)}").content.decode()
    assert f'href="/claims/uid-mine/#{span_id(1)}"' in html
    assert f'id="{span_id(1)}"' in client.get("/claims/uid-mine/?view=life").content.decode()


def test_the_panel_drawn_alone_is_that_of_the_page(db: None, client: Client) -> None:
    """It is drawn from what is around its span: parent, children, a parent that is missing, ends that are open."""
    shape = [("root", None, 90), ("a", "root", 40), ("b", "a", None), ("c", "a", 10), ("lost", "gone", -5)]
    names = ["root", "a", "b", "c", "lost", "gone"]
    ids = {name: span_id(number) for number, name in enumerate(names, 1)}
    save_now(
        batch(
            *(
                make_span(
                    name, trace=TRACE, span=ids[name], parent=ids[parent] if parent else None, start_ns=T0_NS + at * MS,
                    duration_ns=None if length is None else length * MS,
                )
                for at, (name, parent, length) in enumerate(shape)
            )
        )
    )  # fmt: skip
    for name in names:
        address = f"/traces/{TRACE}/?span={ids[name]}"
        alone = client.get(address, headers={"X-Partial": "detail"}).content.decode()
        assert 'id="detail"' in alone
        assert alone.strip() in client.get(address).content.decode()
