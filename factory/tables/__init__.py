"""Tables that other programs can read: Arrow, Parquet, CSV."""
