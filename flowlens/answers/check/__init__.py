"""What was read, what was not, and coverage."""
