"""Fields, layouts, the parser, exact validation, filters."""
