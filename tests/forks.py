"""Commands in forks of a process that has imported everything: each costs no more than its work.

In a fork every change to the file system is an operation, and so is every statement of the ledger;
at one of them the fork may kill itself, be interrupted, or be told by the system that it can't.
Run as a script it is that process: a request a line on standard input, an answer a line on standard
output.
"""

from __future__ import annotations

import json
import os
import pkgutil
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
"""Events of Python's own audit that change a file system, beside opening a file to write."""

NEVER = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens from which operation on; `errno` is what the system says, to all that follow.

    `limit` is the size that files may have, for all of the run.
    """

    kill: int = NEVER
    interrupt: int = NEVER
    fail: int = NEVER
    errno: int = 0
    limit: int = 0
    threads: int = 0
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended; `code` is negative where a signal ended it."""

    code: int
    stderr: str
    operations: int


class Forks:
    """The process that forks, from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def command(self, *arguments: object, fault: Fault | None = None) -> Ended:
        """Run flowlens with these arguments."""
        told = {"arguments": [*map(str, arguments)], "fault": asdict(fault or Fault())}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(told), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def forks(*, scratch: Path) -> Iterator[Forks]:
    """A process that forks; what is killed leaves what it had for itself alone in `scratch`."""
    command = [sys.executable, __file__]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    """Answer requests until there are no more."""
    for name in ("flowlens", "flowlens.batch", "flowlens.batch.notify", "flowlens.cli"):
        for module in pkgutil.iter_modules(import_module(name).__path__):
            if not module.name.startswith("_") and module.name not in ("notebook", "charts"):
                import_module(f"{name}.{module.name}")
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_forked(asked["arguments"], Fault(**asked["fault"]))), flush=True)


def _forked(arguments: list[str], fault: Fault) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as stderr, tempfile.TemporaryFile("w+") as operations:
        child = os.fork()
        if not child:
            try:
                os._exit(_run(arguments, fault, stderr, operations))
            except BaseException:
                traceback.print_exc(file=stderr)
                stderr.flush()
                os._exit(99)
        _, status = os.waitpid(child, 0)
        for left in Path(tempfile.gettempdir()).glob("flowlens-*"):
            shutil.rmtree(left)
        stderr.seek(0)
        operations.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return {
            "code": code,
            "stderr": stderr.read(),
            "operations": int(operations.read() or 0),
        }


def _run(arguments: list[str], fault: Fault, stderr: IO[str], operations: IO[str]) -> int:
    from flowlens.cli.main import main

    os.dup2(stderr.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.stdout = os.fdopen(1, "w")
    sys.stdin = open(os.devnull)  # noqa: SIM115  # until the fork ends
    if fault.limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.limit, fault.limit))
    if fault.seconds:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, fault.seconds)
    counted = _Operations(fault)
    if fault.threads:
        _threads(fault.threads)
    with counted.counting():
        code = main(arguments)
    print(counted.number, file=operations, flush=True)
    sys.stderr.flush()
    return int(code)


class _Operations:
    """Counts operations, and does at one of them what is to be done."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._on = False
        self.number = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        sys.addaudithook(self._audited)
        os.fsync = self._before(os.fsync)
        _count_parquet(self.happens)
        _count_statements(self.happens)
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def happens(self) -> None:
        """An operation begins."""
        if not self._on:
            return
        self.number += 1
        if self.number == self._fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.number == self._fault.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        if self.number >= self._fault.fail:
            raise OSError(self._fault.errno, os.strerror(self._fault.errno))

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and _writes(*arguments)):
            self.happens()

    def _before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.happens()
            return function(*arguments, **options)

        return counted


def _threads(number: int) -> None:
    """Read and answer with so many threads."""
    import duckdb

    from flowlens.pipeline import load
    from flowlens.reading import reader

    connect = duckdb.connect

    def connected(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        config = {**options.pop("config", {}), "threads": number}
        return connect(*arguments, config=config, **options)

    duckdb.connect = connected
    load.threads = reader.threads = lambda: number


def _writes(path: object, mode: str | None, flags: int) -> bool:
    """Whether a file is opened to be changed, one of the system's own aside."""
    own = isinstance(path, int) or str(path).startswith(("/dev/", "/proc/"))
    return not own and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _count_parquet(happens: Callable[[], None]) -> None:
    """As in Arrow, a writer that couldn't be closed is closed all the same."""
    import pyarrow.parquet as pq

    begin, write, close = (
        getattr(pq.ParquetWriter, name) for name in ("__init__", "write_table", "close")
    )

    def begins(*arguments: Any, **options: Any) -> None:
        happens()
        begin(*arguments, **options)

    def writes(*arguments: Any, **options: Any) -> None:
        happens()
        write(*arguments, **options)

    def closes(writer: pq.ParquetWriter) -> None:
        try:
            if getattr(writer, "is_open", False):
                happens()
        finally:
            close(writer)

    for name, function in (("__init__", begins), ("write_table", writes), ("close", closes)):
        setattr(pq.ParquetWriter, name, function)


def _count_statements(happens: Callable[[], None]) -> None:
    """A statement of SQLite that can't write to the disk says so itself: it isn't failed here."""
    import sqlite3

    connect = sqlite3.connect

    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            _one(sql)
            return super().execute(sql, *values)

        def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
            _one(sql)
            return super().executemany(sql, *values)

    def _one(sql: str) -> None:
        if sql.split(maxsplit=1)[0].lower() in ("select", "pragma", "create"):
            return
        try:
            happens()
        except OSError as error:
            if sql == "rollback":
                return
            raise sqlite3.OperationalError("database or disk is full") from error

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, factory=Counted, **options)

    sqlite3.connect = connected  # type: ignore[assignment]


if __name__ == "__main__":
    _serve()
