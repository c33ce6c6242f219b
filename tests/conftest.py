"""Fixtures for all tests, and which of them a second database is worth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from collector import intern
from tests.server import Server, running_server

# On a busy machine making samples takes long; that says nothing about the code.
hypothesis_settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
hypothesis_settings.load_profile("busy")

# A test that uses one of these looks into a database, its own or a server's.
DATABASE_MARKERS = ("django_db", "server")
DATABASE_FIXTURES = {"db", "transactional_db", "server", "guarded_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only", action="store_true", help="only tests that touch a database: what a second one can break"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--database-only"):
        return
    config.hook.pytest_deselected(items=[item for item in items if not _touches_database(item)])
    items[:] = filter(_touches_database, items)


def _touches_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("one_database"):
        return False
    fixtures: list[str] = getattr(item, "fixturenames", [])
    marked = any(item.get_closest_marker(name) for name in DATABASE_MARKERS)
    return marked or not DATABASE_FIXTURES.isdisjoint(fixtures)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a file, as in real life: in memory, threads share a cache whose locks are other ones."""
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"]:
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """The test before this one was rolled back, and with it the rows whose ids the writer remembers."""
    intern.forget()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server that tests share: each brings data of its own and looks for that only."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks senders for a key, and lets the pages of one origin send."""
    variables = {"OTLP_API_KEY": "old-key,new-key", "OTLP_CORS_ORIGINS": "http://page.example"}
    with running_server(tmp_path_factory.mktemp("guarded"), **variables) as running:
        yield running
