"""One question over TCP, where its answer didn't fit into a datagram; nothing here blocks."""

from __future__ import annotations

import errno
import os
import selectors
import socket

from flowlens.naming.dns.servers import Server

_CHUNK = 65536


class Stream:
    """A connection for one message there and one back, each behind its length (RFC 1035, 4.2.2)."""

    def __init__(self, server: Server, query: bytes) -> None:
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.identity = query[:2]
        self._unsent = len(query).to_bytes(2, "big") + query
        self._received = bytearray()
        began = self.socket.connect_ex((server.host, server.port))
        self._broken = 0 if began in (0, errno.EINPROGRESS) else began

    @property
    def events(self) -> int:
        """What to wait for next."""
        return selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ

    def step(self) -> bytes | None:
        """Go on as far as it goes: the answer once it is whole.

        Raises:
            OSError: the connection failed or ended before.
        """
        if self._broken:
            raise OSError(self._broken, os.strerror(self._broken))
        try:
            if self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
                return None
            chunk = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        if not chunk:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self._received += chunk
        length = int.from_bytes(self._received[:2], "big")
        whole = len(self._received) >= 2 + length and len(self._received) >= 2
        return bytes(self._received[2 : 2 + length]) if whole else None
