"""Retries: which errors are transient, how long we wait, and what is said when they persist."""

from __future__ import annotations

import time
import traceback

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ProfileNotFound,
)

from factory.storage import s3_retry


def server_error(code: str, status: int) -> OSError:
    """As s3fs raises it: its own OSError with botocore's error, which holds the answer, for a cause."""
    error = OSError(22, "secret words of the server")
    error.__cause__ = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )
    return error


@pytest.mark.parametrize(
    "error",
    [
        *(server_error("SlowDown", 503), server_error("InternalError", 500), server_error("500", 500)),
        *(server_error("RequestTimeout", 400), server_error("429", 429), server_error("OperationAborted", 409)),
        *(ConnectionResetError(), TimeoutError(), aiohttp.ClientPayloadError(), HTTPClientError(error="x")),
        *(EndpointConnectionError(endpoint_url="x"), IncompleteReadError(actual_bytes=1, expected_bytes=2)),
    ],
    ids=s3_retry.code_of,
)
def test_errors_that_pass(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    errors = [error, error]

    def call() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert s3_retry.retrying("s3://bucket/x", lambda: "here", call) == "done"


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (server_error("NoSuchKey", 404), FileNotFoundError, "no such object: 's3://bucket/x'"),
        (server_error("404", 404), FileNotFoundError, "no such object"),
        (server_error("NoSuchBucket", 404), s3_retry.Refused, "there is no bucket 'bucket' at here: create it"),
        (
            server_error("AccessDenied", 403),
            s3_retry.Refused,
            r"'bucket' at here refused access \(AccessDenied\): check AWS_",
        ),
        (server_error("ExpiredToken", 400), s3_retry.Refused, r"refused access \(ExpiredToken\)"),
        (server_error("PermanentRedirect", 301), s3_retry.Refused, "check AWS_DEFAULT_REGION"),
        (server_error("NotImplemented", 501), s3_retry.Refused, "has no create-only PUT"),
        (server_error("InvalidRequest", 400), OSError, r"at here answered InvalidRequest \(400\)"),
        (server_error("PreconditionFailed", 412), OSError, "answered PreconditionFailed"),
        (NoCredentialsError(), s3_retry.Refused, "set AWS_ACCESS_KEY_ID"),
        (ProfileNotFound(profile="x"), s3_retry.Refused, "AWS_PROFILE"),
    ],
)
def test_errors_that_do_not_pass(error: Exception, becomes: type[Exception], says: str) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(becomes, match=says) as caught:
        s3_retry.retrying("s3://bucket/x", lambda: "here", call)
    assert len(calls) == 1
    assert type(caught.value) is becomes
    assert "secret words" not in "".join(traceback.format_exception(caught.value))


def test_waits_grow_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    def fail() -> None:
        raise ConnectionResetError

    with pytest.raises(OSError, match="20 attempts"):
        s3_retry.retrying("s3://bucket/x", lambda: "here", fail)
    assert len(waits) == s3_retry.ATTEMPTS - 1 == len(set(waits))
    assert all(0 <= wait <= min(8.0, 0.1 * 2**i) for i, wait in enumerate(waits))
    assert max(waits) > 1


def test_an_error_of_ours_is_no_fault_of_the_server() -> None:
    with pytest.raises(ZeroDivisionError):
        s3_retry.retrying("s3://bucket/x", lambda: "here", lambda: 1 / 0)
