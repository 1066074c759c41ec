"""The errors that are not bugs: mistakes that a user can correct, and inputs that cannot be read."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake that the user can correct; shown as one line with the value and the remedy, never with a traceback.

    Any other ValueError is a bug of ours or of a library that we use, and is shown with its traceback.
    """


class UnreadableError(UserError):
    """An input that cannot be read; if it is one of many, the row becomes a reject with this reason."""
