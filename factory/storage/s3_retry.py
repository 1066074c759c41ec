"""Retries of S3 requests: which errors are transient, how long we wait, and what we report when they persist.

botocore, s3fs and this module would all retry, and nested retries multiply. So theirs are switched off
(`object_store.py`) and ours are the only ones: they alone can tell a lost answer from a lost race.

Our messages never repeat those of the server or of botocore, which may quote keys and signatures.
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
DEADLINE_SECONDS = 180.0  # no attempt begins later than this; socket timeouts bound each attempt
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 8.0  # doubled each time, then multiplied by a random number below 1

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
    """The store refuses every object of ours: the bucket, the credentials or the permission is missing."""


_log = logging.getLogger(__name__)
_jitter = random.Random()  # not the global generator: workers that seed it alike would all retry at once


def retrying(path: str, endpoint: Callable[[], str], call: Callable[[], Result]) -> Result:
    """Return the result of `call`, which is tried again while its error is transient.

    Args:
        path: `s3://` URL of the object, for messages.
        endpoint: returns the server's address, for messages.
        call: makes one attempt.

    Raises:
        FileNotFoundError: the object does not exist.
        ValueError: the name of the bucket or of the object is invalid.
        Refused: the bucket is missing or refuses us; the message names the bucket and what to check.
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
    """Return the S3 error code, the HTTP status if the answer had no body, or the name of the error on the way."""
    code, status = _answer(error)
    return code or (str(status) if status else type(error).__name__)


def passes(error: Exception) -> bool:
    """Return whether the same request may succeed a little later."""
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
    """Return code and HTTP status of the server's answer, which s3fs keeps in the cause; ("", 0) without one."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if not isinstance(response, dict):
        return "", 0
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(response.get("Error", {}).get("Code", "")), int(status)


def _translate(error: Exception, path: str, endpoint: Callable[[], str]) -> Exception | None:
    """Return the error that the user should read instead of a lasting one; None if the error is not S3's."""
    import botocore.exceptions as broken

    code, status = _answer(error)
    bucket = path.split("/")[2]
    if isinstance(error, broken.ParamValidationError):
        return UserError(f"{path}: {bucket!r} is not a valid S3 bucket name, or the name in it is not a valid key")
    if isinstance(error, broken.BotoCoreError):  # missing or incomplete credentials, an unknown profile
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
