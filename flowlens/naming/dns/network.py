"""Name servers as a resolver: whom, how fast, and how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from flowlens.naming.dns.asking import PATIENCE, Asking
from flowlens.naming.dns.pace import Pace
from flowlens.naming.dns.questions import Question
from flowlens.naming.dns.resolver import Finish
from flowlens.naming.dns.servers import VPC_CEILING, Server
from flowlens.naming.dns.settings import TIMEOUT
from flowlens.naming.dns.transport import Transport


class Network:
    """Asks `servers`, and about private addresses only those in `private`.

    `rate` is in queries a second, `timeout` and `budget` in seconds from now: then the run ends,
    whatever is open. `stop` is asked often whether to end before.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        private: Sequence[Server] = (),
        rate: float,
        timeout: float = TIMEOUT,
        budget: float | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._servers = [*servers, *private]
        self._public = range(len(servers))
        self._private = range(len(servers), len(self._servers))
        vpc = any(server.is_vpc for server in self._servers)
        self._rate = min(rate, VPC_CEILING) if vpc else rate
        self._timeout = timeout
        self._ends = None if budget is None else time.monotonic() + budget
        self._stop = stop
        self._remarks: list[str] = []

    @property
    def name(self) -> str:
        """The servers' addresses."""
        return ", ".join(dict.fromkeys(map(str, self._servers)))

    @property
    def has_private(self) -> bool:
        """Whether a server was named for private addresses."""
        return bool(self._private)

    @property
    def remarks(self) -> list[str]:
        """What went wrong with servers in the last run, and how far the rate went down."""
        return self._remarks

    def ask(self, asked: Iterable[Question], finish: Finish) -> None:
        """Ask each question; see `Resolver`."""
        began = time.monotonic()
        pace = Pace(self._rate, now=began)
        with Transport(self._servers, timeout=self._timeout) as transport:
            run = Asking(transport, pace, finish, routes=self._routes, clock=time.monotonic)
            run.ask(asked, self._is_over)
        self._remarks = [f"{self._servers[n]}: {why}" for n, why in transport.faults.items()]
        if not run.gave_up and run.sent and not run.answered:
            self._remarks.append(f"no answer at all in {time.monotonic() - began:.1f} s")
        if run.gave_up:
            self._remarks.append(f"no answer at all for {PATIENCE:g} s; the rest was not asked")
        if pace.rate < self._rate:
            self._remarks.append(f"queries were lost; slowed down to {pace.rate:g} a second")

    def _routes(self, question: Question) -> Sequence[int]:
        return self._private if question.private else self._public

    def _is_over(self) -> bool:
        return self._stop() or (self._ends is not None and time.monotonic() >= self._ends)
