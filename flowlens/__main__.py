"""`python -m flowlens` is the command line."""

from flowlens.cli.main import entry

entry()
