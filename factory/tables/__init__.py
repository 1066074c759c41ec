"""Tables as others read them: Arrow, Parquet, CSV."""
