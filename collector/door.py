"""What both doors do alike: ask for the key, hand the body to `ingest`, and name what went wrong.

Before: `http` or `grpc` has a whole body. After: it answers with the bytes, or with the `Refusal`, in its own manner.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from hmac import compare_digest
from itertools import cycle

from django.conf import settings

from collector.decode import DecodeError, Encoding, Signal, encode_success
from collector.gzip import BadGzip, TooLarge
from collector.ingest import Overloaded, Unavailable, ingest

log = logging.getLogger(__name__)

# google.rpc.Code, the numbers a Status carries.
INVALID_ARGUMENT = 3
NOT_FOUND = 5
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16

# Answers may be 4 MiB; a message that long helps nobody.
MAX_MESSAGE_LENGTH = 4_096

# Longer than 3 s loses data with newer exporters, whose attempts end after 10 s. Different, so that those turned away
# together do not come back together.
_retry_after_s = cycle((1, 2, 3))


class Refusal(Exception):
    """Why a request is not stored: a google.rpc code and a sentence; with `retry_after_s`, it may come again."""

    def __init__(self, code: int, sentence: str, retry_after_s: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence[:MAX_MESSAGE_LENGTH]
        self.retry_after_s = retry_after_s


def overloaded(sentence: str) -> Refusal:
    """The refusal that asks the sender to come again."""
    return Refusal(UNAVAILABLE, sentence, next(_retry_after_s))


def too_large() -> Refusal:
    """The refusal of a body over the limit, as sent or unpacked."""
    return Refusal(
        RESOURCE_EXHAUSTED,
        f"The body is over the limit of {settings.OTLP_MAX_BODY_BYTES} bytes (OTLP_MAX_BODY_BYTES, after unpacking):"
        " send smaller batches.",
    )


def check_key(api_keys: Iterable[str], authorizations: Iterable[str]) -> None:
    """Raises Refusal unless one of OTLP_API_KEY was presented, as x-otlp-api-key or as a bearer token."""
    if not settings.OTLP_API_KEY:
        return
    presented = [key.strip() for key in api_keys]
    for authorization in authorizations:
        scheme, _, credentials = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            presented.append(credentials.strip())
    if not presented:
        raise Refusal(UNAUTHENTICATED, "An API key is needed: send it as x-otlp-api-key or as a bearer token.")
    # Every pair is compared, so that the time taken tells nothing.
    matches = [compare_digest(key.encode(), known.encode()) for key in presented for known in settings.OTLP_API_KEY]
    if not any(matches):
        raise Refusal(PERMISSION_DENIED, "The API key is not one of ours.")


async def accept(signal: Signal, body: bytes, encoding: Encoding, *, packed: bool = False) -> bytes:
    """Stores one request, `packed` with gzip or not; returns the success answer, after the commit. Raises Refusal."""
    try:
        receipt = await ingest.submit(signal, body, encoding, packed=packed)
    except (DecodeError, BadGzip) as error:
        raise Refusal(INVALID_ARGUMENT, str(error)) from error
    except TooLarge as error:
        raise too_large() from error
    except (Overloaded, Unavailable) as error:
        raise overloaded(str(error)) from error
    except Exception as error:
        log.exception("storing %s failed", signal)
        raise Refusal(INTERNAL, "The server failed to store this request; its log says why.") from error
    return encode_success(signal, encoding, receipt.rejected, receipt.message[:MAX_MESSAGE_LENGTH])
