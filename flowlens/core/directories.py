"""Directories: one that appears whole or not at all, and the one for what may be lost."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowlens.core.errors import FlowlensError, UsageError
from flowlens.core.leavings import leaving

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


@contextmanager
def appearing(directory: Path) -> Iterator[Path]:
    """A place to write in, which becomes `directory` at the end; that is new or empty before.

    Raises:
        UsageError: the directory can't be had, or is not empty.
        FlowlensError: writing fails.
    """
    target = directory.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{directory}: the directory isn't empty; name a new one")
    part = target.with_name(f".{target.name}-{secrets.token_hex(6)}.part")
    try:
        part.mkdir()
    except OSError as error:
        raise UsageError(
            f"{directory.parent}: {error.strerror}; name an existing directory"
        ) from error
    try:
        with leaving(part):
            yield part
        with suppress(FileNotFoundError):
            target.rmdir()
        os.replace(part, target)
    except OSError as error:
        raise FlowlensError(f"{directory}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
