"""Pictures of answers: what a table shows is chosen by its columns, and drawn without a network."""
