"""Claims in templates: lengths of stages with what is known of them, states as icons."""

from __future__ import annotations

from django import template

from dashboard.templatetags.formats import duration
from sandboxes.records import SECOND, Stage

register = template.Library()

ICONS = {"stuck": "warning", "failed": "error"}  # all others are called as the state is
SDK_PREFIX = "sandbox-claim-"
CHIPS = {"stuck": "warning", "failed": "error", "ready": "ready"}


@register.filter
def stage_length(stage: Stage) -> str:
    """14 ms, < 1 ms, ≤ 10 ms, ~1 s: never surer than the clocks of both ends."""
    if stage.lower_ns == 0 and stage.upper_ns > 0:
        return f"≤ {duration(stage.upper_ns)}" if stage.precision_ns < SECOND else f"< {duration(stage.upper_ns)}"
    if stage.precision_ns >= SECOND:
        return f"~{duration(stage.duration_ns, stage.precision_ns)}"
    return duration(stage.duration_ns, stage.precision_ns)


@register.filter
def state_icon(state: str) -> str:
    return ICONS.get(state, state)


@register.filter
def state_class(state: str) -> str:
    """The class of its chip or word."""
    return CHIPS.get(state, "")


@register.filter
def claim_name(name: str) -> str:
    """A claim's name where there is little room: the SDK's all begin alike, and end in what tells them apart."""
    return name.removeprefix(SDK_PREFIX) or name


@register.filter
def from_zero(ns: int, zero_ns: int) -> str:
    """A moment on the claim's axis: +39 ms, or minus 2.9 s."""
    return f"+{duration(ns - zero_ns)}" if ns >= zero_ns else f"−{duration(zero_ns - ns)}"  # noqa: RUF001 - a minus
