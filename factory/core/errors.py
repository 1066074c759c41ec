"""The errors that end a command with an exit status of their own; `exits` knows which."""

from __future__ import annotations


class Quarantined(RuntimeError):
    """A run went through, but some shards failed at every attempt; the others are done."""


class Stalled(RuntimeError):
    """A run made no progress for too long, or a training lost too many workers; running it again resumes it."""
