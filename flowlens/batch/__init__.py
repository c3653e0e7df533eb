"""Scheduled batch: a job file, a store that is kept, and summaries published by the interval."""
