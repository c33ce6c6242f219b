"""The overview: what it says of the claims, where its numbers lead, and what it answers when one part is asked for."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.fixtures import Settings

from collector.ingest import save_now
from collector.publish import publisher
from sandboxes.models import Claim
from sandboxes.records import State, Why
from tests.dashboard.test_claim import words
from tests.dashboard.test_claims import at
from tests.factories import SECOND, batch, make_span, trace_id

pytestmark = pytest.mark.django_db

HOUR = 3_600 * SECOND


def page(client: Client, **parameters: str) -> str:
    response = client.get("/", parameters)
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def part(client: Client, name: str, **parameters: str) -> str:
    response = client.get("/", parameters, headers={"X-Partial": name})
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def answer(html: str) -> str:
    return words(html.partition('id="answer"')[2].partition(">")[2].partition("</p>")[0])


def counters(html: str) -> dict[str, int]:
    found = re.findall(r"</svg> (\w+)</span><b>([\d,]+)</b>", html)
    return {state.lower(): int(number.replace(",", "")) for state, number in found}


def counter_link(html: str, state: str) -> str:
    match = re.search(rf'class="state {state}[^"]*"><a href="([^"]+)"', html)
    assert match is not None
    return unescape(match[1])


def listed(client: Client, link: str) -> list[str]:
    html = client.get(link).content.decode()
    return re.findall(r'<a class="row-link mono"[^>]*>([^<]*)', html)


def now_ns() -> int:
    return time.time_ns()


def test_it_counts_what_is_open_whenever_it_began_and_what_ended_of_those_in_the_range(client: Client) -> None:
    at("new-ready", now_ns() - SECOND, state=State.READY)
    at("old-stuck", now_ns() - 5 * HOUR, state=State.STUCK)
    at("new-deleted", now_ns() - SECOND, state=State.DELETED)
    at("old-deleted", now_ns() - 5 * HOUR, state=State.DELETED)
    found = counters(page(client))
    assert found == {"ready": 1, "starting": 0, "stuck": 1, "failed": 0, "expired": 0, "deleted": 1}


@pytest.mark.parametrize("state", ["stuck", "deleted", "ready"])
def test_a_counter_leads_to_just_the_claims_it_counted(client: Client, state: str) -> None:
    for number, age_ns in enumerate((SECOND, 5 * HOUR)):
        at(f"{state}-{number}", now_ns() - age_ns, state=State(state), pool="p")
    at("other-pool", now_ns() - SECOND, state=State(state), pool="q")
    html = page(client, pool="p")
    assert len(listed(client, counter_link(html, state))) == counters(html)[state]


def test_in_a_range_of_the_past_every_state_counts_those_that_began_in_it(client: Client) -> None:
    at("before", SECOND, state=State.STUCK)
    at("within", 10 * SECOND, state=State.STUCK)
    html = page(client, **{"from": str(9 * SECOND), "to": str(20 * SECOND)})
    assert counters(html)["stuck"] == 1
    assert listed(client, counter_link(html, "stuck")) == ["within"]


def test_it_says_first_what_needs_somebody_and_why(client: Client) -> None:
    for number in range(3):
        at(f"stuck-{number}", now_ns(), state=State.STUCK, why=Why("unschedulable", "s", "a"))
    at("failed", now_ns(), state=State.FAILED, why=Why("pool missing", "s", "a"))
    at("fine", now_ns(), state=State.READY)
    said = answer(page(client))
    assert said.startswith("3 of 5 claims are stuck (unschedulable), 1 failed (pool missing).")


def test_it_says_that_nothing_needs_anybody(client: Client) -> None:
    for number in range(2):
        at(f"fine-{number}", now_ns(), state=State.READY)
    assert answer(page(client)).startswith("None of 2 claims is stuck or failed.")


def test_the_only_claim_is_called_so(client: Client) -> None:
    at("failed", now_ns(), state=State.FAILED, why=Why("pool missing", "s", "a"))
    assert answer(page(client)).startswith("The only claim failed (pool missing).")


def test_a_long_reason_of_somebodys_program_is_said_in_short(client: Client) -> None:
    at("fine", now_ns(), state=State.READY)
    claim = at("failed", now_ns(), state=State.FAILED)
    Claim.objects.filter(pk=claim.pk).update(reason="MaxRetryError: " + "x" * 5_000)
    assert "(MaxRetryError)" in answer(page(client))


def test_the_newest_claims_are_listed_newest_first_with_their_bars(client: Client) -> None:
    for number in range(12):
        at(f"sandbox-claim-{number:08}", now_ns() - (20 - number) * SECOND, state=State.READY)
    names = re.findall(r'row-link mono"[^>]*>([^<]*)', part(client, "newest"))
    assert names == [f"{number:08}" for number in range(11, 2, -1)]


def test_filters_hold_for_the_counters_and_the_newest(client: Client) -> None:
    at("mine", now_ns(), state=State.READY, pool="p")
    at("other", now_ns(), state=State.READY, pool="q")
    html = page(client, pool="p")
    assert counters(html)["ready"] == 1
    assert "other" not in html.partition('id="newest"')[2]


def test_a_part_comes_alone(client: Client) -> None:
    at("a", now_ns())
    html = part(client, "newest")
    assert re.findall(r'^<(?:section|span|p|div)[^>]* id="([a-z-]+)"', html, re.MULTILINE) == ["newest"]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"start": "hot"}, "start=hot"),
        ({"severity": "info"}, "severity is not used"),
        ({"area_min": "quick"}, "area_min=quick"),
        ({"area_min": "2s", "area_max": "1s"}, "area_max has to be longer than area_min"),
    ],
)
def test_what_is_wrong_is_said(client: Client, parameters: dict[str, str], sentence: str) -> None:
    at("a", now_ns())
    response = client.get("/", parameters)
    assert response.status_code == 400
    assert sentence in response.content.decode()


def test_hostile_names_are_text(client: Client) -> None:
    at("<script>x</script>", now_ns(), state=State.FAILED, why=Why("<b>cause", "s", "a"), pool="<i>")
    html = page(client)
    assert "<script>x" not in html
    assert "<b>cause" not in html


def test_telemetry_alone_has_an_overview_too(client: Client) -> None:
    save_now(batch(make_span(start_ns=now_ns() - SECOND)))
    html = page(client)
    assert counters(html) == dict.fromkeys(("ready", "starting", "stuck", "failed", "expired", "deleted"), 0)
    assert "No claim here" in html


def test_the_table_of_operations_opens_to_more_of_them(client: Client) -> None:
    spans = [make_span(f"operation {n}", trace=trace_id(n), start_ns=now_ns() - SECOND) for n in range(1, 13)]
    save_now(batch(*spans))
    few = page(client)
    assert few.count('data-operation="') == 8
    assert '<a href="?limit=12#operations">All 12 operations</a>' in few
    all_of_them = page(client, limit="12")
    assert all_of_them.count('data-operation="') == 12
    assert ">Fewer operations</a>" in all_of_them
    assert "All 12 operations" not in all_of_them
    assert part(client, "operations", limit="12").count('data-operation="') == 12
    assert "use a whole number from 1 to 100" in client.get("/", {"limit": "101"}).content.decode()


def test_an_open_page_is_loaded_anew_once_everything_was_cleared(client: Client) -> None:
    at("a", now_ns())
    Claim.objects.all().delete()
    assert client.get("/", headers={"X-Partial": "states"}).headers["X-Reload"] == "1"


def test_an_empty_range_says_where_the_newest_is(client: Client) -> None:
    at("old", now_ns() - 5 * HOUR, state=State.DELETED)
    html = page(client, range="15m")
    assert re.search(r"The newest claim began 5 h ago: show the last 6 h", answer(html))
    assert 'href="?range=6h"' in html


def test_filters_that_hide_everything_are_named_as_the_reason(client: Client) -> None:
    at("a", now_ns(), pool="p")
    html = page(client, pool="nowhere", service="nowhere")
    assert "Nothing matches these filters" in answer(html)


def test_everything_that_is_wrong_is_said_at_once(client: Client) -> None:
    at("a", now_ns())
    html = client.get("/", {"start": "hot", "area_max": "quick"}).content.decode()
    assert "start=hot" in html
    assert "area_max=quick" in html


def test_everything_its_modules_import_is_asked_for_with_them(client: Client) -> None:
    save_now(batch(make_span(start_ns=now_ns() - SECOND)))
    html = page(client)
    folder = settings.BASE_DIR / "static" / "js"
    begun = set(re.findall(r'<script type="module" src="/static/js/(\w+)\.js"', html))
    needed, known = set[str](), set(begun)
    while known - needed:
        needed |= known
        known |= {
            found
            for name in needed
            for found in re.findall(r'from "\./(\w+)\.js"', (folder / f"{name}.js").read_text())
        }
    asked_for = set(re.findall(r'<link rel="modulepreload" href="/static/js/(\w+)\.js"', html))
    assert asked_for == needed - begun


def test_it_says_at_which_commit_it_was_drawn_where_that_is_known(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    save_now(batch(make_span(start_ns=now_ns() - SECOND)))
    assert "data-live-position" not in page(client)  # nobody counts commits here
    monkeypatch.setattr(publisher, "version", 3)
    assert f'data-live-position="{publisher.name}.3"' in page(client)
    settings.REDIS_URL = "redis://localhost"  # others tell theirs only to who listens
    assert "data-live-position" not in page(client)
