"""Hosts of our own, those that scan and those that don't, for the judgement on our own sources."""
