"""The form of a test run: what a person, or a command line, asks for, checked, as a plan.

Before: a POST of /runs/new/, or the options of `manage.py run_sandboxes`. After: `sandboxes.runs.recording.ask`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from collector.redaction import MASK
from sandboxes.plans import Connection, Plan, Way

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
# Names that only the cluster's own DNS knows.
CLUSTER_SUFFIXES = (".svc", ".svc.cluster.local", ".cluster.local")
MAX_COMMANDS = 20
MAX_COMMAND_CHARS = 4_000
MAX_FILE_CHARS = 100_000
DAY_S = 86_400
NAMESPACE_OF: dict[str, str] = {Way.GATEWAY: "gateway_namespace", Way.TUNNEL: "router_namespace"}  # fields
WAYS = [
    (Way.TUNNEL.value, "kubectl tunnel to the router"),
    (Way.DIRECT.value, "URL of the router"),
    (Way.GATEWAY.value, "Gateway"),
    (Way.IN_CLUSTER.value, "In the cluster, Pod by Pod"),
]


def _is_name(value: str) -> None:
    if not NAME.fullmatch(value):
        raise ValidationError("A Kubernetes name: small letters, digits, - and . inside.")


class RunForm(forms.Form):
    """Every field of a plan. Messages say what would be right."""

    pool = forms.CharField(max_length=253, validators=[_is_name])
    namespace = forms.CharField(max_length=63, validators=[_is_name], initial="default")
    count = forms.IntegerField(min_value=1, initial=1)
    pace = forms.ChoiceField(choices=[("concurrency", "so many at a time"), ("rate", "so many a second")])
    concurrency = forms.IntegerField(min_value=1, max_value=500, initial=10, required=False)
    rate_per_s = forms.FloatField(min_value=0.01, max_value=100, required=False)
    ramp_s = forms.FloatField(min_value=0, max_value=3_600, initial=0, required=False)
    commands = forms.CharField(required=False, initial="echo {i}", strip=False)
    file_path = forms.CharField(max_length=500, required=False)
    file_content = forms.CharField(max_length=MAX_FILE_CHARS, required=False, strip=False)
    environment = forms.CharField(max_length=20_000, required=False)
    ready_timeout_s = forms.IntegerField(min_value=1, max_value=3_600, initial=180)
    command_timeout_s = forms.IntegerField(min_value=1, max_value=3_600, initial=60)
    time_to_live_s = forms.IntegerField(min_value=10, max_value=7 * DAY_S, initial=600)
    keep = forms.BooleanField(required=False)
    label = forms.CharField(max_length=63, required=False)
    way = forms.ChoiceField(choices=WAYS, initial=Way.TUNNEL.value)
    url = forms.CharField(max_length=1_000, required=False)
    gateway = forms.CharField(max_length=253, required=False)
    gateway_namespace = forms.CharField(max_length=63, initial="default", required=False)
    router_namespace = forms.CharField(max_length=63, initial="agent-sandbox-system", required=False)

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        if count > settings.RUNS_MAX_SANDBOXES:
            raise ValidationError(f"At most {settings.RUNS_MAX_SANDBOXES:,} (RUNS_MAX_SANDBOXES).")
        return count

    def clean_commands(self) -> tuple[str, ...]:
        commands = tuple(line for line in self.cleaned_data["commands"].splitlines() if line.strip())
        if len(commands) > MAX_COMMANDS:
            raise ValidationError(f"At most {MAX_COMMANDS} commands, one a line.")
        if any(len(command) > MAX_COMMAND_CHARS for command in commands):
            raise ValidationError(f"At most {MAX_COMMAND_CHARS:,} characters a command.")
        return commands

    def clean_environment(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["environment"].splitlines():
            if not line.strip():
                continue
            name, equals, value = line.partition("=")
            if not equals or not VARIABLE.fullmatch(name.strip()) or name.strip().startswith(".."):
                raise ValidationError(f"NAME=value, one a line; this is none: {line[:60]}")
            found[name.strip()] = value
        return found

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"]
        if not LABEL.fullmatch(label):
            raise ValidationError("Letters, digits, and - _ . between them: it becomes a label of every claim.")
        return label

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("pace") == "rate" and not cleaned.get("rate_per_s") and "rate_per_s" not in self.errors:
            self.add_error("rate_per_s", "How many a second?")
        if cleaned.get("pace") == "concurrency" and not cleaned.get("concurrency") and "concurrency" not in self.errors:
            self.add_error("concurrency", "How many at a time?")
        self._check_connection(cleaned)
        self._check_masks(cleaned)
        ready, live = cleaned.get("ready_timeout_s"), cleaned.get("time_to_live_s")
        if ready and live and live <= ready:
            self.add_error("time_to_live_s", "Longer than the ready time-out: else it expires while it is waited for.")
        return cleaned

    def _check_connection(self, cleaned: Mapping[str, Any]) -> None:
        way = cleaned.get("way")
        if way == Way.DIRECT and not is_allowed(cleaned.get("url", "")):
            self.add_error(
                "url",
                "http:// or https:// of this machine or of a Service in the cluster; others have to be named in"
                " RUNS_ALLOWED_URLS.",
            )
        if way == Way.GATEWAY and not NAME.fullmatch(cleaned.get("gateway", "")):
            self.add_error("gateway", "The name of the Gateway.")
        named = NAMESPACE_OF.get(way or "")
        if named and cleaned.get(named) and not NAME.fullmatch(cleaned[named]):
            self.add_error(named, "A Kubernetes name: small letters, digits and -.")

    def _check_masks(self, cleaned: Mapping[str, Any]) -> None:
        """A plan that was filled in from an earlier run may have lost what the run was made with."""
        for name in ("commands", "environment", "file_path", "file_content", "url"):
            if MASK in str(cleaned.get(name, "")):
                self.add_error(name, f"Part of it was masked and is not known any more: put it in the place of {MASK}.")

    def plan(self) -> Plan:
        """What was asked for. Only of a form that is valid."""
        given = self.cleaned_data
        by_rate = given["pace"] == "rate"
        return Plan(
            pool=given["pool"],
            namespace=given["namespace"],
            count=given["count"],
            concurrency=given["concurrency"] or given["count"],
            rate_per_s=given["rate_per_s"] if by_rate else None,
            ramp_s=given["ramp_s"] or 0,
            commands=given["commands"],
            file_path=given["file_path"],
            file_content=given["file_content"] if given["file_path"] else "",
            environment=given["environment"],
            ready_timeout_s=given["ready_timeout_s"],
            command_timeout_s=given["command_timeout_s"],
            time_to_live_s=given["time_to_live_s"],
            keep=given["keep"],
            label=given["label"],
            connection=Connection(
                Way(given["way"]),
                given["url"] if given["way"] == Way.DIRECT else "",
                given["gateway"] if given["way"] == Way.GATEWAY else "",
                given["gateway_namespace"] or "default",
                given["router_namespace"] or "agent-sandbox-system",
            ),
        )


def initial(plan: Plan) -> dict[str, Any]:
    """The form filled in with a plan: what `RunForm.plan` would make again."""
    members: dict[str, Any] = {name: getattr(plan, name) for name in RunForm.base_fields if hasattr(plan, name)}
    way = plan.connection
    return members | {
        "pace": "rate" if plan.rate_per_s else "concurrency",
        "commands": "\n".join(plan.commands),
        "environment": "\n".join(f"{name}={value}" for name, value in plan.environment.items()),
        "way": way.way.value,
        "url": way.url,
        "gateway": way.gateway,
        "gateway_namespace": way.gateway_namespace,
        "router_namespace": way.router_namespace,
    }


def is_allowed(url: str) -> bool:
    """Whether commands may be sent there: this machine, the cluster's own names, what RUNS_ALLOWED_URLS begins with.

    The dashboard sends requests to it: from a page of somebody else it must not lead into a network they cannot reach.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return False
    if any(_begins_with(url, allowed) for allowed in settings.RUNS_ALLOWED_URLS):
        return True
    if host == "localhost" or host.endswith(CLUSTER_SUFFIXES):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _begins_with(url: str, allowed: str) -> bool:
    """Not a comparison of texts alone: http://router.example must not allow http://router.example.evil."""
    return url == allowed or url.startswith(allowed if allowed.endswith("/") else f"{allowed}/")
