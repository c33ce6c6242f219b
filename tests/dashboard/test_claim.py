"""A claim's page: what the cluster and telemetry say of it, on one axis, from recorded sessions."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import unescape
from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse

from collector.ingest import save_now
from dashboard.claim.axis import ClaimAxis, named
from dashboard.claim.skew import Skew
from sandboxes.lifecycle import to_json
from sandboxes.lifecycle.stages import stages_of
from sandboxes.models import Claim
from sandboxes.records import Clock, Lifecycle, Milestone, Moment, StartType, State
from tests.factories import MS, SECOND, T0_NS, batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link, load
from tests.sandboxes.recordings import truth

pytestmark = pytest.mark.django_db


def page(client: Client, claim: Claim, query: str = "", **headers: str) -> str:
    response = client.get(reverse("claim", args=[claim.uid]) + query, headers=headers)
    assert response.status_code == 200, response.content[:500]
    return response.content.decode()


def words(html: str) -> str:
    """What a reader sees, without markup."""
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html).split()))


def lane(html: str, key: str) -> str:
    return html.partition(f'data-lane="{key}"')[2].partition("</details>")[0]


def rows(html: str, key: str) -> list[str]:
    """The names of a lane's rows, without what is for small screens alone."""
    html = re.sub(r"<(em|dfn)>.*?</\1>", "", html)
    return [words(name) for name in re.findall(r'<span class="name">(.*?)</span><svg>', lane(html, key))]


def cells(html: str) -> dict[str, str]:
    """The length of each stage, as its cell says it."""
    found = re.findall(r'<li class="[^"]*" data-stage="([^"]+)".*?<b>(.*?)</b>', html, re.DOTALL)
    return {name: words(length) for name, length in found}


def made(name: str = "made", **members: object) -> Claim:
    """A claim's row from a lifecycle of one's own."""
    lifecycle = replace(Lifecycle(f"uid-{name}", "default", name), **members)  # type: ignore[arg-type]
    return Claim.objects.create(
        uid=lifecycle.uid, namespace="default", name=name, pool=lifecycle.pool, template="", sandbox="", pod="",
        node="",
        start_type=lifecycle.start_type, state=lifecycle.state, reason="", clock="", zero_ns=lifecycle.zero_ns,
        lifecycle=to_json(lifecycle), changed_ns=1,
    )  # fmt: skip


def moment(milestone: Milestone, ns: int, precision_ns: int = 1) -> Moment:
    return Moment(milestone, ns, ns, ns, Clock.API_SERVER, precision_ns, "test")


def test_a_cold_claim_shows_its_start_its_stages_and_where_the_time_went(client: Client) -> None:
    html = page(client, load("quickstart-cold")["c1"])
    assert "Cold" in words(html)
    assert re.search(r"1\.2\d s", words(html))
    assert "between scheduled and started" in words(html)
    assert cells(html)["started"].endswith(" ms")
    assert rows(html, "objects") == ["SandboxClaim", "Sandbox", "Pod"]
    assert "Pulling Pod" in rows(html, "events")


def test_a_warm_claims_pool_work_is_before_zero_and_not_in_its_stages(client: Client) -> None:
    html = page(client, load("traced-warm")["c1"])
    assert "Warm" in words(html)
    assert {name: length for name, length in cells(html).items() if length.startswith("-")}.keys() == {
        "scheduled", "started", "pod ready", "sandbox ready",
    }  # fmt: skip
    assert 'class="tone-pooled"' in lane(html, "objects")
    assert 'class="before"' in html


def test_linked_spans_are_rows_with_their_evidence_and_lead_to_their_trace(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    root = make_span(
        "sandbox-client.create_claim", scope="sandbox_client", trace=trace_id(1), span=span_id(1),
        start_ns=claim.zero_ns, duration_ns=10 * MS,
    )  # fmt: skip
    child = make_span("POST", trace=trace_id(1), span=span_id(2), parent=span_id(1), start_ns=claim.zero_ns + MS)
    save_now(batch(root, child, make_span("somebody else's")))
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(1), span_id(2), "subtree")
    html = page(client, claim)
    assert rows(html, "client") == ["sandbox-client.create_claim annotation", "POST"]
    assert f'href="/traces/{trace_id(1)}/?span={span_id(1)}"' in html
    assert "1 trace, 2 spans" in words(html)
    assert "somebody else" not in html


