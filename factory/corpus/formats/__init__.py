"""Shard formats: one module each with `EXTENSION`, `to_bytes(rows)` and `read(file, positions)`."""
