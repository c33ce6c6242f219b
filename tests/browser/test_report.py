"""A report is a file: opened from a disk, without a network, it draws its figures and asks for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.test_claims import QUICKSTART, bring
from tests.browser.test_traces import post, span
from tests.sandboxes.recordings import watch_path
from tests.server import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.server]

# A run over recorded claims, with a failure that names markup, made beside the server.
MAKE_RUN = """
from sandboxes.models import Claim, RunSandbox
from tests.sandboxes.runs.test_outcome import run_over
uid = run_over(list(Claim.objects.filter(time_to_ready_ns__isnull=False)[:6]))
hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
RunSandbox.objects.filter(run__uid=uid, number=1).update(state="failed", error=hostile, error_type=hostile)
"""


def manage(server: Server, *command: str) -> bytes:
    arguments = [sys.executable, str(ROOT / "manage.py"), *command]
    return subprocess.run(arguments, env=server.environment, check=True, capture_output=True, timeout=120).stdout


@pytest.fixture
def files(fresh_server: Server, tmp_path: Path) -> list[Path]:
    """The reports of a run, of a claim and of all there is."""
    for scenario in ("burst-drained", "quickstart-cold"):
        bring(fresh_server, watch_path(scenario))
    post(fresh_server, span("</script><img src=x onerror=alert(1)>", os.urandom(16)))
    manage(fresh_server, "shell", "-c", MAKE_RUN)
    paths = []
    for which in (["run", "1"], ["claim", QUICKSTART], ["range"]):
        paths.append(tmp_path / f"{which[0]}.html")
        paths[-1].write_bytes(manage(fresh_server, "report", *which))
    return paths


def test_it_opens_from_a_disk_with_the_network_off(files: list[Path], browser: Browser) -> None:
    for theme, width in (("light", 1440), ("dark", 390)):
        for path in files:
            look_at(path, browser, theme, width)


def look_at(path: Path, browser: Browser, theme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        offline=True,
    )
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    figures = page.locator("[data-figure]")
    expect(page.locator("[data-figure][data-drawn]")).to_have_count(figures.count())
    expect(page.locator("[data-figure][data-drawn] .main-svg").first).to_be_visible()
    page.locator("[data-theme-toggle]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark" if theme == "light" else "light")
    assert figures.count() > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    context.close()
    assert found.violations_count == 0, found.generate_report()
