"""The store of a job: what was read of which object, and where it lies."""
