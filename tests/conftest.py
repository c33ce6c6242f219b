"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import Server, running_server


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
