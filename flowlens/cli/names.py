"""`flowlens rdns`: the addresses in, their names out, and a line on what was asked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from flowlens.cli.commands import refuse_binary
from flowlens.cli.progress import Asking
from flowlens.cli.signals import interruptible
from flowlens.errors import UsageError
from flowlens.names import Naming, names_table
from flowlens.output.escape import terminal
from flowlens.output.formats import Format
from flowlens.output.render import write
from flowlens.output.sink import open_sink
from flowlens.rdns.settings import Listener

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
    addresses = list(_addresses(words, sys.stdin.buffer if sys.stdin else ()))
    width = None
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
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
        if limit and format not in (Format.TABLE, Format.MARKDOWN):
            table = table.slice(0, limit)
        write(table, format, sink, limit_shown=limit, width=width)
    if not quiet:
        for line in [*found.summary.remarks, str(found.summary)]:
            print(f"flowlens: {terminal(line)}", file=sys.stderr)


def _addresses(words: Iterable[str], stdin: Iterable[bytes]) -> Iterator[str]:
    """The addresses as words and, where `-` stands, one a line; empty lines are passed over.

    Raises:
        UsageError: one is none; it names the word, or the line.
    """
    for word in words:
        if word != STDIN:
            yield _address(word, word)
            continue
        for number, line in enumerate(stdin, 1):
            text = line.decode("utf-8", "backslashreplace").strip()
            if text:
                yield _address(text, f"-:{number}: {text}")


def _address(text: str, place: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        why = "no IP address; write one such as 203.0.113.7 or 2001:db8::7"
        if "/" in text:
            why = "a range; give single addresses, for each of a range would be asked about"
        raise UsageError(f"{place}: {why}") from None
