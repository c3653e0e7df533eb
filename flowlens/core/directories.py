"""What a store's own files are called, and the directory for what may be lost."""

from __future__ import annotations

import os
from pathlib import Path

MARK = "flowlens-store.json"
"""The file that makes a directory a store."""

MANIFEST = "manifest.json"
"""Which parts a store has."""

LEDGER = "ledger.sqlite"
"""What the store remembers of its inputs; only its keeper opens it."""


def cache() -> Path:
    """Where flowlens keeps what it can make or learn again (XDG Base Directory Specification).

    Raises:
        RuntimeError: there is no home directory.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    directory = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return directory / "flowlens"
