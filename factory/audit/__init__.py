"""The audit station: what becomes of identity, style and quality in a generated corpus, and what is no new image."""
