"""The one place that knows the order: find, read, load, ask."""
