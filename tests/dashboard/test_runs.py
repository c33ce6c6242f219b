"""The pages of test runs: the list, the form, a run while it goes on and when it ended, and what can be done to it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult
from pytest_django.fixtures import Settings

from sandboxes.models import Claim, Run, RunSandbox
from sandboxes.plans import Plan, from_json
from sandboxes.runs import comparison, outcome, recording
from sandboxes.runs.recording import RunState, SandboxState
from tests.dashboard.test_claim import words
from tests.dashboard.test_export import rows_of
from tests.dashboard.test_run_form import GIVEN
from tests.sandboxes.loading import load
from tests.sandboxes.runs.test_outcome import run_over

pytestmark = pytest.mark.django_db

COLUMNS = "id started pool namespace requested ready failed cancelled p50_ms p95_ms p99_ms state note"


@pytest.fixture(autouse=True)
def watching(settings: Settings) -> None:
    settings.DASHBOARD_CLUSTER = "auto"


def page(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def ended(count: int = 6) -> str:
    """A run over recorded claims that has ended."""
    claims = [claim for claim in load("burst-drained").values() if claim.time_to_ready_ns][:count]
    run_id = run_over(claims)
    recording.end(run_id, RunState.FINISHED, outcome=outcome.final(run_id))
    return run_id


def test_without_runs_the_list_says_what_a_run_is_and_how_to_start_one(client: Client) -> None:
    html = page(client, "/runs/")
    assert "No run yet" in html
    assert "manage.py run_sandboxes" in html


def test_the_list_has_a_run_with_its_figures(client: Client) -> None:
    run_id = ended()
    html = words(page(client, "/runs/"))
    number = Run.objects.get(uid=run_id).pk
    assert f"Run {number}" in html
    assert "6 of 6" in html
    assert "3.00 s" in html


def test_the_form_starts_a_run_and_leads_to_its_page(client: Client) -> None:
    response = client.post("/runs/new/", GIVEN)
    run = Run.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/runs/{run.uid}/")
    assert from_json(run.plan).commands == ("echo {i}", "ls -la")
    assert run.asked_by == "page, 127.0.0.1"
    task = DBTaskResult.objects.get()
    assert task.args_kwargs["args"] == [run.uid]
    assert "Waits for a worker" in page(client, f"/runs/{run.uid}/")


def test_a_wrong_form_starts_nothing_and_keeps_what_was_typed(client: Client) -> None:
    response = client.post("/runs/new/", {**GIVEN, "count": "9999", "label": "<b>x"})
    assert response.status_code == 400
    html = response.content.decode()
    assert "At most 500" in html
    assert 'value="9999"' in html
    assert "<b>x" not in html
    assert not Run.objects.exists()


def test_what_was_masked_of_an_earlier_plan_has_to_be_typed_again(client: Client) -> None:
    response = client.post("/runs/new/", {**GIVEN, "commands": "login [redacted]", "environment": "TOKEN=[redacted]"})
    assert response.status_code == 400
    assert response.content.decode().count("is not known any more") == 2
    assert not Run.objects.exists()


def test_a_run_is_started_by_post_with_the_pages_token_only() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/runs/new/", GIVEN).status_code == 403
    assert strict.get("/runs/new/", GIVEN).status_code == 200
    assert not Run.objects.exists()


def test_where_no_cluster_is_watched_nothing_is_started(client: Client, settings: Settings) -> None:
    settings.DASHBOARD_CLUSTER = "off"
    assert "DASHBOARD_CLUSTER=off" in page(client, "/runs/new/")
    assert client.post("/runs/new/", GIVEN).status_code == 409
    assert not Run.objects.exists()


def test_the_form_begins_with_the_last_plan_and_with_what_the_link_names(client: Client) -> None:
    recording.ask(Plan("last-pool", count=77), "a test")
    html = page(client, "/runs/new/?count=5")
    assert 'value="last-pool"' in html
    assert 'value="5"' in html


def test_the_form_offers_the_pools_that_are_there_with_what_is_ready_of_them(client: Client) -> None:
    load("failures")
    html = page(client, "/runs/new/")
    offered = re.findall(r'<option value="([^"]+)">default</option>', html)
    pools = "simple-sandbox-pool crash-later-pool crash-pool huge-pool orphan-pool slow-pull-pool"  # it keeps some
    assert offered == pools.split()
    assert "simple-sandbox-pool 2 of 2 ready" in words(html)
    assert "huge-pool keeps none" in words(html)


def test_an_ended_run_shows_cells_stages_and_rows_that_lead_to_claims(client: Client) -> None:
    html = page(client, f"/runs/{ended()}/")
    assert html.count('<li class="cell') == 6
    assert 'data-stage="bound"' in html
    assert html.count('class="row-link"') == 6
    assert "Cancel</button>" not in html


def test_a_claim_leads_to_the_run_that_asked_for_it(client: Client) -> None:
    claim = next(iter(load("burst-drained").values()))
    assert "/runs/" not in page(client, f"/claims/{claim.uid}/").partition('<main id="content">')[2]
    run_id = run_over([claim])
    html = page(client, f"/claims/{claim.uid}/").partition('<main id="content">')[2]
    assert f'href="/runs/{run_id}/"' in html
    assert f"run {Run.objects.get(uid=run_id).pk}</a>" in html


def test_failures_are_shown_by_cause_with_what_to_do(client: Client) -> None:
    missing = load("failures")["pool-missing"]
    run_id = run_over([missing], state=SandboxState.FAILED, ready_ns=None, error_type="SandboxWarmPoolNotFoundError")
    html = words(page(client, f"/runs/{run_id}/"))
    assert "Pool missing" in html
    assert "SandboxWarmPoolNotFoundError" in html


def test_a_run_is_all_well_only_where_every_sandbox_was(client: Client) -> None:
    claims = [claim for claim in load("burst-drained").values() if claim.time_to_ready_ns][:2]
    well, half = run_over(claims), run_over(claims)
    RunSandbox.objects.filter(run__uid=half, number=2).update(state=SandboxState.FAILED, ready_ns=None)
    for run_id in (well, half):
        recording.end(run_id, RunState.FINISHED, outcome=outcome.final(run_id))
    chips = [page(client, f"/runs/{run_id}/").partition("data-run-state")[2][:400] for run_id in (well, half)]
    assert ["#warning" in chip for chip in chips] == [False, True]
    assert "Finished, 1 failed" in words(chips[1])
    assert page(client, "/runs/").count("#warning") == 1


def test_what_a_run_may_be_compared_with_is_told_apart_by_its_pool(client: Client) -> None:
    earlier, later = ended(), ended()
    number = Run.objects.get(uid=earlier).pk
    assert f"Run {number}, the same</option>" in page(client, f"/runs/{later}/")
    row = Run.objects.get(uid=earlier)
    row.plan["pool"], row.form = "another-pool", "another"
    row.save()
    assert f"Run {number}, another-pool</option>" in page(client, f"/runs/{later}/")


def test_a_run_that_could_not_begin_promises_nothing_and_leads_to_what_is_missing(client: Client) -> None:
    run_id = recording.ask(Plan("pool"), "a test", queued=False)
    assert "The sandboxes appear here one by one" in page(client, f"/runs/{run_id}/")
    recording.end(run_id, RunState.FAILED, "no kubeconfig was found")
    html = page(client, f"/runs/{run_id}/")
    assert "No kubeconfig was found." in html
    assert "one by one" not in html
    assert "appear with the first" not in html
    assert 'href="/setup/#checks"' in html


def test_what_came_back_from_a_sandbox_is_text(client: Client) -> None:
    run_id = ended(1)
    row = RunSandbox.objects.get(run__uid=run_id)
    row.steps[0]["output"] = "<script>alert(1)</script>"
    row.save()
    html = page(client, f"/runs/{run_id}/")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html


def test_a_claims_uid_is_text_in_its_cell(client: Client) -> None:
    run_id = ended(1)
    claim = Claim.objects.get(name=RunSandbox.objects.get(run__uid=run_id).claim)
    Claim.objects.filter(pk=claim.pk).update(uid='"><b id=odd>')
    shown = page(client, f"/runs/{run_id}/")
    assert "<b id=odd>" not in shown
    assert 'href="/claims/%22%3E%3Cb%20id%3Dodd%3E/"' in shown


def test_a_run_is_cancelled_by_post_only(client: Client) -> None:
    run_id = recording.ask(Plan("pool"), "a test")
    recording.begin(run_id)
    assert client.get(f"/runs/{run_id}/cancel/").status_code == 405
    assert client.post(f"/runs/{run_id}/cancel/").status_code == 302
    assert Run.objects.get(uid=run_id).state == RunState.CANCELLING
    assert "No more are started" in page(client, f"/runs/{run_id}/")


def test_a_note_is_kept_and_shown_as_text(client: Client) -> None:
    run_id = ended(1)
    client.post(f"/runs/{run_id}/note/", {"note": "after the <b>upgrade</b>"})
    assert "after the &lt;b&gt;upgrade" in page(client, f"/runs/{run_id}/")


def test_a_comparison_is_asked_of_the_worker_and_then_shown(client: Client) -> None:
    earlier, later = ended(), ended()
    response = client.post(f"/runs/{later}/compare/", {"with": earlier})
    assert response["Location"] == f"/runs/{later}/?with={earlier}"
    assert "is being compared with" in page(client, response["Location"])
    assert DBTaskResult.objects.get().args_kwargs["args"] == [later, earlier]
    comparison.compare(later, earlier)
    html = page(client, response["Location"])
    assert "is being compared with" not in html
    assert 'class="verdict noise"' in html
    client.post(f"/runs/{later}/compare/", {"with": earlier})
    assert DBTaskResult.objects.count() == 1  # not twice


def test_a_run_that_does_not_exist_is_not_found(client: Client) -> None:
    page(client, "/runs/nothing/", 404)


def test_the_csv_button_says_how_many_rows_it_brings(client: Client) -> None:
    ended()
    assert "CSV 1 row" in words(page(client, "/runs/?range=all"))
    assert "CSV" not in words(page(client, "/runs/?range=never", status=400)).partition("Runs")[2][:200]


def test_the_csv_has_the_documented_columns_first(client: Client) -> None:
    run_id = ended()
    recording.annotate(run_id, "=cmd()")
    going_on = recording.ask(Plan("other", count=3), "a test")
    rows = rows_of(client, "runs")
    assert list(rows[0])[:13] == (
        [
            "id",
            "started",
            "pool",
            "namespace",
            "requested",
            "ready",
            "failed",
            "cancelled",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "state",
            "note",
        ]
    )
    assert [row["id"] for row in rows] == [going_on, run_id]
    assert (rows[0]["requested"], rows[0]["ready"], rows[0]["p50_ms"]) == ("3", "0", "")
    assert (rows[1]["ready"], rows[1]["p50_ms"], rows[1]["note"]) == ("6", "3000.000000", "'=cmd()")


def test_the_claims_of_a_run_can_be_listed_and_exported(client: Client) -> None:
    run_id = ended()
    assert len(rows_of(client, "claims", run=run_id)) == 6


def test_a_run_leads_to_the_list_of_its_claims_which_says_whose_they_are(client: Client) -> None:
    run_id = ended()
    assert f'href="/claims/?run={run_id}&amp;range=all"' in page(client, f"/runs/{run_id}/")
    html = page(client, f"/claims/?run={run_id}&range=all")
    assert f'name="run" value="{run_id}"' in html  # kept when another filter is added
    assert '<a class="button plain" href="?range=all">Clear</a>' in html
    assert "any run" in page(client, "/claims/?run=nothing&range=all")


def test_the_api_lists_runs_and_has_one_whole(client: Client) -> None:
    earlier, later = ended(), ended()
    comparison.compare(later, earlier)
    listed = client.get("/api/v1/runs", {"limit": 1}).json()
    assert [run["id"] for run in listed["items"]] == [later]
    rest = client.get("/api/v1/runs", {"cursor": listed["next"]}).json()
    assert [run["id"] for run in rest["items"]] == [earlier]
    whole = client.get(f"/api/v1/runs/{later}").json()
    assert whole["run"] == listed["items"][0]
    assert (whole["run"]["ready"], whole["run"]["time_to_ready"]["p50_ms"]) == (6, 3000)
    assert [sandbox["number"] for sandbox in whole["sandboxes"]] == [1, 2, 3, 4, 5, 6]
    assert all(sandbox["claim_uid"] for sandbox in whole["sandboxes"])
    assert "time to ready" in [stage["stage"] for stage in whole["stages"]]
    assert [found["earlier"] for found in whole["comparisons"]] == [earlier]


def test_the_api_says_that_a_run_is_not_there(client: Client) -> None:
    answer = client.get("/api/v1/runs/nothing")
    assert answer.status_code == 404
    assert "never started" in answer.json()["detail"]


def test_runs_are_filtered_by_pool(client: Client) -> None:
    recording.ask(Plan("a"), "a test")
    wanted = recording.ask(Plan("b", namespace="n"), "a test")
    assert [run["id"] for run in client.get("/api/v1/runs?pool=b&namespace=n").json()["items"]] == [wanted]
    assert [row["id"] for row in rows_of(client, "runs", pool="b")] == [wanted]
