"""Which S3 errors pass by themselves, how long we wait for that, and what we say when they do not.

botocore, s3fs and we would all retry, and nested retries multiply. So theirs are switched off (`object_store.py`)
and these are the only ones: they alone can tell a lost answer from a lost race.

No message of ours repeats one of the server or of botocore: those may quote keys and signatures.
"""

from __future__ import annotations

import errno
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from difffas.errors import UserError

ATTEMPTS = 20
DEADLINE_SECONDS = 180.0  # no further attempt begins after it; one attempt is bounded by the socket timeouts
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 8.0  # doubled each time, then multiplied with a random number below 1

PASSING_CODES = frozenset(
    {
        *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestTimeoutException", "BadDigest"),
        *("Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded"),
        *("IncompleteBody", "XAmzContentSHA256Mismatch", "ConditionalRequestConflict", "OperationAborted"),
    }
)
REFUSING_CODES = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"})
REGION_CODES = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})

Result = TypeVar("Result")


class Refused(UserError):
    """The store will have nothing of ours, whatever the object: no bucket, no credentials, no permission."""


_log = logging.getLogger(__name__)
_jitter = random.Random()  # not the global generator: workers that seed it alike would come back all at once


def retrying(path: str, endpoint: Callable[[], str], call: Callable[[], Result]) -> Result:
    """Result of `call`, tried again while its error is one that passes.

    Args:
        path: `s3://` URL of what is wanted, for messages.
        endpoint: where the server is, for messages.
        call: one attempt.

    Raises:
        FileNotFoundError: there is no such object.
        ValueError: the name is none. Refused, which is one: the bucket is not there or refuses us; names the bucket
            and what to check.
        OSError: the error did not pass within `ATTEMPTS` and `DEADLINE_SECONDS`, or is of another kind.
    """
    began = time.monotonic()
    attempt = 1
    while True:
        try:
            return call()
        except Exception as error:
            if not passes(error):
                if (final := _translate(error, path, endpoint)) is None:
                    raise
                raise final from None
            wait = _jitter.random() * min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
            seconds = time.monotonic() - began
            if attempt >= ATTEMPTS or seconds + wait > DEADLINE_SECONDS:
                tried = f"gave up after {attempt} attempts in {seconds:.0f} s, the last ended in {code_of(error)}"
                raise OSError(errno.EIO, f"{path} at {endpoint()}: {tried}") from None
            _log.info("%s: %s, attempt %d again in %.1f s", path, code_of(error), attempt, wait)
        time.sleep(wait)
        attempt += 1


def code_of(error: BaseException) -> str:
    """The S3 error code (or HTTP status, where the answer had no body), or the name of what broke on the way."""
    code, status = _answer(error)
    return code or (str(status) if status else type(error).__name__)


def passes(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    import aiohttp
    import botocore.exceptions as broken
    import botocore.parsers
    import urllib3.exceptions

    code, status = _answer(error)
    if status or code:
        return (
            code in PASSING_CODES or status in (408, 429) or (status >= 500 and code not in ("NotImplemented", "501"))
        )
    return isinstance(
        error,
        (
            *(ConnectionError, TimeoutError, EOFError, aiohttp.ClientError, urllib3.exceptions.HTTPError),
            *(broken.HTTPClientError, broken.ConnectionError, broken.IncompleteReadError, broken.ChecksumError),
            *(broken.FlexibleChecksumError, broken.MetadataRetrievalError, broken.CredentialRetrievalError),
            botocore.parsers.ResponseParserError,
        ),
    )


def _answer(error: BaseException) -> tuple[str, int]:
    """Error code and HTTP status of the server's answer; ("", 0) if there was none. s3fs keeps it in the cause."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if not isinstance(response, dict):
        return "", 0
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(response.get("Error", {}).get("Code", "")), int(status)


def _translate(error: Exception, path: str, endpoint: Callable[[], str]) -> Exception | None:
    """What the user should read in the place of an error that does not pass; None if it is not one of S3."""
    import botocore.exceptions as broken

    code, status = _answer(error)
    bucket = path.split("/")[2]
    if isinstance(error, broken.ParamValidationError):
        return UserError(f"{path}: {bucket!r} is no valid S3 bucket name, or the name in it no valid key")
    if isinstance(error, broken.BotoCoreError):  # no credentials, half of them, an unknown profile
        return Refused(
            f"{path} cannot be reached ({type(error).__name__}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE"
        )
    if not status and not code:
        return None
    where = f"bucket {bucket!r} at {endpoint()}"
    if code == "NoSuchBucket":
        return Refused(f"{path}: there is no {where}: create it, or check the name and AWS_ENDPOINT_URL")
    if status == 404:
        return FileNotFoundError(errno.ENOENT, "no such object", path)
    if code in REGION_CODES or status in (301, 307):
        return Refused(f"{path}: {where} is in another region ({code}): check AWS_DEFAULT_REGION")
    if status in (401, 403) or code in REFUSING_CODES:
        return Refused(
            f"{path}: {where} refused access ({code}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, what they "
            "permit, and AWS_ENDPOINT_URL"
        )
    if status == 501:
        return Refused(f"{path}: {where} has no create-only PUT (If-None-Match): use a server that has")
    return OSError(errno.EIO, f"{path}: {where} answered {code} ({status})")
