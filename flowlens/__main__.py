"""`python -m flowlens` is the command line."""

import sys

from flowlens.cli.main import main

sys.exit(main())
