"""Parquet as input: what its footers tell and prove, the SELECTs over it, and what can't be opened
by DuckDB itself.
"""
