"""Pools in a real browser: they change by themselves, lead to their claims, fit any screen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_claims import bring
from tests.sandboxes.recordings import watch_path
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.server]


def changed_pool(path: Path, name: str, version: int, ready: int) -> Path:
    """A pool of two with so many ready now."""
    metadata = {"uid": f"uid-{name}", "name": name, "namespace": "default", "resourceVersion": str(version)}
    pool: dict[str, Any] = {
        "apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxWarmPool", "metadata": metadata,
        "spec": {"replicas": 2, "sandboxTemplateRef": {"name": "none"}}, "status": {"readyReplicas": ready},
    }  # fmt: skip
    line = {"received_unix_nano": time.time_ns(), "resource": "sandboxwarmpools", "type": "MODIFIED", "object": pool}
    path.write_bytes(orjson.dumps(line) + b"\n")
    return path


def test_an_open_page_follows_what_is_ready(server: Server, page: Page, tmp_path: Path) -> None:
    bring(server, changed_pool(tmp_path / "before.jsonl", "follows", 1, ready=2))
    page.goto(f"{server.pages_url}/pools/")
    row = page.locator('[data-pool="follows"]')
    expect(row).to_contain_text("2 / 2")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    bring(server, changed_pool(tmp_path / "after.jsonl", "follows", 2, ready=1))
    expect(row).to_contain_text("1 / 2")


def test_a_pool_leads_to_its_claims(server: Server, page: Page) -> None:
    bring(server, watch_path("burst-drained"))
    page.goto(f"{server.pages_url}/pools/?range=all&q=simple-sandbox-pool")
    page.locator('[data-pool="simple-sandbox-pool"] a.row-link').click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Claims")
    expect(page.get_by_role("combobox", name="Pool")).to_have_value("simple-sandbox-pool")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_axe_finds_nothing_and_no_screen_scrolls_sideways(server: Server, page: Page, theme: str, width: int) -> None:
    bring(server, watch_path("burst-drained"))
    bring(server, watch_path("failures"))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{server.pages_url}/pools/?range=all")
    expect(page.get_by_role("heading", name="Templates")).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


# No table is wider than its place, and no name narrower than 150 px. Rows that are held back are not on the screen.
FITS = """() => {
  const names = [...document.querySelectorAll("tbody td.main.stretch")].filter((cell) => cell.checkVisibility());
  const tables = [...document.querySelectorAll(".table-wrap > table")];
  return names.length && names.every((cell) => cell.clientWidth > 150)
    && tables.every((table) => table.scrollWidth <= table.parentElement.clientWidth);
}"""


@pytest.mark.parametrize("path", ["/pools/?range=all", "/claims/?range=all"])
def test_between_a_phone_and_a_large_screen_names_can_be_read_and_no_column_is_cut_off(
    server: Server, page: Page, path: str
) -> None:
    bring(server, watch_path("burst-drained"))
    for width in (701, 901, 1101, 1201, 1301, 1381):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(server.pages_url + path)
        expect(page.locator("#rows tbody tr").first).to_be_visible()
        page.wait_for_function(FITS)  # and not only at once: a list that is being drawn again is measured again
