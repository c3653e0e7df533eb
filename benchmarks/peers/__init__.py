"""What flowlens is measured against: each peer is a script that takes a directory of gzip files.

polars, DuckDB and flowlogs-reader print the columns of `rejected_by_eni_port` as CSV, in the same
bytes as flowlens.
"""
