"""Claims in a real browser: they arrive by themselves, grow while they are open, and fit any screen."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Page, expect

from tests.sandboxes.recordings import watch_path
from tests.server import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

QUICKSTART = "80a424cc-f1da-4cb3-9d44-77fcd87ed0b3"
UNSCHEDULABLE = "43ff748b-89d6-444c-9617-c5af7bfbcc5c"


def bring(server: Server, path: Path) -> None:
    """Imports a file as anybody would, beside the running server."""
    command = [sys.executable, str(ROOT / "manage.py"), "import", str(path)]
    subprocess.run(command, env=server.environment, check=True, capture_output=True, timeout=120)


def open_claim(path: Path, uid: str, name: str = "", pool: str = "pool") -> Path:
    """A claim that was made a moment ago and that nothing has happened to since."""
    now_ns = time.time_ns()
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ns // 10**9))
    metadata = {
        "uid": uid,
        "name": name or uid,
        "namespace": "default",
        "resourceVersion": "1",
        "creationTimestamp": made,
    }
    claim = {
        "apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxClaim", "metadata": metadata,
        "spec": {"warmPoolRef": {"name": pool}},
    }  # fmt: skip
    line = {"received_unix_nano": now_ns, "resource": "sandboxclaims", "type": "ADDED", "object": claim}
    path.write_bytes(orjson.dumps(line) + b"\n")
    return path


def test_a_claim_appears_in_the_open_list_by_itself_and_opens(server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{server.pages_url}/claims/")
    expect(page.locator("[data-live-state]").first).to_have_text("Live")
    bring(server, open_claim(tmp_path / "claim.jsonl", "appears"))
    row = page.locator('[data-claim-uid="appears"]')
    expect(row).to_contain_text("Starting")
    row.locator("a.row-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("appears")


def test_an_open_claim_grows_with_the_clock(server: Server, page: Page, tmp_path: Path) -> None:
    bring(server, open_claim(tmp_path / "claim.jsonl", "grows"))
    page.goto(f"{server.pages_url}/claims/grows/")
    counted = page.locator(".number [data-counts]")
    before = counted.inner_text()
    expect(counted).not_to_have_text(before)
    bar = page.locator('[data-lane="objects"] [data-grows]').first
    width = bar.get_attribute("width")
    assert width is not None
    expect(bar).not_to_have_attribute("width", width)


def test_a_lane_stays_as_the_reader_left_it(server: Server, page: Page) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.goto(f"{server.pages_url}/claims/{QUICKSTART}/")
    events = page.locator('[data-lane="events"]')
    events.locator("summary").click()
    page.evaluate(
        "import(document.querySelector('script[src*=\"regions\"]').src).then((regions) => {"
        " delete document.getElementById('claim').dataset.version; return regions.fetchRegion('claim'); })"
    )
    expect(events).not_to_have_attribute("open", "")


@pytest.mark.parametrize("name", ["Compare", "Copy as Markdown"])
def test_what_has_the_focus_has_it_after_it_was_drawn_again(server: Server, page: Page, name: str) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.goto(f"{server.pages_url}/claims/{QUICKSTART}/")
    control = page.locator("#claim-head .actions").get_by_text(name, exact=True)
    control.evaluate(
        "(each) => { const pressed = each.closest('a, button'); pressed.focus(); pressed.before_it = true; }"
    )
    page.evaluate(
        "import(document.querySelector('script[src*=\"regions\"]').src).then((regions) => {"
        " delete document.getElementById('claim').dataset.version; return regions.fetchRegion('claim'); })"
    )
    page.wait_for_function("!document.activeElement.before_it")
    assert page.evaluate("document.activeElement.textContent.trim()") == name


def test_a_proof_leads_to_its_row(server: Server, page: Page) -> None:
    bring(server, watch_path("failures"))
    page.goto(f"{server.pages_url}/claims/{UNSCHEDULABLE}/")
    page.locator("a.badge", has_text="FailedScheduling").click()
    expect(page.locator(".row:target")).to_contain_text("FailedScheduling")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_scrolls_sideways(server: Server, page: Page, width: int, scheme: str) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in ("/claims/?range=all", f"/claims/{QUICKSTART}/", f"/claims/{QUICKSTART}/?view=life"):
        page.goto(server.pages_url + path)
        expect(page.get_by_text("sandbox-claim-16bf9384").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("width", [390, 1440])
def test_names_as_long_as_kubernetes_allows_stay_on_the_screen(
    server: Server, page: Page, tmp_path: Path, width: int
) -> None:
    for letter in "ab":
        bring(server, open_claim(tmp_path / "claim.jsonl", letter, letter * 253, f"pool-{letter * 248}"))
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/claims/a/", "/claims/compare/?a=a&b=b", "/claims/", "/pools/"):
        page.goto(server.pages_url + path)
        expect(page.get_by_text("aaaa").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        # What a panel would cut off could not be read anywhere.
        cut = (
            "(each) => each.getBoundingClientRect().right > innerWidth && getComputedStyle(each).overflow == 'visible'"
        )
        assert (
            page.locator(".sides td, .number p, .sentence, .crumb, h1").evaluate_all(f"(all) => all.some({cut})")
            is False
        )
    report = tmp_path / "report.html"
    report.write_bytes(page.request.get(f"{server.pages_url}/reports/claim/a.html").body())
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_markdown_is_copied(server: Server, page: Page) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.goto(f"{server.pages_url}/claims/{QUICKSTART}/")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "### SandboxClaim default/sandbox-claim-16bf9384" in page.evaluate("navigator.clipboard.readText()")


def test_dragging_over_the_times_shows_that_part_and_fit_shows_all(server: Server, page: Page) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.goto(f"{server.pages_url}/claims/{QUICKSTART}/")
    ruler = page.locator("[data-zoom-map]")
    whole_ns = ruler.get_attribute("data-whole-ns")
    assert whole_ns is not None
    box = ruler.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    expect(ruler).not_to_have_attribute("data-whole-ns", whole_ns)
    assert "zoom=" in page.url
    page.get_by_role("link", name="Fit").click()
    expect(ruler).to_have_attribute("data-whole-ns", whole_ns)
    assert "zoom=" not in page.url


def test_on_a_phone_a_row_is_two_lines_and_its_value_is_beside_its_name(server: Server, page: Page) -> None:
    bring(server, watch_path("quickstart-cold"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.pages_url}/claims/{QUICKSTART}/")
    row = page.locator('[data-lane="objects"] .row').last
    expect(row.locator("em")).to_contain_text("Ready +")
    name, bar = row.locator(".name").bounding_box(), row.locator(":scope > svg").bounding_box()
    assert name is not None
    assert bar is not None
    assert bar["y"] > name["y"] + 10
    assert abs(bar["width"] - name["width"]) < 2
