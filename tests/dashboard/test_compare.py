"""Two claims or traces side by side: what each took, what differs, what one alone has; wrong ids said precisely."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from collector.ingest import save_now
from sandboxes.models import Claim
from tests.dashboard.test_claim import made, words
from tests.factories import MS, SECOND, T0_NS, batch, make_span, span_id, trace_id
from tests.sandboxes.loading import load

pytestmark = pytest.mark.django_db


def page(client: Client, name: str, status: int = 200, **query: str) -> str:
    response = client.get(reverse(name), query)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def row(html: str, mark: str) -> str:
    return words(html.partition(mark)[2].partition("</tr>")[0].partition(">")[2])


def two(scenario: str = "burst-drained") -> tuple[Claim, Claim]:
    """A cold and a warm start of one pool."""
    load(scenario)
    ready = Claim.objects.filter(time_to_ready_ns__isnull=False).order_by("zero_ns")
    cold, warm = ready.filter(start_type="cold").first(), ready.filter(start_type="warm").first()
    assert cold is not None
    assert warm is not None
    return cold, warm


def test_two_claims_stand_stage_by_stage(client: Client) -> None:
    cold, warm = two()
    html = page(client, "compare_claims", a=cold.uid, b=warm.uid)
    assert html.index(f'data-claim-uid="{cold.uid}"') < html.index(f'data-claim-uid="{warm.uid}"')
    assert re.search(r"B was ready .* sooner than A", words(html))
    assert "only A" in row(html, 'data-stage="scheduled"')
    assert "clocks' precision" in row(html, 'data-stage="bound"')
    assert "cold warm" in words(html.partition("What differs")[2])


def test_a_difference_within_the_clocks_precision_is_not_called_one(client: Client) -> None:
    cold, _ = two()
    html = page(client, "compare_claims", a=cold.uid, b=cold.uid)
    assert "A and B are the same claim" in html
    assert "within the clocks' precision" in words(html)
    assert "beyond the clocks' precision" not in words(html)


def test_one_claim_alone_is_compared_with_the_start_before_it(client: Client) -> None:
    load("burst-drained")
    older, newer = Claim.objects.filter(start_type="cold", time_to_ready_ns__isnull=False).order_by("zero_ns", "id")[:2]
    html = page(client, "compare_claims", b=newer.uid)
    assert f'name="a" value="{older.uid}"' in html
    assert (
        reverse("compare_claims") + f"?b={newer.uid}" in client.get(reverse("claim", args=[newer.uid])).content.decode()
    )


def test_claims_are_found_by_name_and_wrong_ones_said_at_their_field(client: Client) -> None:
    cold, warm = two()
    assert "Stages" in page(client, "compare_claims", a=cold.name, b=warm.name)
    html = page(client, "compare_claims", 400, a=cold.uid, b="nobody")
    assert "There is no claim" in row(html, 'id="b-problem"')
    assert "no earlier start" in page(client, "compare_claims", 400, b=made().uid)
    assert "Name two claims" in page(client, "compare_claims")


def test_claims_of_which_little_is_known_compare(client: Client) -> None:
    html = page(client, "compare_claims", a=made("one").uid, b=made("other").uid)
    assert "Neither has two milestones" in html
    assert "never" in words(html)


def spans_of_two_traces() -> None:
    def spans(number: int, work_ms: int, other: str) -> list[object]:
        trace, root, begin = trace_id(number), span_id(number * 10), T0_NS + number * SECOND
        first = make_span("handle", trace=trace, span=root, start_ns=begin, duration_ns=(work_ms + 20) * MS)
        work = make_span(
            "work", trace=trace, span=span_id(number * 10 + 1), parent=root, start_ns=begin, duration_ns=work_ms * MS
        )
        late = begin + work_ms * MS
        last = make_span(
            other, trace=trace, span=span_id(number * 10 + 2), parent=root, start_ns=late, duration_ns=5 * MS
        )
        return [first, work, last]

    save_now(batch(*spans(1, 30, "cache"), *spans(2, 80, "</td><script>fetch")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "page_name"), [("/claims/compare/", "Claims"), ("/traces/compare/", "Traces"), ("/compare/", "Overview")]
)
def test_a_comparison_is_part_of_the_page_it_compares_rows_of(client: Client, path: str, page_name: str) -> None:
    html = client.get(path).content.decode()
    assert re.findall(r'<a href="[^"]*" aria-current="page">(\w+)</a>', html) == [page_name] * 2  # bar and menu


def test_two_traces_stand_operation_by_operation(client: Client) -> None:
    spans_of_two_traces()
    html = page(client, "compare_traces", a=trace_id(1), b=trace_id(2))
    assert "A took 50 ms, B 100 ms (+50 ms)" in words(html)
    assert row(html, 'data-operation="work"').endswith("1 1 30 ms 80 ms 30 ms 80 ms +50 ms")
    assert row(html, 'data-operation="handle"').endswith("same")
    assert "only A" in row(html, 'data-operation="cache"')
    assert words(html).count("only B") == 1
    assert "<script>fetch" not in html
    assert reverse("compare_traces") in client.get(reverse("trace", args=[trace_id(1)])).content.decode()


def test_two_traces_are_named_with_what_each_is_as_a_whole(client: Client) -> None:
    spans_of_two_traces()
    html = page(client, "compare_traces", a=trace_id(1), b=trace_id(2))
    assert re.match(r"A handle 00000000 shop 3 0 [-\d]+ [:.\d]+ 50 ms", row(html, 'data-side="a"'))
    assert re.match(r"B handle 00000000 shop 3 0 [-\d]+ [:.\d]+ 100 ms", row(html, 'data-side="b"'))


def test_a_trace_alone_is_offered_those_before_it_that_begin_alike(client: Client) -> None:
    spans_of_two_traces()
    save_now(batch(make_span("another", trace=trace_id(7), start_ns=T0_NS - SECOND)))
    html = page(client, "compare_traces", b=trace_id(2))
    offered = re.findall(r'<a class="row-link" href="\?([^"]*)"', html)
    assert [unescape(link) for link in offered] == [f"b={trace_id(2)}&a={trace_id(1)}"]
    assert "Name the other trace" in page(client, "compare_traces", a=trace_id(1))


def test_traces_that_are_not_there_are_said_at_their_field(client: Client) -> None:
    spans_of_two_traces()
    html = page(client, "compare_traces", 400, a=trace_id(1), b=trace_id(3))
    assert "There is no trace" in row(html, 'id="b-problem"')
    assert "aria-invalid" in page(client, "compare_traces", 400, a="nonsense")
    assert "Name two traces" in page(client, "compare_traces")
    assert "Name the other trace" in page(client, "compare_traces", a=trace_id(1))
