"""The quarantine of a job: every malformed line that a run puts aside, as JSON lines.

Lines are added when the ledger knows of the objects that they stand in: of what a killed run read,
nothing is there, and the next one reads it again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from flowlens.batch import jsonline
from flowlens.batch.watch.log import warned
from flowlens.core.counts import MalformedLine


class Quarantine:
    """Where malformed lines are kept; without a path nowhere.

    One that can't be written is told to `warn`, once, and costs the run nothing else: the objects
    still have the lines.
    """

    def __init__(self, path: Path | None, *, warn: Callable[[str], None] = warned) -> None:
        self._path = path
        self._warn = warn

    @contextmanager
    def collecting(self) -> Iterator[Held | None]:
        """A place for the lines of some objects, until these are in the ledger."""
        if self._path is None:
            yield None
            return
        with tempfile.TemporaryFile() as file:
            held = Held(cast("BinaryIO", file))
            yield held
            self._add(held)

    def _add(self, held: Held) -> None:
        assert self._path is not None
        try:
            held.file.seek(0)
            with open(jsonline.appendable(self._path), "ab") as file:
                shutil.copyfileobj(held.file, file)
        except OSError as error:
            self._warn(
                f"{self._path}: {error.strerror}; the run goes on without its quarantine, which is "
                "`quarantine` under [watch]"
            )
            self._path = None


class Held:
    """Malformed lines that aren't in the quarantine yet."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def begin(self) -> None:
        """Forget all that was written: the objects are read from their beginning."""
        self.file.seek(0)
        self.file.truncate()

    def write(self, line: MalformedLine) -> None:
        """Keep a line."""
        self.file.write(json.dumps(line.to_dict()).encode() + b"\n")
