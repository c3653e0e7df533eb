"""One run of a command over flow logs: progress, quarantine, what is said at its end."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from flowlens.api import Flows, read
from flowlens.cli.options import Options
from flowlens.cli.progress import Asking, Cleared, Listing
from flowlens.cli.suggest import enis_like
from flowlens.core.counts import Account, MalformedLine
from flowlens.core.errors import ExitCode, FlowlensError, LateError, StrictError, UsageError
from flowlens.core.escape import terminal
from flowlens.core.interrupt import Deadline, interruptible
from flowlens.core.leavings import give_up
from flowlens.core.times import is_span, seconds
from flowlens.naming.dns.settings import Listener as AskingListener
from flowlens.output.progress import Bar
from flowlens.output.sink import open_sink
from flowlens.pipeline.run import Listener

if TYPE_CHECKING:
    from flowlens.naming.lookup import Naming

GRACE = 0.5
"""Seconds that a question has to end by itself when its time is over."""

NEAR = 1000
"""Objects that are brought near at once, while the question is planned; few bytes are held."""

NAMED = 5
"""Sources named one by one on standard error; the rest are counted."""


class EmptyError(FlowlensError):
    """No record passed the window and the filters, and `--fail-empty` was given."""


class Session:
    """Flows under the common options; `sink` is where the answer's bytes go.

    `beside` are other flows, where two are read in one run; `enis` are those asked for.
    """

    def __init__(
        self,
        flows: Flows,
        options: Options,
        sink: BinaryIO,
        width: int | None,
        asking: AskingListener,
        beside: Flows | None = None,
    ) -> None:
        self.flows = flows
        self.beside = beside
        self.sink = sink
        self.width = width
        self._asking = asking
        spans = (text for text in (options.since, options.until) if text and is_span(text))
        self.window = ", ".join(spans)
        self._options = options
        self.enis = flows.inputs.filter.eni
        self._account: Account | None = None
        self._remarks: list[str] = []

    def asking(self, naming: Naming | None) -> Naming | None:
        """The same naming, that shows how far it has come and ends when the run does."""
        return naming and replace(naming, listener=self._asking)

    def finish(self, account: Account) -> None:
        """Remember what was read, for what is said at the end."""
        self._account = account

    def remark(self, text: str) -> None:
        """Say something about the answer on standard error, at the end."""
        self._remarks.append(text)

    def _close(self) -> None:
        """Say on standard error what was put aside; raised errors decide the exit code.

        Raises:
            StrictError: under `--strict`, if anything was malformed or unreadable.
            EmptyError: under `--fail-empty`, if nothing was selected.
        """
        account = self._account
        if account is None:
            return
        total = account.total
        if not self._options.quiet:
            for line in [*remarks(account), *self._remarks]:
                print(f"flowlens: {terminal(line)}", file=sys.stderr)
        empty = total.records and account.selected == 0
        if empty and not self._options.quiet:
            window = bool(self._options.since or self._options.until)
            hints = enis_like(self.flows, self.enis)
            for line in [nothing_selected(account, window=window), *hints]:
                print(f"flowlens: {terminal(line)}", file=sys.stderr)
        wrong = len(account.unreadable) + len(account.truncated)
        if self._options.strict and (total.malformed or wrong):
            raise StrictError(
                f"--strict: lines malformed: {total.malformed:,}, inputs not read whole: {wrong:,}"
            )
        if self._options.fail_empty and (empty or not total.records):
            raise EmptyError("--fail-empty: no records")


@contextmanager
def session(
    inputs: Sequence[str],
    options: Options,
    *,
    output: Path | None = None,
    queries: Path | None = None,
    device: bool = True,
    beside: tuple[Sequence[str], Options] | None = None,
) -> Iterator[Session]:
    """Open the inputs and the output of a command, and close the run with its remarks.

    What is read `beside` them has options of its own as to which records count; all else is said
    by `options`. With `device` False the command makes its output by itself, and `sink` is not to
    be used.
    """
    deadline = Deadline(seconds(options.timeout, "--timeout"))
    with (
        deadline.watched(lambda ended: _give_up(ended, deadline)),
        _session(inputs, options, deadline, output, queries, device=device, beside=beside) as run,
    ):
        yield run
    run._close()


def _give_up(ended: threading.Event, deadline: Deadline) -> None:
    """End the process if the question hasn't ended by itself: not all that it does can be."""
    if not ended.wait(GRACE) and deadline.seconds:
        give_up(ExitCode.FAILED, f"flowlens: {LateError(deadline.seconds)}")


