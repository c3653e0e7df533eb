"""Files and directories that must not outlive the process, for when it has to end at once.

Whoever makes one removes it as soon as it isn't needed. But a thread may be in foreign code that
never returns, and then the process ends without asking it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

_PLACES: set[Path] = set()


@contextmanager
def leaving(place: Path) -> Iterator[None]:
    """Something is there while the block runs, and would be left behind by an abrupt end."""
    _PLACES.add(place)
    try:
        yield
    finally:
        _PLACES.discard(place)


def give_up(code: int, line: str = "") -> NoReturn:
    """End the process now, with a line on standard error, and leave nothing behind."""
    for place in list(_PLACES):
        shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):
            place.unlink()
    with suppress(OSError):
        os.write(2, f"{line}\n".encode() if line else b"")
    os._exit(code)
