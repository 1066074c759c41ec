"""Shard formats: one module each with `EXTENSION`, `to_bytes(rows)` and `read(file, positions)`."""

# Of the files, by format: the ledger knows them without importing what reads and writes them.
EXTENSIONS = {"parquet": "parquet", "webdataset": "tar"}
