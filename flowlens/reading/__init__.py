"""From bytes to lines and columns: decompress, envelopes, Parquet."""
