"""The errors that are no bugs: what a user can mend, and an input that cannot be read."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake that the user can mend: one line with the value and the mend, never a traceback.

    Any other ValueError is a bug, of ours or of a library under us, and is as loud as one.
    """


class UnreadableError(UserError):
    """An input of many that cannot be read; where there are many it becomes a reject with this reason."""
