"""A NUL where a text is asked for: PostgreSQL takes none. What is at such an address is nothing, on both databases."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from sandboxes.models import Run
from sandboxes.plans import Plan
from sandboxes.runs import recording

pytestmark = pytest.mark.django_db

MISSING = [
    "/claims/a%00b/",
    "/runs/a%00b/",
    "/traces/a%00b/",
    "/reports/claim/a%00b.html",
    "/reports/run/a%00b.html",
    "/api/v1/claims/a%00b",
    "/api/v1/runs/a%00b",
]


@pytest.fixture(autouse=True)
def watching(settings: Settings) -> None:
    settings.DASHBOARD_CLUSTER = "auto"


@pytest.fixture
def run_id() -> str:
    return recording.ask(Plan("pool"), "a test")


@pytest.mark.parametrize("path", MISSING)
def test_nothing_is_at_an_address_with_a_nul(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_no_run_is_named_by_one(client: Client, run_id: str) -> None:
    assert client.get("/runs/new/", {"again": "\0"}).status_code == 200
    assert client.get(f"/runs/{run_id}/", {"with": "\0"}).status_code == 200
    assert client.post(f"/runs/{run_id}/compare/", {"with": "\0"}).status_code == 404
    assert client.post("/runs/compare/", {"two": [run_id, "\0"]}).status_code == 400


def test_a_note_is_kept_without_it(client: Client, run_id: str) -> None:
    assert client.post(f"/runs/{run_id}/note/", {"note": "fast\0er"}).status_code == 302
    assert Run.objects.get(uid=run_id).note == "fast\ufffder"
