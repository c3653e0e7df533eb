"""Who is scanning: evidence weighed touch by touch, and what it comes to for each source."""
