"""The page of pools, and the API's answer about them."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from sandboxes.pools import reading
from tests.dashboard.test_claim import words
from tests.sandboxes.loading import load

pytestmark = pytest.mark.django_db


def page(client: Client, **parameters: str) -> str:
    response = client.get("/pools/", parameters)
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def row(html: str, pool: str) -> str:
    return html.partition(f'data-pool="{pool}"')[2].partition("</tr>")[0]


def test_a_pools_row_has_what_is_ready_whom_it_served_and_how_fast(client: Client) -> None:
    load("burst-drained")
    text = words(row(page(client, range="all"), "simple-sandbox-pool"))
    for part in ("Ready", "3 / 3", "20 of 20", "15 %", "3 warm, 17 cold", "1.06 s", "1 time, 17 waited"):
        assert part in text
    assert re.search(r"31\d ms p95 32\d ms", text)


def test_a_row_leads_to_the_pools_claims_in_the_same_range(client: Client) -> None:
    load("burst-drained")
    html = unescape(row(page(client, range="all"), "simple-sandbox-pool"))
    assert 'href="/claims/?pool=simple-sandbox-pool&namespace=default&range=all"' in html
    assert 'href="/export/claims.csv?pool=simple-sandbox-pool&namespace=default&range=all"' in html


def test_a_pool_leads_to_a_run_of_it_where_runs_can_be_started(client: Client, settings: Settings) -> None:
    load("burst-drained")
    link = 'href="/runs/new/?pool=simple-sandbox-pool&namespace=default"'
    settings.DASHBOARD_CLUSTER = "auto"
    assert link in unescape(row(page(client, range="all"), "simple-sandbox-pool"))
    settings.DASHBOARD_CLUSTER = "off"
    assert link not in unescape(page(client, range="all"))


def test_a_claim_leads_to_its_pool_and_that_to_itself(client: Client) -> None:
    claim = next(iter(load("burst-drained").values()))
    query = "pool=simple-sandbox-pool&namespace=default&range=all"
    for path in (f"/claims/{claim.uid}/", "/claims/?range=all"):
        assert f'href="/pools/?{query}"' in unescape(client.get(path).content.decode())
    assert "data-pool" in page(client, pool="simple-sandbox-pool", namespace="default", range="all")


def test_a_drain_leads_to_exactly_the_claims_that_met_it(client: Client) -> None:
    load("burst-drained")
    html = page(client, range="all")
    drain = html.partition('data-drain="simple-sandbox-pool"')[2].partition("</tr>")[0]
    query = unescape(re.findall(r'href="/claims/(\?[^"]*)"', drain)[0])
    listed = client.get("/claims/" + query).content.decode()
    assert len(re.findall("data-claim-uid", listed)) >= 17
    assert "and 14 more" in words(drain)


def test_how_many_were_ready_is_drawn_with_the_time_it_was_drained(client: Client) -> None:
    load("burst-drained")
    html = row(page(client, range="all"), "simple-sandbox-pool")
    (drained,) = re.findall(r'<rect class="drained" x="([0-9.]+)%" width="([0-9.]+)%"', html)
    assert 0 < float(drained[0]) < 100
    assert 0 < float(drained[1]) < 100
    assert len(re.findall(r'class="level"', html)) == 5


def test_what_is_missing_is_named(client: Client) -> None:
    load("failures")
    html = page(client, range="all")
    assert "missing-template does not exist here" in words(row(html, "orphan-pool"))
    assert "it does not exist" in words(row(html, "no-such-pool"))
    assert "missing: pools name it" in words(html)


def test_a_range_without_claims_says_where_they_are(client: Client) -> None:
    load("burst-drained")
    text = words(page(client))
    assert "0 claims in the last 15 min, the newest" in text
    assert "3 / 3" in text  # what is there now is shown whatever the range


def test_an_empty_page_says_what_to_do(client: Client) -> None:
    text = words(page(client))
    assert "No pool has been seen yet" in text
    assert "kubectl get sandboxwarmpools" in text
    assert "No pool matches" in words(page(client, q="nothing"))


def test_what_is_wrong_is_said_at_the_field(client: Client) -> None:
    response = client.get("/pools/", {"state": "ready"})
    assert response.status_code == 400
    assert "state is not used here" in response.content.decode()


def test_what_changes_comes_alone(client: Client) -> None:
    load("burst-drained")
    html = client.get("/pools/", {"range": "all"}, headers={"X-Partial": "1"}).content.decode()
    assert "<html" not in html
    assert re.findall(r'^<(?:section|span)[^>]* id="([a-z]+)"', html, re.MULTILINE) == [
        "facts", "rows", "drains", "templates",
    ]  # fmt: skip


def test_figures_of_the_newest_alone_are_said_to_be_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    load("burst-drained")
    monkeypatch.setattr(reading, "MAX_CLAIMS", 5)
    assert "figures are of the newest 5 claims" in words(page(client, range="all"))


def test_the_bar_leads_to_the_pools(client: Client) -> None:
    assert '<a href="/pools/" aria-current="page">Pools</a>' in page(client)


def test_the_api_answers_the_same(client: Client) -> None:
    claims = load("burst-drained")
    answer = client.get("/api/v1/pools").json()
    (pool,) = answer["items"]
    assert (pool["state"], pool["ready"], pool["desired"]) == ("ready", 3, 3)
    assert (pool["warm"], pool["cold"], pool["warm_hit_rate"]) == (3, 17, 0.15)
    assert pool["cold_starts"]["count"] == 17
    (drain,) = pool["drains"]
    assert drain["start_ns"].isdecimal()
    assert set(drain["claim_uids"]) < {claim.uid for claim in claims.values()}
    assert [template["exists"] for template in answer["templates"]] == [True]
    assert answer["complete"]


def test_the_api_refuses_what_it_does_not_know(client: Client) -> None:
    assert client.get("/api/v1/pools", {"limit": "1"}).status_code == 400
