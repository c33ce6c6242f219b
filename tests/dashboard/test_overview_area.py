"""An area of the heatmap: what lies in it, what stands out there, and what is said of what was not looked at."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from collector import sample
from collector.ingest import save_now
from dashboard.overview.standout import stand_out
from sandboxes.models import Claim
from sandboxes.records import State
from tests.dashboard.test_claim import words
from tests.dashboard.test_claims import at
from tests.factories import MS, SECOND, T0_NS, batch, make_span, trace_id
from tests.sandboxes.loading import link

MINUTE = 60 * SECOND
Items = list[dict[str, str]]


def area(client: Client, **parameters: str) -> str:
    response = client.get("/", {"range": "all", **parameters}, headers={"X-Partial": "area"})
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def a_slow_minute() -> None:
    """Quick calls everywhere; in the second minute slow ones of one region."""
    quick = [make_span("run", start_ns=T0_NS + n * SECOND, duration_ns=10 * MS, attributes={"region": f"r{n % 4}"})
             for n in range(120)]  # fmt: skip
    slow = [make_span("run", start_ns=T0_NS + MINUTE + n * SECOND, duration_ns=(2 + n) * SECOND, trace=trace_id(n + 1),
                      attributes={"region": "r1", "size": "large"}) for n in range(20)]  # fmt: skip
    save_now(batch(*quick, *slow))


def start(name: str, begins_ns: int, ready_after_ns: int, pool: str) -> Claim:
    claim = at(name, begins_ns, state=State.READY, pool=pool)
    Claim.objects.filter(pk=claim.pk).update(
        time_to_ready_ns=ready_after_ns, time_to_ready_precision_ns=1, ready_ns=begins_ns + ready_after_ns
    )
    return claim


def test_a_value_stands_out_when_its_share_is_larger_here() -> None:
    here = [{"pool": "a", "node": "n1"}] * 10
    elsewhere = [{"pool": "b", "node": "n1"}] * 30 + [{"pool": "a", "node": "n1"}] * 10
    (found,) = stand_out(here, elsewhere)
    assert (found.key, found.value) == ("pool", "a")
    assert (found.inside, found.inside_of, found.outside, found.outside_of) == (10, 10, 10, 40)
    assert (found.inside_percent, found.outside_percent) == (100, 25)


def test_the_largest_difference_comes_first_and_each_key_once() -> None:
    here = [{"a": "x", "b": "1"}] * 6 + [{"a": "y", "b": "1"}] * 4
    elsewhere = [{"a": "z", "b": "2"}] * 50
    assert [(one.key, one.value) for one in stand_out(here, elsewhere)] == [("b", "1"), ("a", "x")]


@pytest.mark.parametrize(
    ("here", "elsewhere"),
    [
        ([], [{"a": "x"}]),
        ([{"a": "x"}], []),
        ([{"a": "x"}] * 2, [{"a": "x"}] * 3 + [{"a": "y"}] * 2),  # two of two are an accident
        ([{"a": "x"}] * 10, [{"a": "x"}] * 100),
        ([{"id": str(n)} for n in range(50)], [{"id": str(n)} for n in range(50, 100)]),
    ],
)
def test_what_may_be_an_accident_does_not_stand_out(
    here: list[dict[str, str]], elsewhere: list[dict[str, str]]
) -> None:
    assert stand_out(here, elsewhere) == []


def test_spans_of_the_area_are_listed_slowest_first(db: None, client: Client) -> None:
    a_slow_minute()
    html = area(client, area_from=str(T0_NS + MINUTE), area_min="1s", area_max="10s")
    assert "8 spans in the area" in words(html)
    assert re.findall(r'data-trace-id="(\w+)"', html) == [trace_id(n) for n in range(8, 0, -1)]
    assert f'href="/traces/{trace_id(8)}/?span=' in html


def test_it_says_which_attributes_stand_out(db: None, client: Client) -> None:
    a_slow_minute()
    said = words(area(client, area_min="1s"))
    assert "size large 100 % 0 %" in said
    assert "region r1 100 % 25 %" in said


def test_spans_lead_to_their_claims(db: None, client: Client) -> None:
    a_slow_minute()
    claim = at("sandbox-claim-slow", T0_NS, state=State.READY)
    link(claim, trace_id(3), "00000000000000aa")
    assert f'data-claim-uid="{claim.uid}"' in area(client, area_min="1s", heatmap="operations")
    assert f'data-claim-uid="{claim.uid}"' not in area(client, area_max="1s", heatmap="operations")


def test_claims_of_the_area_lead_to_their_traces(db: None, client: Client) -> None:
    save_now(batch(make_span("create", trace=trace_id(7), start_ns=T0_NS)))
    for number in range(8):
        start(f"quick-{number}", T0_NS + number * SECOND, 100 * MS, "usual")
    slow = [start(f"slow-{number}", T0_NS + number * SECOND, 3 * SECOND, "cold-pool") for number in range(5)]
    link(slow[0], trace_id(7), "00000000000000aa")
    html = area(client, area_min="1s")
    assert "5 claims in the area" in words(html)
    assert "pool cold-pool 100 % 0 %" in words(html)
    assert f'data-trace-id="{trace_id(7)}"' in html
    assert "quick-" not in html


def test_filters_hold_in_the_area_and_outside(db: None, client: Client) -> None:
    start("mine", T0_NS, 3 * SECOND, "p")
    start("other", T0_NS, 3 * SECOND, "q")
    html = area(client, area_min="1s", pool="p")
    assert "1 claim in the area" in words(html)
    assert "other" not in html
    assert "nothing outside the area" in words(html)


def test_it_says_when_there_was_more_than_it_looked_at(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_slow_minute()
    monkeypatch.setattr(sample, "LOOKED_AT", 30)
    said = words(area(client, area_min="1s"))
    assert "or more" in said
    assert "Looked at the newest 30 spans" in said


def test_without_an_area_there_is_nothing_to_see(db: None, client: Client) -> None:
    a_slow_minute()
    html = area(client)
    assert "<h2" not in html
    assert "hidden" in html


def test_an_empty_area_says_so(db: None, client: Client) -> None:
    a_slow_minute()
    assert "Nothing lies in this area" in words(area(client, area_min="10m"))


def test_hostile_attributes_are_text(db: None, client: Client) -> None:
    save_now(batch(*(make_span(duration_ns=SECOND, attributes={"<b>": "<script>x"}) for _ in range(9)),
                   *(make_span(duration_ns=MS) for _ in range(20))))  # fmt: skip
    html = area(client, area_min="500ms")
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html
