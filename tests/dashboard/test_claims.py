"""The list of claims: what it shows, what it filters by, what it says when it is empty or asked wrongly."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django.urls import reverse

from sandboxes.models import Claim
from sandboxes.records import Milestone, StartType, State, Why
from tests.dashboard.test_claim import made, moment, words
from tests.factories import MS, SECOND, T0_NS, span_id, trace_id
from tests.sandboxes.loading import link, load

pytestmark = pytest.mark.django_db


def page(client: Client, **parameters: str) -> str:
    response = client.get("/claims/", parameters)
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r'<a class="row-link mono"[^>]*>([^<]*)', html)


def row(html: str, claim: Claim) -> str:
    return html.partition(f'<tr data-key="{claim.uid}"')[2].partition("</tr>")[0]


def at(name: str, zero_ns: int, **members: object) -> Claim:
    """A claim whose axis begins then."""
    return made(name, moments={Milestone.CREATED: moment(Milestone.CREATED, zero_ns)}, **members)


def test_it_shows_the_newest_claim_first(client: Client) -> None:
    for number in (1, 3, 2):
        at(f"claim-{number}", T0_NS + number * SECOND)
    assert names(page(client, range="all")) == ["claim-3", "claim-2", "claim-1"]


def test_those_that_took_longest_come_first_when_asked_and_others_are_counted(client: Client) -> None:
    for number, seconds in enumerate((3, None, 9, 1, None)):
        claim = at(f"claim-{number}", T0_NS + number * SECOND)
        Claim.objects.filter(pk=claim.pk).update(time_to_ready_ns=seconds and seconds * SECOND)
    html = page(client, range="all", order="longest", limit="2")
    assert "2 claims without a time to ready are not in this order." in words(html)
    seen = names(html)
    link = re.search(r'rel="next" href="([^"]+)">Shorter', html)
    assert link
    seen += names(client.get("/claims/" + link[1].replace("&amp;", "&")).content.decode())
    assert seen == ["claim-2", "claim-0", "claim-3"]
    answer = client.get("/api/v1/claims", {"order": "longest"}).json()
    assert [each["claim"] for each in answer["items"]] == seen


def test_where_no_claim_has_a_time_to_ready_it_says_that_they_are_there(client: Client) -> None:
    at("claim", T0_NS)
    html = page(client, range="all", order="longest")
    assert names(html) == []
    assert "None of these claims has a time to ready" in html
    assert names(page(client, range="all", order="newest")) == ["claim"]


def test_it_shows_the_last_15_minutes_unless_asked_otherwise(client: Client) -> None:
    at("old", T0_NS)
    at("new", time.time_ns() - SECOND)
    assert names(page(client)) == ["new"]


def test_a_recorded_claims_row_has_its_start_its_length_and_a_bar_of_its_stages(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    link(claim, trace_id(1), span_id(1))
    html = row(page(client, range="all"), claim)
    assert "Deleted" in words(html)
    assert "cold" in words(html)
    assert re.search(r"1\.2\d s", words(html))
    owners = re.findall(r'<rect class="owner-([a-z]+)"', html)
    assert {"node", "readiness", "controller"} <= set(owners)
    assert 'data-evidence="annotation"' in html


def test_a_failed_claim_says_why_in_a_few_words_in_place_of_a_bar(client: Client) -> None:
    claims = load("failures")
    html = page(client, range="all")
    missing = row(html, claims["pool-missing"])
    assert "never" in words(missing)
    assert "pool missing" in words(missing)


def test_a_claim_that_is_still_starting_shows_for_how_long(client: Client) -> None:
    claim = at("waits", time.time_ns() - 7 * SECOND)
    assert re.search(r"\d+ s, open", words(row(page(client), claim)))


def test_a_claim_left_open_stands_out_with_the_command_that_deletes_it(client: Client) -> None:
    claim = at("forgotten", T0_NS, state=State.READY)
    Claim.objects.filter(pk=claim.pk).update(time_to_ready_ns=MS, ready_ns=T0_NS + MS)
    html = row(page(client, range="all"), claim)
    assert "left open" in words(html)
    assert 'data-copy-text="kubectl delete sandboxclaim forgotten -n default"' in html


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"state": "failed"}, ["b"]),
        ({"start": "warm"}, ["a"]),
        ({"pool": "pool-b"}, ["b"]),
        ({"q": "POOL-A"}, ["a"]),
        ({"claim": "uid-b"}, ["b"]),
        ({"claim": "a"}, ["a"]),
        ({"namespace": "elsewhere"}, []),
        ({"from": str(T0_NS + SECOND)}, ["b"]),
        ({"to": str(T0_NS + SECOND)}, ["a"]),
        ({"cluster": "nowhere"}, []),
    ],
)
def test_filters_are_those_of_the_whole_site(client: Client, parameters: dict[str, str], found: list[str]) -> None:
    at("a", T0_NS, pool="pool-a", start_type=StartType.WARM, state=State.READY)
    at("b", T0_NS + SECOND, pool="pool-b", start_type=StartType.COLD, state=State.FAILED)
    if not {"from", "to"} & parameters.keys():
        parameters = {**parameters, "range": "all"}
    assert names(page(client, **parameters)) == found


def test_slow_starts_are_found_by_their_time_to_ready(client: Client) -> None:
    for name, length_ns in (("quick", 39 * MS), ("slow", 2 * SECOND), ("slower", 9 * SECOND), ("never", None)):
        Claim.objects.filter(pk=at(name, T0_NS).pk).update(time_to_ready_ns=length_ns)
    assert names(page(client, range="all", min_duration="2s")) == ["slower", "slow"]


def test_the_counts_by_state_are_filters_and_count_what_the_other_filters_leave(client: Client) -> None:
    for number in range(3):
        at(f"ready-{number}", T0_NS + number, state=State.READY, pool="p")
    at("failed", T0_NS, state=State.FAILED, pool="p")
    at("other", T0_NS, state=State.FAILED, pool="q")
    html = page(client, range="all", pool="p", state="failed").partition('id="states"')[2].partition("</nav>")[0]
    assert re.findall(r"([a-z]+)</span> (\d+)", html) == [("ready", "3"), ("failed", "1")]


def test_older_goes_on_where_the_page_ended(client: Client) -> None:
    for number in range(5):
        at(f"claim-{number}", T0_NS)
    html = page(client, range="all", limit="2")
    seen = names(html)
    while next_page := re.search(r'rel="next" href="([^"]+)"', html):
        html = client.get("/claims/" + next_page[1].replace("&amp;", "&")).content.decode()
        seen += names(html)
    assert seen == [f"claim-{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"state": "fine"}, "state=fine"),
        ({"start": "hot"}, "start=hot"),
        ({"min_duration": "long"}, "min_duration=long is not a duration"),
        ({"severity": "info"}, "severity is not used"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(client: Client, parameters: dict[str, str], sentence: str) -> None:
    response = client.get("/claims/", parameters)
    assert response.status_code == 400
    assert sentence in response.content.decode()


def test_an_empty_list_says_what_to_do(client: Client) -> None:
    assert "No claim has been seen yet" in page(client)
    at("old", T0_NS)
    assert "No claim in this time range" in page(client)
    assert "No claim matches" in page(client, pool="nowhere")


def test_hostile_names_are_text_and_uids_have_pages(client: Client) -> None:
    why = Why("<b>cause</b>", "s", "a")
    claim = at("<script>x</script>", T0_NS, pool="<i>", state=State.FAILED, why=why)
    html = page(client, range="all")
    assert "<script>x" not in html
    assert "<b>cause" not in html
    assert f'href="{reverse("claim", args=[claim.uid])}"' in html


def test_what_changes_comes_alone(client: Client) -> None:
    at("a", T0_NS)
    response = client.get("/claims/", {"range": "all"}, headers={"X-Partial": "1"})
    html = response.content.decode()
    assert "<html" not in html
    assert re.findall(r'^<(?:section|span|nav)[^>]* id="([a-z]+)"', html, re.MULTILINE) == [
        "facts", "csv", "states", "rows",
    ]  # fmt: skip


def test_the_bar_leads_to_the_claims(client: Client) -> None:
    assert '<a href="/claims/" aria-current="page">Claims</a>' in page(client)


def test_the_first_page_shows_claims_however_old_they_are(client: Client) -> None:
    at("old", SECOND)
    assert client.get("/").headers["Location"] == "/?range=all"


def test_a_start_has_its_place_among_its_pools_starts_of_the_same_kind(client: Client) -> None:
    loaded = load("traced-warm")
    order = sorted(loaded.values(), key=lambda claim: claim.time_to_ready_ns or 0)
    html = page(client, range="all")
    assert "p0 " in words(row(html, order[0]))
    assert "p100 " in words(row(html, order[-1]))
    assert f"of the newest {len(order)} warm starts of this pool" in row(html, order[0])


def test_a_name_that_is_none_in_kubernetes_makes_no_command(client: Client) -> None:
    at("left; rm -rf ~", T0_NS, state=State.READY)
    Claim.objects.update(ready_ns=T0_NS, time_to_ready_ns=1)
    html = page(client, range="all")
    assert "left open" in html
    assert "kubectl delete" not in html
