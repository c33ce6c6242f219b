"""Patterns for secrets of well-known shapes, by the name that REDACT_BUILTIN takes. RE2's syntax.

Before: somebody switches some of them on. After: `reading` compiles them with the patterns of their own.

Where a pattern has a group only the group is masked: of `Bearer abc...` the word stays, and says what was there.
Shapes of keys are those their issuers document; lengths are lower bounds, since issuers have made them longer before.
None has a part that runs to the end of a text and may fail there: found often in one long text, that would take the
square of its length.
"""

from __future__ import annotations

WORDS = "password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"

BUILTIN: dict[str, str] = {
    "bearer": r"(?i)\b(?:bearer|authorization\W{1,5}(?:basic|token))\s+([\w.~+/-]{16,}=*)",
    "jwt": r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    "aws": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|(?i:aws_?(?:secret_?access_?key|session_?token))\W{1,5}[\w/+]{20,}=*",
    "github": r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{22,}",
    "gitlab": r"\bgl(?:pat|ptt|rt|dt|cbt)-[\w-]{20,}",
    "openai": r"\bsk-[\w-]{20,}",  # and others that took its shape: sk-ant-..., sk-proj-...
    "google": r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}",
    "huggingface": r"\bhf_[A-Za-z0-9]{30,}",
    "slack": r"\bxox[abeoprs]-[\w-]{10,}",
    "stripe": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "private-key": (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?"
    ),
    "url-password": r"://[^/\s:@]*:([^/\s@]+)@",
    "assignment": rf"""(?i)(?:{WORDS})\\?["']?\s*[:=]\s*\\?["']?([^\s"'&,;\\]{{3,}})""",
    "email": r"[\w.%+-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}",
}
# Keys whose values are secrets whatever they look like: what REDACT_BUILTIN=keys adds to REDACT_KEYS.
KEYS = (
    *(
        "*password*",
        "*passwd*",
        "*passphrase*",
        "*secret",
        "*secret?key",
        "*secret?access?key",
        "*credential",
        "*credentials",
    ),
    *("*token", "*api?key", "*apikey", "*access?key", "*private?key", "*authorization", "*cookie", "*set?cookie"),
)
# Names for several of them.
SETS: dict[str, tuple[str, ...]] = {
    "secrets": (*(name for name in BUILTIN if name != "email"), "keys"),
    "all": (*BUILTIN, "keys"),
}
