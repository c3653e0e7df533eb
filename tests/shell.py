"""A shell whose `flowlens` is this process: scripts run without the start-up of each command.

The `flowlens` that it finds is a messenger: it sends its arguments here, and prints what comes
back. It has no standard input.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import command

PORT = "FLOWLENS_SHELL_PORT"
MESSENGER = f"""#!{sys.executable} -IS
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(os.environ["{PORT}"]))) as there:
    wire = there.makefile("rw")
    print(json.dumps(sys.argv[1:]), file=wire, flush=True)
    code, out, err = json.loads(wire.readline())
sys.stdout.buffer.write(out.encode("latin-1"))
sys.stderr.buffer.write(err.encode("latin-1"))
sys.exit(code)
"""


def install(tools: Path) -> None:
    """Put the messenger into a directory of the PATH."""
    tools.mkdir()
    (tools / "flowlens").write_text(MESSENGER)
    (tools / "flowlens").chmod(0o755)


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line by `sh`, whose calls of flowlens are answered here, one after the other."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        server.settimeout(0.02)
        where = {**os.environ, PORT: str(server.getsockname()[1])}
        running = subprocess.Popen(["sh", "-c", line], stdout=out, stderr=err, env=where)
        while running.poll() is None:
            try:
                there, _ = server.accept()
            except TimeoutError:
                continue
            with there, there.makefile("rw") as wire:
                done = command(*json.loads(wire.readline()))
                texts = [done.stdout.decode("latin-1"), done.stderr.decode("latin-1")]
                print(json.dumps([done.returncode, *texts]), file=wire, flush=True)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(line, running.returncode, out.read(), err.read())
