"""`flowlens rdns`: the addresses in, their names out, and a line on what was asked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from flowlens.cli.commands import refuse_binary
from flowlens.cli.progress import Asking
from flowlens.core.errors import UsageError
from flowlens.core.escape import terminal
from flowlens.core.interrupt import interruptible
from flowlens.naming.dns.addresses import read
from flowlens.naming.dns.settings import Listener
from flowlens.naming.lookup import COLUMNS, Naming, names_table
from flowlens.output.formats import Format
from flowlens.output.render import write
from flowlens.output.sink import open_sink

STDIN = "-"


def run_rdns(
    words: Sequence[str],
    format: Format,
    output: Path | None,
    limit: int | None,
    naming: Naming,
    *,
    quiet: bool,
) -> None:
    """Look up the addresses, write their names, and say what was asked of whom."""
    refuse_binary(format, output)
    width = None
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    with ExitStack() as stack:
        # Before the reading: libraries that were imported since have handlers of their own, with
        # which a read of standard input goes on after Ctrl-C.
        stop = stack.enter_context(interruptible())
        addresses = list(_addresses(words, sys.stdin.buffer if sys.stdin else ()))
        bar = None
        if not quiet and sys.stderr is not None and sys.stderr.isatty():
            bar = Asking()
            stack.callback(bar.stop)
        sink = stack.enter_context(open_sink(output))
        listener = Listener(bar.update if bar else None, stop.is_set)
        found = replace(naming, listener=listener).look_up(addresses)
        if bar:
            bar.stop()
        table = names_table(found)
        if limit and not format.is_cut:
            table = table.slice(0, limit)
        write(
            table,
            format,
            sink,
            limit_shown=limit,
            width=width,
            meanings=COLUMNS,
            title="Names of addresses",
        )
    if not quiet:
        for line in [*found.summary.remarks, str(found.summary)]:
            print(f"flowlens: {terminal(line)}", file=sys.stderr)


def _addresses(words: Iterable[str], stdin: Iterable[bytes]) -> Iterator[str]:
    """The addresses as words and, where `-` stands, one a line, each as it is written.

    Empty lines are passed over, and a byte order mark before the first.

    Raises:
        UsageError: one is none; it names the word, or the line.
    """
    for word in words:
        if word != STDIN:
            yield _address(word, word)
            continue
        for number, line in enumerate(stdin, 1):
            coding = "utf-8-sig" if number == 1 else "utf-8"
            text = line.decode(coding, "backslashreplace").strip()
            if text:
                yield _address(text, f"-:{number}: {text}")


def _address(text: str, place: str) -> str:
    try:
        return read(text)[0]
    except ValueError as error:
        raise UsageError(f"{place}: {error}") from None