def test_an_ambiguous_span_is_dashed_and_told_of(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    save_now(batch(make_span("POST", trace=trace_id(1), span=span_id(1), start_ns=claim.zero_ns)))
    link(claim, trace_id(1), span_id(1), "time", "ambiguous")
    html = page(client, claim)
    assert '<s class="badge dashed">time</s>' in html
    assert "1 span may be another claim's" in words(html)


def test_the_controllers_many_reconciles_share_a_row_and_none_is_left_out(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    spans = [
        make_span("ReconcileSandbox", service="agent-sandbox-controller", trace=trace_id(n), span=span_id(n),
                  start_ns=claim.zero_ns + n * MS, duration_ns=MS)
        for n in range(1, 41)
    ]  # fmt: skip
    save_now(batch(*spans))
    for n in range(1, 41):
        link(claim, trace_id(n), span_id(n), "sandbox")
    html = page(client, claim)
    assert rows(html, "far") == ["ReconcileSandbox × 40 sandbox"]  # noqa: RUF001
    assert lane(html, "far").count('class="box"') >= 40


def test_the_clients_many_spans_below_a_millisecond_share_a_row(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    root = make_span("agent", trace=trace_id(1), span=span_id(1), start_ns=claim.zero_ns, duration_ns=SECOND)
    small = [
        make_span("SELECT", trace=trace_id(1), span=span_id(n), parent=span_id(1), start_ns=claim.zero_ns + n * MS,
                  duration_ns=1000)
        for n in range(2, 22)
    ]  # fmt: skip
    save_now(batch(root, *small))
    for n in range(1, 22):
        link(claim, trace_id(1), span_id(n))
    html = page(client, claim)
    assert rows(html, "client") == ["agent annotation", "SELECT × 20"]  # noqa: RUF001
    assert "21 spans" in words(html)


def test_log_lines_of_linked_spans_are_there_and_no_others(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    save_now(
        batch(
            make_span("run", trace=trace_id(1), span=span_id(1), start_ns=claim.zero_ns),
            make_log("Creating it", time_ns=claim.zero_ns, trace=trace_id(1), span=span_id(1)),
            make_log("of another span", time_ns=claim.zero_ns, trace=trace_id(1), span=span_id(9)),
        )
    )
    link(claim, trace_id(1), span_id(1))
    html = lane(page(client, claim), "logs")
    assert "Creating it" in html
    assert "of another span" not in html


def test_up_to_the_first_command_means_up_to_its_end(client: Client) -> None:
    zero_ns = T0_NS
    moments = {
        name: moment(name, zero_ns + n * 100 * MS)
        for n, name in enumerate((Milestone.CREATED, Milestone.CLAIM_READY, Milestone.FIRST_COMMAND))
    }
    claim = made(state=State.DELETED, moments=moments)
    run = make_span("sandbox-client.run", scope="sandbox_client", trace=trace_id(1), span=span_id(1),
                    start_ns=zero_ns + 200 * MS, duration_ns=100 * MS)  # fmt: skip
    later = make_span("sandbox-client.read", scope="sandbox_client", trace=trace_id(2), span=span_id(2),
                      start_ns=zero_ns + 900 * MS)  # fmt: skip
    save_now(batch(run, later))
    for number in (1, 2):
        link(claim, trace_id(number), span_id(number))
    html = lane(page(client, claim), "client")
    x, width = re.search(r'class="box" x="([0-9.]+)%" y="5" width="([0-9.]+)%"', html).groups()  # type: ignore[union-attr]
    assert float(x) + float(width) == pytest.approx(100 / 1.12, abs=0.1)
    assert "later" in words(html)


def test_a_claim_that_failed_says_why_with_its_proof_and_what_to_do(client: Client) -> None:
    claim = load("failures")["unschedulable"]
    html = page(client, claim)
    assert "Failed" in words(html)
    assert "Insufficient cpu" in words(html.partition('class="sentence"')[2].partition("</p>")[0])
    assert re.search(r'<a class="badge" href="#event-FailedScheduling[^"]*">', html)
    assert re.search(r'class="row i0 event warning"[^>]*id="event-FailedScheduling', html)


def test_a_claim_that_was_never_ready_shows_what_it_waited_for_until_it_ended(client: Client) -> None:
    html = page(client, load("failures")["unschedulable"])
    assert re.fullmatch(r"7\.9\d s|8\.0\d s", cells(html)["scheduled"])
    assert re.search(r"Never scheduled, waited (7\.9|8\.0)", words(html))
    assert 'class="band owner-scheduler"' in html


def test_an_open_claim_grows_and_leaves_room_for_it(client: Client) -> None:
    now_ns = time.time_ns()
    created = moment(Milestone.CREATED, now_ns - 5 * SECOND)
    html = page(client, made(moments={Milestone.CREATED: created}))
    assert "data-growing" in html
    assert "and counting" in words(html)
    at = float(re.search(r'data-now x1="([0-9.]+)%"', html)[1])  # type: ignore[index]
    assert 50 < at < 95


def test_a_closed_claim_does_not_grow(client: Client) -> None:
    assert "data-growing" not in page(client, load("quickstart-cold")["c1"])


def test_a_claim_that_is_ready_offers_the_command_that_deletes_it(client: Client) -> None:
    html = page(client, made("left", state=State.READY, moments={Milestone.CREATED: moment(Milestone.CREATED, T0_NS)}))
    assert 'data-copy-text="kubectl delete sandboxclaim left -n default"' in html
    assert 'data-copy-text="kubectl describe sandboxclaim left -n default"' in html


def ended(ns: int) -> dict[Milestone, Moment]:
    return {Milestone.CREATED: moment(Milestone.CREATED, ns), Milestone.DELETED: moment(Milestone.DELETED, ns)}


def test_commands_to_copy_are_made_of_names_alone(client: Client) -> None:
    moments = {Milestone.CREATED: moment(Milestone.CREATED, T0_NS)}
    assert "kubectl" not in page(client, made("left; rm -rf ~", state=State.READY, moments=moments))
    assert "kubectl" not in page(client, made("long-gone", state=State.DELETED, moments=ended(T0_NS)))
    gone = page(client, made("gone", state=State.DELETED, moments=ended(time.time_ns())))
    assert re.findall(r'data-copy-text="(kubectl \w+ \w+)', gone) == ["kubectl get events"]


def test_a_claim_from_telemetry_alone_says_so(client: Client) -> None:
    claim = made(moments={Milestone.CREATED: moment(Milestone.CREATED, T0_NS)})
    assert "from telemetry alone" in words(page(client, claim))


def test_a_claim_of_which_nothing_is_known_has_a_page(client: Client) -> None:
    assert "No version of its objects was seen" in words(page(client, made()))


def test_its_place_among_the_pools_starts_is_told_with_the_median(client: Client) -> None:
    claims = load("traced-warm")
    order = sorted(claims.values(), key=lambda claim: claim.time_to_ready_ns or 0)
    assert f"the fastest of {len(order)} warm starts here" in words(page(client, order[0]))
    html = page(client, order[-1])
    assert f"the slowest of {len(order)} warm starts here" in words(html)
    second = words(page(client, order[-2]))
    assert f"slower than {100 * (len(order) - 2) // (len(order) - 1)} % of {len(order)} warm starts" in second
    assert "warm p50" in html


def test_raw_objects_are_every_version_as_it_came(client: Client) -> None:
    html = page(client, load("quickstart-cold")["c1"], "?view=objects")
    assert html.count('data-key="version-') > 20
    assert "sandbox-name-hash" in html


def test_markdown_tells_the_same_and_takes_no_markup_from_names(client: Client) -> None:
    html = page(client, made("a|b*c", moments={Milestone.CREATED: moment(Milestone.CREATED, T0_NS)}))
    text = unescape(html.partition('<pre id="markdown" hidden>')[2].partition("</pre>")[0])
    assert text.startswith("### SandboxClaim default/a\\|b\\*c: starting")
    whole = page(client, load("quickstart-cold")["c1"])
    text = unescape(whole.partition('<pre id="markdown" hidden>')[2].partition("</pre>")[0])
    assert "| started | " in text
    assert "| Pulled | Pod | +" in text


def test_hostile_names_and_messages_are_text(client: Client) -> None:
    claim = made("<script>x</script>", pool='"><img src=x>', moments={Milestone.CREATED: moment(Milestone.CREATED, 1)})
    save_now(batch(make_span("<b>run</b>", service="<i>", trace=trace_id(1), span=span_id(1), start_ns=1)))
    link(claim, trace_id(1), span_id(1), "<u>odd</u>")
    html = page(client, claim)
    assert all(bad not in html for bad in ("<script>x", "<img", "<b>run", "<i>,", "<u>odd"))


def test_what_changes_comes_alone_and_not_again_while_nothing_did(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    partial = page(client, claim, **{"X-Partial": "1"})
    assert "<html" not in partial
    version = re.search(r'data-version="([^"]+)"', partial)[1]  # type: ignore[index]
    headers = {"X-Partial": "1", "X-Version": version}
    assert client.get(f"/claims/{claim.uid}/", headers=headers).status_code == 204
    Claim.objects.filter(pk=claim.pk).update(changed_ns=claim.changed_ns + 1)
    assert client.get(f"/claims/{claim.uid}/", headers=headers).status_code == 200


def test_a_trace_leads_to_the_claims_its_spans_belong_to_and_to_no_other(client: Client) -> None:
    mine, other = made("mine"), made("other")
    save_now(batch(*(make_span("run", trace=trace_id(1), span=span_id(n)) for n in (1, 2))))
    link(mine, trace_id(1), span_id(1))
    link(other, trace_id(1), span_id(2), "time", "ambiguous")
    html = client.get(f"/traces/{trace_id(1)}/").content.decode()
    assert re.findall(r'href="/claims/([^"]*)/" data-claim-uid', html) == ["uid-mine"]


def test_zero_and_a_length_stay_on_the_axis_between_the_names_of_moments() -> None:
    axis = ClaimAxis(zero_ns=0, from_ns=-40_427, to_ns=1_956_396_592)
    moments = [("bound", "", 55 * MS), ("started", "", 950 * MS), ("ready", "ready", 1_430 * MS)]
    found = axis.ticks(named(axis, moments))
    assert [(tick.label, tick.minor) for tick in found] == [("0", False), ("500 ms", False)]


def test_a_unit_is_said_where_the_tick_that_said_it_gave_way_to_a_name() -> None:
    axis = ClaimAxis(zero_ns=0, from_ns=0, to_ns=45 * SECOND)
    found = axis.ticks(named(axis, [("started", "", 9 * SECOND), ("ready", "ready", 41 * SECOND)]))
    assert [tick.label for tick in found] == ["0", "20 s", "30"]  # 10 s is where "started" is written


def test_an_unknown_uid_is_a_page_that_says_so(client: Client) -> None:
    response = client.get("/claims/nobody/")
    assert response.status_code == 404
    assert "No claim with this uid" in response.content.decode()


def test_a_name_in_place_of_the_uid_leads_to_the_claims_that_have_it(client: Client) -> None:
    made("known")
    assert client.get("/claims/known/")["Location"] == "/claims/uid-known/"
    again = made("again")
    Claim.objects.create(
        uid="another", namespace="elsewhere", name="again", zero_ns=1, changed_ns=1, lifecycle=again.lifecycle
    )
    assert client.get("/claims/again/")["Location"] == "/claims/?claim=again&range=all"
    assert client.get("/claims/again%00/").status_code == 404


def test_every_recorded_claim_has_a_page_in_every_view(client: Client) -> None:
    for scenario in ("failures", "full-path"):
        loaded = load(scenario)
        assert len(loaded) >= len([claim for claim in truth(scenario)["claims"] if claim.get("uid")])
        for claim in loaded.values():
            for view in ("start", "life", "objects"):
                assert claim.name in page(client, claim, f"?view={view}")


def test_the_critical_path_is_under_the_row_that_had_the_ball(client: Client) -> None:
    html = page(client, load("quickstart-cold")["c1"])
    objects = {words(re.sub(r"<em>.*?</em>", "", name)): drawn for name, drawn in re.findall(
        r'<span class="name">(.*?)</span><svg>(.*?)</svg></div>', lane(html, "objects")
    )}  # fmt: skip
    parts = {name: re.findall(r'class="path" x="([0-9.]+)%" y="20" width="([0-9.]+)%', drawn)
             for name, drawn in objects.items()}  # fmt: skip
    assert parts["SandboxClaim"]
    assert parts["Sandbox"]
    ((_, width),) = parts["Pod"]  # scheduled, started, ready: one after the other
    assert float(width) > 50
    path = sorted((float(x), float(width)) for found in parts.values() for x, width in found)
    assert all(x + width <= after + 0.2 for (x, width), (after, _) in pairwise(path)), "one row at a time"


def test_where_no_object_tells_the_clients_spans_are_the_critical_path(client: Client) -> None:
    at = {Milestone.CREATED: T0_NS, Milestone.CLAIM_READY: T0_NS + SECOND}
    moments = {name: moment(name, ns) for name, ns in at.items()}
    claim = made(state=State.DELETED, moments=moments, stages=stages_of(moments, StartType.UNKNOWN))
    waits = make_span("wait", trace=trace_id(1), span=span_id(1), start_ns=T0_NS, duration_ns=SECOND)
    after = make_span("after", trace=trace_id(2), span=span_id(2), start_ns=T0_NS + SECOND, duration_ns=SECOND)
    save_now(batch(waits, after))
    link(claim, trace_id(1), span_id(1))
    link(claim, trace_id(2), span_id(2))
    html = page(client, claim, "?view=life")
    assert lane(html, "client").count('class="path"') == 1, "nothing is waited for once it is ready"


def test_a_part_of_the_axis_is_shown_closely_and_ticked_in_time_after_zero(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    html = page(client, claim, "?zoom=100000000-200000000")
    ruler = words(html.partition('class="ruler" aria-hidden="true">')[2].partition("</svg>")[0])
    assert ruler == "100 ms 120 ms 140 160 180 200"  # the second `ms` on small screens, where 100 gives way
    assert 'data-from-ns="100000000" data-whole-ns="100000000"' in html
    assert 'data-zoom="125000000-175000000"' in html, "nearer"
    assert 'data-zoom="50000000-250000000"' in html, "further"
    assert "data-zoom-out" not in page(client, claim)
    for nonsense in ("x", "5-4", "1-1", "--1", "9" * 40):
        assert "data-zoom-out" not in page(client, claim, f"?zoom={nonsense}")


def test_a_stage_leads_to_itself_on_the_axis(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    zoom = re.search(r'data-stage="started".*?data-zoom="([^"]+)"', page(client, claim), re.DOTALL)[1]  # type: ignore[index]
    html = page(client, claim, f"?zoom={zoom}")
    x, width = re.search(r'class="band owner-node" x="([0-9.]+)%" width="([0-9.]+)%"', html).groups()  # type: ignore[union-attr]
    assert (float(x), float(width)) == pytest.approx((8.3, 83.3), abs=0.2)


def test_skew_is_told_and_corrected_only_for_who_asks(client: Client) -> None:
    """The client asked, by its clock, 120 ms after the cluster had the claim."""
    at = {Milestone.CREATED: T0_NS, Milestone.CLAIM_READY: T0_NS + SECOND}
    moments = {name: moment(name, ns) for name, ns in at.items()}
    asked = replace(moment(Milestone.REQUESTED, T0_NS + 120 * MS), clock=Clock.CLIENT)
    claim = made(state=State.DELETED, moments={Milestone.REQUESTED: asked, **moments})
    save_now(batch(make_span("run", trace=trace_id(1), span=span_id(1), start_ns=T0_NS + 620 * MS, duration_ns=MS)))
    link(claim, trace_id(1), span_id(1))
    plain = page(client, claim)
    assert "the client's clock is at least 120 ms ahead of the cluster's; not corrected" in words(plain)
    assert "data-shifted" not in plain
    assert 'href="?skew=corrected"' in plain
    shifted = page(client, claim, "?skew=corrected")
    assert "shifted −120 ms" in words(lane(shifted, "client"))  # noqa: RUF001
    assert "data-shifted" not in lane(shifted, "objects")
    assert "1.00 s" in words(shifted.partition('class="number"')[2].partition("</strong>")[0])
    assert Claim.objects.get(pk=claim.pk).lifecycle == claim.lifecycle, "nothing that is stored changes"


def test_clocks_that_may_agree_are_not_corrected() -> None:
    assert Skew(least_ns=-5 * MS, most_ns=8 * MS).shift_ns == 0
    assert Skew(least_ns=5 * MS, most_ns=8 * MS).shift_ns == 5 * MS
    assert Skew(least_ns=-8 * MS, most_ns=-5 * MS).shift_ns == -5 * MS
    assert Skew(least_ns=10 * MS, most_ns=-10 * MS).shift_ns == 0, "the clock moved: the middle"
    assert "8.0 ms would not show" in Skew(least_ns=-5 * MS, most_ns=8 * MS).words


def test_words_of_named_moments_never_overlap_and_zero_keeps_its_tick() -> None:
    axis = ClaimAxis.over(0, 0, 1000 * MS, None)
    found = named(axis, [("ready", "ready", 900 * MS), ("command", "", 905 * MS), ("bound", "", 5 * MS),
                         ("started", "", 500 * MS), ("now", "now", 910 * MS)])  # fmt: skip
    assert [(one.name, one.worded) for one in found] == [("started", True), ("ready", True), ("now", False)]
    assert "0" in [tick.label for tick in axis.ticks(found)]


def test_zero_and_the_ends_of_the_axis_are_where_they_should_be() -> None:
    plain = ClaimAxis.over(1000 * MS, 1000 * MS, 2000 * MS, None)
    assert (plain.at(1000 * MS), plain.at(0)) == (0.0, 0.0)
    assert plain.at(2000 * MS) == pytest.approx(100 / 1.12, abs=0.01)
    warm = ClaimAxis.over(10 * SECOND, 10 * SECOND, 11 * SECOND, 2 * SECOND)
    assert warm.at(2 * SECOND) == 0.0
    assert warm.at(10 * SECOND) == warm.main_x == 18.0
    assert warm.at(6 * SECOND) == pytest.approx(8.5)
    assert [tick.label for tick in warm.ticks_before()] == ["−5 s"]  # noqa: RUF001


def test_what_began_a_little_before_zero_is_on_the_same_scale() -> None:
    axis = ClaimAxis.over(1000 * MS, 900 * MS, 2000 * MS, None)
    assert axis.at(900 * MS) == 0.0
    assert axis.zero_x == pytest.approx(100 * 100 / (1100 * 1.12), abs=0.01)
    far = ClaimAxis.over(1000 * MS, 0, 2000 * MS, None)
    assert far.at(1000 * MS) == 0.0


def test_a_claim_whose_command_ran_was_ready_though_nobody_saw_when(client: Client) -> None:
    moments = {name: moment(name, T0_NS + n * SECOND) for n, name in
               enumerate((Milestone.REQUESTED, Milestone.FIRST_COMMAND))}  # fmt: skip
    html = page(client, made(state=State.READY, moments=moments))
    assert "When it was ready was not seen : its first command was sent at +1.00 s" in words(html)
    assert "and counting" not in words(html)
    ruler = words(html.partition('class="ruler" aria-hidden="true">')[2].partition("</svg>")[0])
    assert "command" in ruler
    assert "now" not in ruler, "the axis ends with the command, however long ago that was"
