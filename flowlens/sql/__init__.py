"""DuckDB and the named queries."""
