"""What a page fetches again of static files: nothing, until one of them changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_traces import post, span
from tests.server import ROOT, Server, running

pytestmark = [pytest.mark.browser, pytest.mark.server]


class Fetched:
    """The URLs a page got from the server rather than from its cache."""

    def __init__(self, page: Page) -> None:
        self._urls: dict[str, str] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.responseReceived", self._received)
        session.on("Network.requestServedFromCache", self._kept)
        session.on("Network.requestWillBeSent", self._sent)
        session.send("Network.enable")

    def _sent(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _kept(self, event: dict[str, Any]) -> None:
        self._urls.pop(event["requestId"], None)

    def _received(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self._kept(event)

    def taken(self) -> list[str]:
        """Those since the last time."""
        urls, self._urls = [url for url in self._urls.values() if url.startswith("http")], {}
        return urls


def test_neither_a_redraw_nor_a_second_visit_fetches_a_static_file(server: Server, page: Page) -> None:
    fetched = Fetched(page)
    root = span("root", os.urandom(16))
    post(server, root, span("early", root.trace_id, root, 1, 1))
    url = f"{server.pages_url}/traces/{root.trace_id.hex()}/"
    page.goto(url, wait_until="networkidle")
    assert any("/js/live.js" in one for one in fetched.taken())
    late = span("late", root.trace_id, root, 1, 1)
    post(server, late)
    expect(page.locator(f'[data-span-id="{late.span_id.hex()}"]')).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert {one for one in fetched.taken() if one != url} == set()
    page.goto(url, wait_until="networkidle")
    assert [one for one in fetched.taken() if one != url] == []
    page.goto(f"{server.pages_url}/logs/", wait_until="networkidle")
    assert [one.rpartition("/")[2] for one in fetched.taken() if "/static/" in one] == ["logs.css", "logs.js"]


def test_after_an_upgrade_the_new_files_are_loaded_and_imported(tmp_path: Path, page: Page) -> None:
    """A checkout of its own, upgraded under its running server."""
    checkout, data = tmp_path / "checkout", tmp_path / "data"
    data.mkdir()
    for name in ("collector", "sandboxes", "dashboard", "templates", "static", "demo"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", checkout)
    made = Server(data)
    made.root = checkout
    with running(made) as server:
        fetched = Fetched(page)
        page.goto(f"{server.pages_url}/logs/", wait_until="networkidle")
        assert page.evaluate("getComputedStyle(document.body).outlineWidth") != "7px"
        fetched.taken()
        with (checkout / "static/css/tokens.css").open("a") as css:
            css.write("\nbody { outline: 7px none; }\n")
        with (checkout / "static/js/live.js").open("a") as script:  # which is imported, not named by the page
            script.write('\ndocument.documentElement.dataset.upgraded = "yes";\n')
        page.wait_for_timeout(1_100)  # so long a version may be taken for the present one
        page.goto(f"{server.pages_url}/logs/", wait_until="networkidle")
        expect(page.locator("html[data-upgraded=yes]")).to_be_attached()
        versions = {one.split("/")[4] for one in fetched.taken() if "/static/" in one}
        assert len(versions) == 1
        page.goto(f"{server.pages_url}/logs/", wait_until="networkidle")
        assert [one for one in fetched.taken() if "/static/" in one] == []
