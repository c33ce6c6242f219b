"""Suggestions for the filter of traces."""

from __future__ import annotations

import pytest
from django.test import Client

from collector.ingest import save_now
from collector.models import Span
from dashboard import filter_words
from dashboard.filter_language import read_filter
from tests.factories import T0_NS, batch, make_resource, make_span

pytestmark = pytest.mark.django_db


def words(client: Client, of: str = "") -> list[str]:
    response = client.get("/traces/words/", {"of": of} if of else {})
    assert response.status_code == 200
    found: list[str] = response.json()["words"]
    return found


def test_it_suggests_its_own_names_then_keys_of_attributes_the_most_frequent_first(client: Client) -> None:
    save_now(
        batch(
            make_span("a", attributes={"rare": 1, "common": 1}),
            make_span("b", attributes={"common": 2, "a key": 1, "service": "x"}),
        )
    )
    found = words(client)
    assert found[:2] == ["service", "name"]
    assert found.index("common") < found.index("rare")
    assert {'"a key"', '"service"', "service.name"} <= set(found)


def test_it_suggests_the_values_a_name_has(client: Client) -> None:
    resource = make_resource("shop", k8s_pod_name="pod-1")
    of_all_kinds = {"n": 1, "flag": True, "text": 'say "no"', "list": [1]}
    save_now(
        batch(
            make_span("agent run", resource=resource, attributes=of_all_kinds),
            make_span("other", resource=resource, attributes={"n": 2}),
            make_span("other", resource=resource, attributes={"n": 2}),
        )
    )
    assert words(client, "service") == ["shop"]
    assert words(client, "name") == ['"agent run"', "other"]
    assert words(client, "n") == ["*", "2", "1"]
    assert words(client, "span.flag") == ["*", "true"]
    assert words(client, "resource.k8s.pod.name") == ["*", "pod-1"]
    assert words(client, "text") == ["*", '"say \\"no\\""']
    assert words(client, "list") == ["*"]
    assert words(client, "duration") == []
    assert "error" in words(client, "status")


def test_every_suggested_value_can_be_read_back(client: Client) -> None:
    odd = ["and", "", "*", "a b", "a=b", '"', "back\\slash", "(", "x,y", "\u2728"]
    save_now(batch(*(make_span("run", attributes={"odd": value}) for value in odd)))
    for word in words(client, "odd")[1:]:
        assert not isinstance(read_filter(f"odd = {word} and name = run"), str)


def test_it_looks_at_the_newest_spans_and_says_how_many(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save_now(batch(*(make_span("run", start_ns=T0_NS + n, attributes={f"key{n}": n}) for n in range(3))))
    monkeypatch.setattr(filter_words, "MOST_SPANS", 1)
    assert Span.objects.count() == 3
    assert [word for word in words(client) if word.startswith("key")] == ["key2"]
    assert client.get("/traces/words/").json()["newest_spans"] > 0
