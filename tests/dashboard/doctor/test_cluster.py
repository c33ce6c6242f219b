"""The doctor's checks of a cluster: one where everything is in place, and each thing that can be wrong."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from dashboard.doctor.cluster import look
from dashboard.doctor.shapes import Check, Status
from dashboard.doctor.stored import Stored
from tests.dashboard.doctor.api_server import (
    CLAIMS,
    DEPLOYMENTS,
    LEASE,
    PODS,
    POOLS,
    SANDBOXES,
    SERVICES,
    TEMPLATES,
    ApiServer,
    deployment,
    items,
    kinds,
    named,
    pod,
    pool,
    router,
)


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> AsyncIterator[ApiServer]:
    server = ApiServer()
    await server.start()
    server.kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    settings.DASHBOARD_CLUSTER, settings.DASHBOARD_KUBE_CONTEXT, settings.DASHBOARD_NAMESPACES = "auto", "", []
    yield server
    await server.stop()


async def checks(stored: Stored = Stored()) -> dict[str, Check]:  # noqa: B008 - it cannot be changed
    return {check.key: check for check in await look(stored)}


async def statuses() -> dict[str, str]:
    return {key: check.status.value for key, check in (await checks()).items()}


async def test_a_cluster_where_everything_is_in_place_is_well_throughout(server: ApiServer) -> None:
    found = await checks()
    assert {check.status for check in found.values()} == {Status.OK}, found
    assert "v1.36.4" in found["cluster"].found
    assert "1 of 1 ready, agent-sandbox-controller:v1.0.3" in found["controller"].found
    assert "1 Pod of it ready" in found["router"].found
    assert "2 of 2 Sandboxes ready" in found["pools"].found


async def test_nothing_is_asked_of_a_cluster_that_is_turned_off(server: ApiServer, settings: Settings) -> None:
    settings.DASHBOARD_CLUSTER = "off"
    assert set((await statuses()).values()) == {"not applicable"}


async def test_without_a_kubeconfig_nothing_fails(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    found = await checks()
    assert {check.status for check in found.values()} == {Status.NOT_APPLICABLE}
    assert "manage.py import -" in found["cluster"].commands[0]


async def test_a_context_that_is_not_there_fails(server: ApiServer, settings: Settings) -> None:
    settings.DASHBOARD_KUBE_CONTEXT = "elsewhere"
    found = (await checks())["cluster"]
    assert found.status is Status.FAILED
    assert "kubectl config get-contexts" in found.commands[0]


async def test_a_cluster_that_is_away_fails_and_the_rest_does_not_apply(server: ApiServer) -> None:
    await server.stop()
    found = await statuses()
    assert found.pop("cluster") == "failed"
    assert set(found.values()) == {"not applicable"}


async def test_expired_credentials_say_how_to_get_new_ones(server: ApiServer) -> None:
    server.token = "another"
    found = (await checks())["cluster"]
    assert found.status is Status.FAILED
    assert found.commands == ("kubectl --context test get namespaces",)


async def test_a_cluster_without_agent_sandbox_says_how_to_install_it(server: ApiServer) -> None:
    del server.answers[CLAIMS]
    found = await checks()
    assert found["api"].status is Status.FAILED
    assert found["api"].commands[0].endswith("/sandbox-with-extensions.yaml")
    assert found["controller"].status is Status.NOT_APPLICABLE


async def test_the_older_api_alone_is_a_warning(server: ApiServer) -> None:
    for group in (CLAIMS, SANDBOXES):
        server.answers[group] = {"versions": [{"version": "v1alpha1"}]}
        server.answers[f"{group}/v1alpha1"] = server.answers[f"{group}/v1beta1"]
    assert (await checks())["api"].status is Status.WARNING


async def test_a_kind_that_is_not_served_is_named(server: ApiServer) -> None:
    server.answers[f"{CLAIMS}/v1beta1"] = kinds("sandboxclaims", "sandboxtemplates")
    found = (await checks())["api"]
    assert found.status is Status.FAILED
    assert "sandboxwarmpools.extensions.agents.x-k8s.io" in found.found


async def test_a_claim_nobody_takes_up_fails_the_controller_whatever_else_is_seen(server: ApiServer) -> None:
    found = (await checks(Stored(silent=("claim-1",))))["controller"]
    assert found.status is Status.FAILED
    assert "claim-1" in found.found


@pytest.mark.parametrize(
    ("made", "words", "command"),
    [
        (deployment(0, "--extensions"), "0 of 1 ready", "kubectl describe deployment agent-sandbox-controller"),
        (deployment(1, "--leader-elect"), "1 of 1 ready", "/extensions.yaml"),
        (deployment(1, "--extensions=false"), "1 of 1 ready", "/extensions.yaml"),
    ],
)
async def test_a_controller_that_does_not_run_or_leaves_claims_alone_fails(
    server: ApiServer, made: dict[str, object], words: str, command: str
) -> None:
    server.answers[DEPLOYMENTS] = items(made)
    found = (await checks())["controller"]
    assert found.status is Status.FAILED
    assert words in found.found
    assert command in found.commands[0]


def lease(seconds_ago: float) -> dict[str, object]:
    renewed = datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"spec": {"holderIdentity": "somebody", "renewTime": renewed, "leaseDurationSeconds": 15}}


@pytest.mark.parametrize("answer", [items(), 403])
async def test_a_controller_anywhere_is_known_by_its_lease(server: ApiServer, answer: object) -> None:
    server.answers[DEPLOYMENTS] = answer
    server.answers[LEASE] = lease(seconds_ago=2)
    found = (await checks())["controller"]
    assert found.status is Status.OK
    assert "renewed its lease" in found.found


async def test_a_lease_nobody_renews_tells_nothing(server: ApiServer) -> None:
    server.answers |= {DEPLOYMENTS: items(), LEASE: lease(seconds_ago=3_600), POOLS: items()}
    assert (await checks())["controller"].status is Status.WARNING


async def test_a_controller_nobody_may_see_is_known_by_what_it_did(server: ApiServer) -> None:
    server.answers |= {DEPLOYMENTS: 403, LEASE: 403}
    by_claim = (await checks(Stored(observed="claim-1", observed_ns=time.time_ns())))["controller"]
    assert by_claim.status is Status.OK
    assert "claim-1" in by_claim.found
    assert "1 pool" in (await checks())["controller"].found


async def test_no_router_is_a_warning_with_its_manifests(server: ApiServer) -> None:
    server.answers[SERVICES] = items()
    found = (await checks())["router"]
    assert found.status is Status.WARNING
    assert "sandbox-router/deploy/" in found.commands[0]


async def test_a_router_where_the_sdk_does_not_look_says_what_to_tell_it(server: ApiServer) -> None:
    server.answers |= {SERVICES: items(router("default")), PODS.format("default"): items(pod("router"))}
    found = (await checks())["router"]
    assert found.status is Status.WARNING
    assert 'router_namespace="default"' in found.commands[0]


async def test_a_router_with_nothing_behind_it_fails(server: ApiServer) -> None:
    server.answers[PODS.format("agent-sandbox-system")] = items(pod("router", ready=False))
    assert (await checks())["router"].status is Status.FAILED


async def test_a_router_is_found_where_not_all_services_may_be_listed(server: ApiServer) -> None:
    server.answers[SERVICES] = 403
    place = "/api/v1/namespaces/agent-sandbox-system/services/sandbox-router-svc"
    server.answers[place] = router()
    assert (await checks())["router"].status is Status.OK


async def test_a_router_nobody_may_look_for_is_no_failure(server: ApiServer) -> None:
    server.answers[SERVICES] = 403
    for namespace in ("agent-sandbox-system", "default"):
        server.answers[f"/api/v1/namespaces/{namespace}/services/sandbox-router-svc"] = 403
    assert (await checks())["router"].status is Status.NOT_APPLICABLE


async def test_no_template_and_no_pool_come_with_the_documented_ones(server: ApiServer) -> None:
    server.answers |= {TEMPLATES: items(), POOLS: items()}
    found = await checks()
    for key in ("templates", "pools"):
        assert found[key].status is Status.WARNING
        assert "name: simple-sandbox-pool" in found[key].commands[0]


async def test_a_pool_of_a_missing_template_fails_by_name(server: ApiServer) -> None:
    server.answers[POOLS] = items(pool("good"), pool("orphan", template="gone"))
    found = (await checks())["pools"]
    assert found.status is Status.FAILED
    assert "orphan (gone)" in found.found
    assert found.commands == ("kubectl describe sandboxwarmpool orphan -n default",)


async def test_an_empty_pool_is_a_warning_by_name(server: ApiServer) -> None:
    server.answers[POOLS] = items(pool("good"), pool("empty", ready=0))
    found = (await checks())["pools"]
    assert found.status is Status.WARNING
    assert "none in empty" in found.found


async def test_pools_that_keep_none_are_said_to_start_cold(server: ApiServer) -> None:
    server.answers[POOLS] = items(pool("cold; rm -rf /", replicas=0, ready=0))
    found = (await checks())["pools"]
    assert found.status is Status.WARNING
    assert found.commands == ("kubectl scale sandboxwarmpool 'cold; rm -rf /' -n default --replicas=3",)


async def test_without_the_right_to_read_claims_it_fails_and_says_what_to_grant(server: ApiServer) -> None:
    server.denied = {"sandboxclaims", "watch pods"}
    found = (await checks())["rights"]
    assert found.status is Status.FAILED
    assert "system:serviceaccount:lab:dev may not get, list, watch sandboxclaims; watch pods in" in found.found
    (grant,) = found.commands
    assert (
        '{apiGroups: ["extensions.agents.x-k8s.io"], resources: ["sandboxclaims"], verbs: [get, list, watch]}' in grant
    )
    assert '{kind: ServiceAccount, namespace: "lab", name: "dev"}' in grant
    assert "DASHBOARD_NAMESPACES" in found.fix


async def test_without_other_rights_it_is_a_warning(server: ApiServer) -> None:
    server.denied = {"pods"}
    found = await checks()
    assert found["rights"].status is Status.WARNING
    assert found["rights-sdk"].status is Status.WARNING
    assert "create pods/portforward" in found["rights-sdk"].found


async def test_rights_are_asked_for_in_the_namespaces_that_are_watched(server: ApiServer, settings: Settings) -> None:
    settings.DASHBOARD_NAMESPACES = ["one", "two"]
    for namespace in ("one", "two"):
        for name, found in (("sandboxtemplates", named("template", namespace)), ("sandboxwarmpools", None)):
            server.answers[f"{CLAIMS}/v1beta1/namespaces/{namespace}/{name}"] = items(*([found] if found else []))
    assert (await checks())["rights"].status is Status.OK
    asked = {each["namespace"] for each in server.reviewed if each["resource"] == "sandboxwarmpools"}
    assert asked == {"one", "two"}


async def test_what_may_not_be_listed_is_no_failure(server: ApiServer) -> None:
    server.answers |= {TEMPLATES: 403, POOLS: 403}
    found = await statuses()
    assert (found["templates"], found["pools"]) == ("not applicable", "not applicable")


@pytest.mark.parametrize(("ahead_s", "words"), [(60, "ahead of"), (-60, "behind")])
async def test_a_clock_that_is_off_is_said_with_how_much_at_least(server: ApiServer, ahead_s: int, words: str) -> None:
    server.ahead_s = ahead_s
    found = (await checks())["clock-cluster"]
    assert found.status is Status.WARNING
    assert words in found.found


async def test_answers_of_any_shape_break_nothing(server: ApiServer) -> None:
    odd = {"items": [7, None, {"metadata": [], "spec": "x", "status": {"readyReplicas": "many"}}], "metadata": []}
    for path in (
        DEPLOYMENTS,
        SERVICES,
        TEMPLATES,
        POOLS,
        LEASE,
        PODS.format("agent-sandbox-system"),
    ):
        server.answers[path] = odd
    assert set(await statuses()) >= {"controller", "router", "templates", "pools"}