@contextmanager
def _session(
    inputs: Sequence[str],
    options: Options,
    deadline: Deadline,
    output: Path | None,
    queries: Path | None,
    *,
    device: bool,
    beside: tuple[Sequence[str], Options] | None,
) -> Iterator[Session]:
    terminal_there = not options.quiet and sys.stderr is not None and sys.stderr.isatty()
    heard: set[str] = set()
    flows, other = (
        read and _flows(*read, queries, Listing() if terminal_there else None, heard)
        for read in ((inputs, options), beside)
    )
    assert flows is not None
    paths = [
        Path(source.name)
        for read in (flows, other)
        if read is not None
        for source in read.inputs.found.sources
        if source.opener is None and not source.is_stdin
    ]
    if output and options.quarantine and output.resolve() == options.quarantine.resolve():
        raise UsageError(f"--quarantine {options.quarantine}: that is the output as well")
    width = None
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    with ExitStack() as stack:
        on_malformed = None
        if options.quarantine:
            aside = stack.enter_context(open_sink(options.quarantine, inputs=paths, device=False))
            on_malformed = _writer(aside)
        stop = stack.enter_context(interruptible())
        bar = sign = None
        if terminal_there:
            bar = Bar()
            stack.callback(bar.stop)
            sign = Asking(bar)
            stack.callback(sign.stop)
        on_progress = bar.update if bar else None
        listener = Listener(on_malformed, on_progress, stop.is_set, timeout=deadline.seconds)
        target = output if device else Path(os.devnull)
        sink = stack.enter_context(open_sink(target, inputs=paths))
        if bar and sign and output is None:
            sink = cast("BinaryIO", Cleared(sink, bar, sign))
        asking = AskingListener(sign.update if sign else None, stop.is_set)
        run = Session(flows.listening(listener), options, sink, width, asking, other)
        yield run


def _flows(
    inputs: Sequence[str],
    options: Options,
    queries: Path | None,
    listing: Listing | None,
    heard: set[str],
) -> Flows:
    """The flows behind the inputs; what is to be known of them is said before they are read.

    What was `heard` before is not said again.
    """
    said: list[str] = []
    try:
        flows = read(
            list(inputs), since=options.since, until=options.until, ip=options.ip or None,
            eni=options.eni or None, port=options.port or None, action=options.action,
            account=options.account or None,
            where=options.where, layout=options.layout, queries=queries, region=options.region,
            profile=options.profile, role_arn=options.role_arn, external_id=options.external_id,
            endpoint_url=options.endpoint_url, requester_pays=options.requester_pays,
            skip_missing=options.skip_missing, dedupe=options.dedupe,
            on_listed=listing.update if listing else None, on_remark=said.append, progress=False,
        )  # fmt: skip
    finally:
        if listing:
            listing.stop()
    for line in said:
        if not options.quiet and line not in heard:
            print(f"flowlens: {terminal(line)}", file=sys.stderr)
    heard.update(said)
    for source in flows.inputs.found.sources[:NEAR]:
        if source.ahead:
            source.ahead()
    return flows


def remarks(account: Account) -> list[str]:
    """What a user has to know of the input, a line each; nothing if all was read well."""
    total = account.total
    lines = []
    if total.malformed:
        reasons = ", ".join(f"{name} {number:,}" for name, number in total.reasons.most_common())
        first = next(line for source in account.sources for line in source.malformed)
        lines.append(
            f"{total.malformed:,} of {total.lines:,} lines malformed and put aside ({reasons}); "
            f"first {terminal(str(first))}; --quarantine FILE keeps them"
        )
    for source in account.lacking[:NAMED]:
        lines.append(f"{terminal(source.name)}: {terminal(source.lacking)}")
    if len(account.lacking) > NAMED:
        lines.append(f"{len(account.lacking) - NAMED:,} more such inputs; check names them all")
    for noun, sources in (("unreadable", account.unreadable), ("truncated", account.truncated)):
        for source in sources[:NAMED]:
            why = source.unreadable or source.truncated
            lines.append(f"{terminal(source.name)}: {noun}: {terminal(why)}")
        if len(sources) > NAMED:
            lines.append(f"{len(sources) - NAMED:,} more inputs {noun}; check names them all")
    return lines


def nothing_selected(account: Account, *, window: bool) -> str:
    """The line for an answer without records, with what there would have been."""
    where = "in the window" if window else "are what was asked for"
    text = f"0 of {account.total.records:,} records {where}"
    if account.first_seen and account.last_seen:
        text += f"; the data spans {account.first_seen:%Y-%m-%dT%H:%M:%SZ} to "
        text += f"{account.last_seen:%Y-%m-%dT%H:%M:%SZ}"
    return text


def _writer(sink: BinaryIO) -> Callable[[MalformedLine], None]:
    """Writes malformed lines as JSON, which leaves no control character as it is."""

    def write(line: MalformedLine) -> None:
        sink.write(json.dumps(line.to_dict()).encode() + b"\n")

    return write
