"""Settings that cannot work together are found at start."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings


def found() -> set[str]:
    return {message.id for message in run_checks() if message.id and message.id.startswith("dashboard.")}


def test_as_it_comes_nothing_is_wrong() -> None:
    assert found() == set()


@pytest.mark.parametrize(("workers", "redis", "expected"), [("2", "", {"dashboard.E001"}), ("2", "redis://x", set())])
def test_several_processes_need_redis(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, workers: str, redis: str, expected: set[str]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    settings.REDIS_URL = redis
    assert found() == expected


@pytest.mark.parametrize(
    ("host", "token", "expected"),
    [("127.0.0.1", "", set()), ("0.0.0.0", "secret", set()), ("0.0.0.0", "", {"dashboard.E003"})],
)
def test_agents_beyond_this_machine_need_a_token(settings: Settings, host: str, token: str, expected: set[str]) -> None:
    settings.MCP_HOST, settings.DASHBOARD_TOKEN = host, token
    assert found() == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://x.example/sub", set()), ("x.example/sub", {"dashboard.E002"}), ("/sub", {"dashboard.E002"})],
)
def test_the_public_address_is_whole(settings: Settings, url: str, expected: set[str]) -> None:
    settings.DASHBOARD_PUBLIC_URL = url
    assert found() == expected
