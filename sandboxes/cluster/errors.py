"""What can be between us and a cluster, each with a sentence for people."""

from __future__ import annotations

import orjson

MAX_WORDS = 300


class ClusterError(Exception):
    """Something between us and the cluster; its text is a sentence for people."""


class NoCluster(ClusterError):
    """No cluster is set up here, or it has no Agent Sandbox. A calm state: both may come later."""


class Unreachable(ClusterError):
    """The API server does not answer, or answers that it cannot now."""

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthorized(ClusterError):
    """The credentials have expired, or never were good."""


class Forbidden(ClusterError):
    """These credentials do not allow it."""


class NotServed(ClusterError):
    """The cluster knows no such resource, or cannot select by what was asked."""


class Expired(ClusterError):
    """410: that resourceVersion is too old, and only a new list helps."""


def error_of(status: int, text: bytes, what: str, retry_after: str) -> ClusterError:
    """The error for an answer's status, with the server's own words where it has some."""
    try:
        answer = orjson.loads(text)
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    words = words_of(message or f"{what} is answered with {status}")
    # A server whose data were put back to an earlier time would ask to wait for that version for ever.
    if status == 410 or "Too large resource version" in words:
        return Expired(words)
    if status == 401:
        return Unauthorized(f"the credentials are not taken: {words}")
    if status == 403:
        return Forbidden(words)
    if status in (400, 404, 405):
        return NotServed(words)
    return Unreachable(words, min(float(retry_after), 60) if retry_after.isdigit() else 0)


def words_of(error: object) -> str:
    """An error's first words, on one line: some of it is the server's text."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:MAX_WORDS]
