"""Lists: two rows are chosen and compared without any script; one menu gives all there is to take away."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult

from collector.ingest import save_now
from sandboxes.models import Claim, Run
from tests.dashboard.test_claims import at
from tests.dashboard.test_runs import ended
from tests.factories import SECOND, T0_NS, batch, make_span, trace_id

pytestmark = pytest.mark.django_db


def page(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def boxes(html: str) -> list[str]:
    """What can be ticked."""
    return re.findall(r'<input type="checkbox" form="compare-two" name="two" value="([^"]+)"', html)


def menu(html: str) -> dict[str, str]:
    """The addresses of the menu Export, by what they give."""
    part = html.partition('id="export-menu"')[2].partition("</details>")[0]
    return {name: unescape(link) for link, name in re.findall(r'<a href="([^"]+)"[^>]*>(\w+)', part)}


def two_traces() -> None:
    save_now(
        batch(
            make_span("later", trace=trace_id(1), start_ns=T0_NS + SECOND, service="shop"),
            make_span("sooner", trace=trace_id(2), start_ns=T0_NS, service="shop"),
        )
    )


def test_a_list_has_boxes_only_while_two_of_it_are_being_chosen_and_holds_still_then(client: Client) -> None:
    at("one", T0_NS)
    at("two", T0_NS + SECOND)
    calm = page(client, "/claims/?range=all")
    assert boxes(calm) == []
    assert 'data-live="claims"' in calm
    choosing = page(client, "/claims/?range=all&choose=1")
    assert boxes(choosing) == list(Claim.objects.order_by("-zero_ns").values_list("uid", flat=True))
    assert 'data-live="claims"' not in choosing.partition('id="rows"')[2]
    assert 'action="/claims/compare/"' in choosing
    assert "choose=1" not in "".join(menu(choosing).values())


def test_two_chosen_claims_are_compared_the_earlier_one_first(client: Client) -> None:
    at("one", T0_NS)
    at("two", T0_NS + SECOND)
    chosen = "&".join(f"two={uid}" for uid in boxes(page(client, "/claims/?range=all&choose=1")))
    answer = client.get(f"/claims/compare/?{chosen}")
    sides = {claim.name: claim.uid for claim in Claim.objects.all()}
    assert answer["Location"] == f"?a={sides['one']}&b={sides['two']}".replace(":", "%3A")
    assert client.get("/claims/compare/" + answer["Location"]).status_code == 200


def test_two_chosen_traces_are_compared_the_earlier_one_first(client: Client) -> None:
    two_traces()
    chosen = boxes(page(client, "/traces/?range=all&choose=1"))
    answer = client.get("/traces/compare/?" + "&".join(f"two={one}" for one in chosen))
    assert answer["Location"] == f"?a={trace_id(2)}&b={trace_id(1)}"


def test_one_chosen_alone_and_too_many_are_told(client: Client) -> None:
    two_traces()
    save_now(batch(make_span("third", trace=trace_id(3), start_ns=T0_NS + 2 * SECOND)))
    alone = client.get(f"/traces/compare/?two={trace_id(1)}")
    assert "Name the other trace" in page(client, "/traces/compare/" + alone["Location"])
    all_three = client.get("/traces/compare/?" + "&".join(f"two={trace_id(number)}" for number in (1, 2, 3)))
    assert "3 were chosen: compared are two of them" in page(client, "/traces/compare/" + all_three["Location"])
    nonsense = client.get("/traces/compare/?two=%00&two=x&two=" + "y" * 5_000)
    assert page(client, "/traces/compare/" + nonsense["Location"])


def test_two_chosen_runs_are_compared_by_the_worker(client: Client) -> None:
    earlier, later = ended(), ended()
    html = page(client, "/runs/?choose=1")
    assert set(boxes(html)) == {earlier, later}
    assert re.search(r'<form class="choose-bar"[^>]*method="post" action="/runs/compare/"', html)
    answer = client.post("/runs/compare/", {"two": boxes(html)})
    assert answer["Location"] == f"/runs/{later}/?with={earlier}"
    assert DBTaskResult.objects.get().args_kwargs["args"] == [later, earlier]
    refused = client.post("/runs/compare/", {"two": [later]})
    assert refused.status_code == 400
    assert "Choose two runs: 1 was chosen." in refused.content.decode()


def test_a_run_that_goes_on_cannot_be_chosen(client: Client) -> None:
    going_on, done = ended(), ended()
    Run.objects.filter(uid=going_on).update(state="running")
    assert boxes(page(client, "/runs/?choose=1")) == [done]


@pytest.mark.parametrize(
    ("path", "gives"),
    [
        ("/claims/?range=all&pool=simple-sandbox-pool", {"CSV", "Report", "Bundle"}),
        ("/claims/?range=all&q=sandbox", {"CSV", "Report", "Bundle"}),
        ("/traces/?range=all&service=shop", {"CSV", "Report", "Bundle"}),
        ("/traces/?range=all&q=duration+%3E+1ns", {"CSV", "Report", "Bundle"}),
        ("/runs/", {"CSV", "Report", "Bundle"}),
        ("/?range=all", {"CSV", "Report", "Bundle"}),
        ("/?range=all&pool=simple-sandbox-pool&service=shop", {"CSV", "Report", "Bundle"}),
        (f"/traces/{trace_id(1)}/", {"CSV", "Bundle"}),
    ],
)
def test_the_menu_gives_what_the_filters_leave(client: Client, path: str, gives: set[str]) -> None:
    ended()
    two_traces()
    found = menu(page(client, path))
    assert set(found) == gives
    for link in found.values():
        assert client.head(link).status_code == 200, link
    for name in ("pool", "service", "q"):
        if f"{name}=" in path:
            assert any(f"{name}=" in link for link in found.values())


def test_a_claim_and_a_run_have_the_same_menu(client: Client) -> None:
    run = ended()
    claim = Claim.objects.filter(time_to_ready_ns__isnull=False)[0]
    for path in (f"/claims/{claim.uid}/", f"/runs/{run}/"):
        found = menu(page(client, path))
        assert set(found) == {"CSV", "Report", "Bundle"}
        for link in found.values():
            assert client.head(link).status_code == 200, link


def test_the_filters_of_the_overview_decide_what_its_bundle_holds(client: Client) -> None:
    ended()
    two_traces()
    assert menu(page(client, "/?range=7d"))["Bundle"] == "/export/range.bundle?range=7d"
    of_claims = page(client, "/?range=all&pool=simple-sandbox-pool")
    assert menu(of_claims)["Bundle"] == "/export/claims.bundle?range=all&pool=simple-sandbox-pool"
    assert menu(page(client, "/?range=all&service=shop"))["Bundle"] == "/export/traces.bundle?range=all&service=shop"
