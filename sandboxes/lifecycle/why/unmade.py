"""A claim that never came to be: its client asked for it in vain. Plain Python.

Before: `correlate.reported` found the SDK's span that failed. After: the claim's page says what it says.
"""

from __future__ import annotations

from sandboxes.lifecycle.why.case import sentence
from sandboxes.records import Proof, Why


def creation_failed(span: str, message: str, end_ns: int) -> Why:
    """The span's own words; no cluster has any."""
    words = f"It was never made: {sentence(message)}" if message else "It was never made; its span does not say why."
    advice = "See whether the program reaches the API server from where it runs, and may create SandboxClaims there."
    return Why("creation failed", words, advice, Proof("span", span, "", message, end_ns))
