"""Errors that end a command with their own exit status, which `exits` chooses."""

from __future__ import annotations


class Quarantined(RuntimeError):
    """A run is complete except for shards that failed at every attempt."""


class Stalled(RuntimeError):
    """A run made no progress for too long, or a training lost too many workers; running the command again resumes."""
