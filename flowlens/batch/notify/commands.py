"""Commands that a job names: run without a shell, for a time, and ended with all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flowlens.core.errors import FlowlensError
from flowlens.core.escape import terminal

_TAIL = 4096
"""Bytes kept of what a command says on standard error."""

_LONGEST = 200
"""Characters of its last line that an error shows."""

_GRACE = 1.0
"""Seconds for what is left to be read, or to be ended."""


def run(command: Sequence[str], given: bytes, *, seconds: float, directory: Path) -> None:
    """Run a command in a directory, with `given` on its standard input.

    Its standard output goes nowhere, for ours is data. It has a process group of its own, which is
    ended when it takes too long, or when we are interrupted; what a command that ended well has
    left running is its own affair.

    Raises:
        FlowlensError: it can't be started, takes over `seconds`, or fails; with the last line that
            it wrote on standard error.
    """
    name = terminal(Path(command[0]).name)
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(given)
            stdin.seek(0)
            tail = _Tail()
            try:
                process = subprocess.Popen(  # noqa: S603  # the job file's own, and no shell
                    list(command),
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=tail.end,
                    cwd=directory,
                    start_new_session=True,
                )
            finally:
                tail.start()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise FlowlensError(f"{name} can't be run: {why}") from error
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise FlowlensError(
            f"{name} took over {seconds:g} s and was ended, with all it started{tail.last()}"
        ) from error
    except BaseException:
        _end(process)
        raise
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"exits with {code}"
        raise FlowlensError(f"{name} {how}{tail.last()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)


class _Tail:
    """The end of what is written to a pipe; `end` is where it is written, until it is started.

    A thread reads, for a command may leave somebody behind who holds the pipe open, and nobody
    should wait for that one.
    """

    def __init__(self) -> None:
        self._pipe, self.end = os.pipe()
        self._bytes = b""
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        os.close(self.end)
        self._thread.start()

    def _read(self) -> None:
        with open(self._pipe, "rb", buffering=0) as stream:
            while block := stream.read(65_536):
                self._bytes = (self._bytes + block)[-_TAIL:]

    def last(self) -> str:
        """The last line, as the end of a message."""
        self._thread.join(_GRACE)
        lines = self._bytes.decode(errors="replace").strip().splitlines()
        return f": {terminal(lines[-1].strip()[:_LONGEST])}" if lines else ""
