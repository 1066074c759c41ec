"""Shard formats: each is a module with `EXTENSION`, `to_bytes(rows)` and `read(file, positions)`."""
