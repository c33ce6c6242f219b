"""Where there is no page: what a reader is told, in the frame of all others."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from collector.ingest import save_now
from tests.factories import batch, make_span, trace_id

pytestmark = pytest.mark.django_db


def told(answer: Any, status: int) -> str:
    """The words of its content; the frame is around it."""
    assert answer.status_code == status
    html = answer.content.decode()
    assert 'aria-label="Pages"' in html
    assert 'data-live-url="/ws/live/"' in html  # without one the frame hides the names of the pages
    content = html.partition('<main id="content">')[2].partition("</main>")[0]
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", content).split()))


@pytest.mark.parametrize("path", ["/nothing/", "/runs/1/2/3/", "/traces/%3Cb%3E/x/y/"])
def test_an_address_that_leads_nowhere_is_named_with_ways_on(client: Client, path: str) -> None:
    words = told(client.get(path), 404)
    assert words.startswith("There is no such page")
    assert "All claims" in words
    assert "Resolver404" not in words


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/runs/nothing/", "There is no run nothing"),
        ("/reports/run/nothing.html", "There is no run nothing"),
        ("/reports/claim/nothing.html", "There is no claim nothing"),
        (f"/traces/{trace_id(1)}.md", f"There is no trace {trace_id(1)}"),
    ],
)
def test_what_is_not_here_is_named(client: Client, path: str, missing: str) -> None:
    assert told(client.get(path), 404).startswith(missing)


def test_a_span_that_is_not_in_its_trace_is_named(client: Client) -> None:
    span = make_span("GET /")
    save_now(batch(span))
    answer = client.get(f"/traces/{span.trace_id}.md?span=0123456789abcdef")
    assert told(answer, 404).startswith("There is no span 0123456789abcdef")


def test_a_claim_that_is_not_here_keeps_the_frame(client: Client) -> None:
    assert told(client.get("/claims/nobody/"), 404).startswith("No claim with this uid is here")


def test_a_name_that_is_not_ours_is_told_which_setting_makes_it_so(client: Client) -> None:
    words = told(client.get("/claims/", headers={"host": "dashboard.example:8000"}), 400)
    assert "“dashboard.example:8000”" in words
    assert "DASHBOARD_ALLOWED_HOSTS" in words


def test_a_form_from_elsewhere_says_that_nothing_was_changed_and_why() -> None:
    words = told(Client(enforce_csrf_checks=True).post("/setup/clear/"), 403)
    assert words.startswith("Nothing was changed")
    assert "CSRF cookie not set" in words


def test_a_mistake_of_ours_leads_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret of the code")

    monkeypatch.setattr("dashboard.views.pools.overview", fail)
    words = told(Client(raise_request_exception=False).get("/pools/"), 500)
    assert "on the terminal" in words
    assert "secret of the code" not in words
