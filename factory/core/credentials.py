"""Credentials are refused in what people write and masked in what we print; they are never repeated.

Credentials are users and passwords in URLs (`s3://key:secret@bucket`), signatures and tokens in the queries of URLs
(presigned URLs, Azure's SAS), connection strings, and values that this process's environment holds under a name such
as AWS_SECRET_ACCESS_KEY; percent-encoded or not.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable

from difffas.errors import UserError

MASK = "***"
REFUSAL = (
    "a URL with credentials in it; leave them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a "
    "role"
)
_SHORTEST = 12  # characters of a secret in the environment: `test` or `true` would mask half of a line

_COLON, _SLASH, _AT = r"(?::|%(?:25)*3a)", r"(?:\\{0,4}/|%(?:25)*2f)", r"(?:@|%(?:25)*40)"
_NAMES = (
    r"x-(?:amz|goog|oss|cos)-(?:signature|credential|security-token)|awsaccesskeyid|googleaccessid|ossaccesskeyid"
    r"|signature|sig|[\w-]{0,32}token|api[-_]?key|access[-_]?key(?:[-_]?id)?|account[-_]?key|shared[-_]?access[-_]?\w+"
    r"|[\w-]{0,32}secret[\w-]{0,32}|password|passwd|pwd|auth|authorization|credentials?|key"
)
_SCHEME = rf"[a-z][a-z0-9+.-]{{0,31}}{_COLON}"
# The first group of each pattern is the part that may stay. A quote ends a URL, so that JSON stays valid; every repeat
# is bounded, so that matching takes little time on any line.
_BEFORE_AT = tuple(  # within a word that has an @; to look through the others would take much longer
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # The text before the last @ of the authority, by RFC 3986.
        rf"({_SCHEME}{_SLASH}{{2,8}})(?:(?!{_SLASH})[^\s\"?#]){{0,4096}}{_AT}",
        # A password that contains / or ?, which by the RFC start the path or the query. Python's paths turn // into /.
        rf"({_SCHEME}{_SLASH}{{1,8}})(?:(?!{_SLASH}|{_COLON}|{_AT})[^\s\"]){{1,256}}{_COLON}[^\s\"]{{0,4096}}{_AT}",
        # Without a scheme.
        r"((?:^|[\s=,;:'\"(\[]|//))[\w.+%~-]{1,256}:(?!\*\*\*@)[^\s/@:\"]{1,4096}@(?=[\w.-]{1,256}(?::\d+)?/)",
    )
)
_ELSEWHERE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"((?:[?&;#]|%3f|%26|%23)(?:{_NAMES})(?:=|%3d))[^&;\s\"'#]+",
        r"((?:\b|^)(?:account[-_]?key|shared[-_]?access[-_]?(?:key|signature)|aws_secret_access_key)\s?[=:]\s?)[^&;\s\"'#]+",
        r"(\bbearer\s+)[\w.~+/=-]{8,}",
    )
)
_WORDS, _HAS_AT = re.compile(r"([\s\"]+)"), re.compile(_AT, re.IGNORECASE)
_SECRET_NAME = re.compile(r"(?i)secret|token$|password|passwd|api_?key|account_?key|sas_?key|connection_string")


def hide(text: str) -> str:
    """Return `text` with every credential masked; text without credentials is returned unchanged."""
    if _HAS_AT.search(text):
        text = "".join(_users_hidden(word) if _HAS_AT.search(word) else word for word in _WORDS.split(text))
    for pattern in _ELSEWHERE:
        text = pattern.sub(_masked, text)
    for secret in _of_environment():
        text = text.replace(secret, MASK)
    return text


def held(text: str) -> bool:
    """Return whether `text` contains credentials."""
    return hide(text) != text


def refuse_arguments(arguments: Iterable[str]) -> None:
    """Raise UserError if a command line holds credentials; the message does not repeat them."""
    for argument in arguments:
        if held(argument):
            key, equals, _ = argument.partition("=")
            setting = equals and not key.startswith("-") and not held(f"{key}=")
            what = f"config key {hide(key)!r}" if setting else f"argument {hide(argument)!r}"
            raise UserError(f"{what}: {REFUSAL}")


def _users_hidden(word: str) -> str:
    for pattern in _BEFORE_AT:
        word = pattern.sub(_masked, word)
    return word


def _masked(match: re.Match[str]) -> str:
    """Return the part of a match that may stay, the mask, and the @ which shows that something stood there."""
    at = "@" if match.group().endswith("@") else ""
    return f"{match[1]}{MASK}{at}"


def _of_environment() -> list[str]:
    return [
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST and _names_a_secret(name) and not os.path.isabs(value)
    ]


@functools.lru_cache(maxsize=4096)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
