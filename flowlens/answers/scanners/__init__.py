"""Who is scanning, with the evidence."""
