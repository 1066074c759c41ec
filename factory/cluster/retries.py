"""How often Ray Data repeats a task whose process died."""

from __future__ import annotations

# Ray Data retries endlessly by default: an input that kills its process would start it again forever.
BOUNDED = {"max_retries": 2}
