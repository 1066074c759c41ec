"""The cache by bytes: what was not used for longest goes first."""

from __future__ import annotations

from factory.core.recent import Recent


def test_the_longest_unused_go_first() -> None:
    recent: Recent[str, bytes] = Recent(10, len)
    for key in "abc":
        recent.put(key, b"123")
    assert recent.get("a") == b"123"
    recent.put("d", b"123")
    assert [recent.get(key) for key in "abcd"] == [b"123", None, b"123", b"123"]
    recent.put("e", b"x" * 11)
    assert [recent.get(key) for key in "acde"] == [None] * 4
