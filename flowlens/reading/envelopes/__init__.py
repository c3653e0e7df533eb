"""Envelopes: what flow-log records are wrapped in when they arrive, opened into plain lines."""
