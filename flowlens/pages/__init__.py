"""Pages: several tables and a few lines around them, for a terminal, Markdown or JSON."""
