"""Who may look: the token, the login, and where a websocket may come from."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import signing
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.access import COOKIE, SALT, origin_allowed, websocket_user_allowed

TOKEN = "correct horse battery staple"


@pytest.fixture
def token(settings: Settings) -> str:
    settings.DASHBOARD_TOKEN = TOKEN
    return TOKEN


def scope(**headers: str) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


def test_it_lets_everybody_in_when_no_token_is_set(db: None, client: Client) -> None:
    assert client.get("/api/v1/status").status_code == 200


def test_it_leads_a_browser_without_the_token_to_the_login_and_back(db: None, token: str, client: Client) -> None:
    answer = client.get("/traces/?range=all", headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=%2Ftraces%2F%3Frange%3Dall")
    answer = client.post("/login/", {"token": token, "next": "/traces/?range=all"})
    assert (answer.status_code, answer["Location"]) == (302, "/traces/?range=all")
    assert client.get("/api/v1/status").status_code == 200


def test_it_answers_401_to_anything_but_a_browser(token: str, client: Client) -> None:
    answer = client.get("/api/v1/status")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert "token" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/login/"])
def test_it_keeps_health_and_login_open(token: str, client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_it_takes_the_token_as_a_bearer_token(db: None, token: str, client: Client, scheme: str) -> None:
    assert client.get("/api/v1/status", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer ", "Basic " + TOKEN, "Bearer ünïcode"])
def test_it_refuses_what_is_not_the_token(token: str, client: Client, authorization: str) -> None:
    assert client.get("/api/v1/status", headers={"Authorization": authorization}).status_code == 401


def test_it_says_that_a_token_is_wrong_at_the_field(token: str, client: Client) -> None:
    answer = client.post("/login/", {"token": "wrong"})
    assert answer.status_code == 403
    assert "That is not the token" in answer.content.decode()
    assert COOKIE not in client.cookies


def test_the_printed_login_url_logs_in_and_takes_the_token_out_of_the_address(token: str, client: Client) -> None:
    answer = client.get("/login/", {"token": token})
    assert (answer.status_code, answer["Location"]) == (302, "../")
    assert TOKEN not in client.cookies[COOKIE].value


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_never_leads_to_another_site(token: str, client: Client, wanted: str) -> None:
    assert client.post("/login/", {"token": token, "next": wanted})["Location"] == "../"


def test_another_token_logs_everybody_out(db: None, token: str, client: Client, settings: Settings) -> None:
    client.post("/login/", {"token": token})
    settings.DASHBOARD_TOKEN = "another"
    assert client.get("/api/v1/status").status_code == 401


def test_it_refuses_a_cookie_that_somebody_made_up(token: str, client: Client) -> None:
    client.cookies[COOKIE] = signing.dumps("made up", salt=SALT)
    assert client.get("/api/v1/status").status_code == 401
    client.cookies[COOKIE] = "nonsense"
    assert client.get("/api/v1/status").status_code == 401


def test_a_websocket_needs_the_token_too(token: str, client: Client) -> None:
    assert not websocket_user_allowed(scope())
    assert websocket_user_allowed(scope(authorization=f"Bearer {token}"))
    client.post("/login/", {"token": token})
    assert websocket_user_allowed(scope(cookie=f"other=1; {COOKIE}={client.cookies[COOKIE].value}"))


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("localhost:8000", "http://localhost:8000", True),
        ("127.0.0.1:8000", "", True),  # no browser
        ("127.0.0.1:8000", "http://evil.example", False),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", False),
        ("127.0.0.1:8000", "null", False),
        ("evil.example:8000", "http://evil.example:8000", False),  # a name that merely resolves to us
        ("127.0.0.1:8000", "https://dashboard.example", True),  # the public address
    ],
)
def test_a_websocket_is_taken_from_our_own_pages_only(
    settings: Settings, host: str, origin: str, allowed: bool
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://dashboard.example"]
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert origin_allowed(scope(**headers)) is allowed
