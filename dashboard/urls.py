"""The site map."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from dashboard.api import api
from dashboard.views.bundle import bundle
from dashboard.views.charts import chart
from dashboard.views.claim import claim
from dashboard.views.claims import claims
from dashboard.views.compare import compare_claims, compare_traces
from dashboard.views.compare_ranges import compare_ranges
from dashboard.views.export import export
from dashboard.views.filter_words import filter_words
from dashboard.views.health import healthz, readyz
from dashboard.views.home import home
from dashboard.views.login import login
from dashboard.views.logs import logs
from dashboard.views.metrics import metrics
from dashboard.views.pools import pools
from dashboard.views.report import report_of_claim, report_of_range, report_of_run
from dashboard.views.run import annotate_run, cancel_run, compare_run, run
from dashboard.views.runs import compare_runs, new_run, runs
from dashboard.views.setup import clear_everything, import_telemetry, setup
from dashboard.views.trace import trace
from dashboard.views.trace_markdown import trace_markdown
from dashboard.views.traces import traces

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("compare/", compare_ranges, name="compare_ranges"),
    path("claims/", claims, name="claims"),
    path("claims/compare/", compare_claims, name="compare_claims"),
    path("claims/<path:uid>/", claim, name="claim"),
    path("traces/", traces, name="traces"),
    path("traces/words/", filter_words, name="filter_words"),
    path("traces/compare/", compare_traces, name="compare_traces"),
    path("traces/<str:trace_id>/", trace, name="trace"),
    path("traces/<str:trace_id>.md", trace_markdown, name="trace_markdown"),
    path("metrics/", metrics, name="metrics"),
    path("logs/", logs, name="logs"),
    path("pools/", pools, name="pools"),
    path("runs/", runs, name="runs"),
    path("runs/new/", new_run, name="new_run"),
    path("runs/compare/", compare_runs, name="compare_runs"),
    path("runs/<str:uid>/", run, name="run"),
    path("runs/<str:uid>/cancel/", cancel_run, name="cancel_run"),
    path("runs/<str:uid>/note/", annotate_run, name="annotate_run"),
    path("runs/<str:uid>/compare/", compare_run, name="compare_run"),
    path("reports/run/<str:uid>.html", report_of_run, name="run_report"),
    path("reports/claim/<path:uid>.html", report_of_claim, name="claim_report"),
    path("reports/range.html", report_of_range, name="range_report"),
    path("setup/", setup, name="setup"),
    path("setup/import/", import_telemetry, name="setup_import"),
    path("setup/clear/", clear_everything, name="setup_clear"),
    path("login/", login, name="login"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", RedirectView.as_view(pattern_name="api-1:openapi-json")),
    path("api/v1/", api.urls),
    path("charts/<name>.json", chart, name="chart"),
    path("export/<name>.csv", export, name="export"),
    path("export/<kind>.bundle", bundle, name="bundle"),
]

handler400 = "dashboard.views.failed.bad_request"
handler404 = "dashboard.views.failed.not_found"
handler500 = "dashboard.views.failed.failed"
