"""`flowlens rdns`: names in every format, wrong words, and Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from array import array

import dns.name
import pytest
from nameserver import NameServer, Zone
from rdns_place import SLIDE, run

from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.lookup import lookup
from flowlens.naming.dns.settings import Mode, Settings
from flowlens.output.formats import Format


def test_the_command_gives_names_and_says_what_it_asked_of_whom(place):
    rows = [SLIDE, ("5.0.0.1", "x.example", "drop")]
    with NameServer(Zone.of(rows)) as server:
        words = (SLIDE[0], "10.0.0.1", "-", "--resolver", server.address, "-f", "csv")
        done = run(*words, stdin=b"\xef\xbb\xbf\n 2A00:0::1 \n")
    assert done.stdout.decode().splitlines() == [
        "address,rdns_status,name,confirmation,operator,brand,claims,kind,generic,bogus,"
        "unicode,tags,country,network",
        "109.236.86.32,ok,internetpolice.co,confirmed,internetpolice.co,,,,false,false,,,,",
        "10.0.0.1,private,,,,,,,,,,,,",
        "2A00:0::1,nxdomain,,,,,,,,,,,,",
    ]
    (line,) = done.stderr.decode().splitlines()
    assert f"asked 2 of {server.address}, 0 from cache, 1 private" in line
    assert done.returncode == 0


@pytest.mark.parametrize("format", [Format.TABLE, Format.CSV, Format.JSON, Format.MARKDOWN])
def test_a_hostile_name_is_harmless_in_every_format(place, format):
    hostile = dns.name.Name([b"\x1b[31m\x00\"'", b"<script>|", "\u202e=cmd|".encode(), b""])
    with NameServer(Zone.of([("5.0.0.1", hostile)])) as server:
        done = run("5.0.0.1", "--resolver", server.address, "-f", format)
    assert done.returncode == 0
    assert not any(byte in done.stdout for byte in b"\x1b\x00<>'")
    assert done.stdout.isascii()
    if format is Format.JSON:
        (row,) = json.loads(done.stdout)
        assert row["name"] == (
            r"\027\09131m\000\034\039.\060script\062\124.\226\128\174\061cmd\124"
        )
        assert row["confirmation"] == "confirmed"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["host.example"], b"", "host.example: no IP address"),
        (["192.0.2.0/24"], b"", "192.0.2.0/24: a range; give single addresses"),
        (["-"], b"5.0.0.1\n\xff\n", r"-:2: \\xff: no IP address"),
        (["2a00:1::7%eth0"], b"", "2a00:1::7%eth0: has a zone id"),
        (["-"], b"\xef\xbb\xbffe80::1%1", "-:1: fe80::1%1: has a zone id"),
        (["5.0.0.1", "--rdns-rate", "1e-300"], b"", "--rdns-rate 1e-300: give queries a second"),
        (["5.0.0.1", "--resolver", "::1:53"], b"", "--resolver ::1:53: write [::1]:53"),
        (["5.0.0.1", "--rdns", "of"], b"", "--rdns of: no such mode; did you mean off"),
        (["5.0.0.1", "--resolver", "x:y"], b"", "--resolver x:y: write HOST"),
    ],
)
def test_a_wrong_word_is_one_line_and_exits_2(place, words, stdin, said):
    done = run(*words, stdin=stdin)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert said.replace(r"\\", "\\") in line
    assert done.stdout == b""


def test_ctrl_c_ends_the_wait_for_addresses(place):
    command = [sys.executable, "-P", "-m", "flowlens", "rdns", "-", "--rdns", "cache"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ, **pipes) as process:
        # More than a pipe holds: once all of it is gone, the command has begun to read.
        process.stdin.write(b"5.0.0.1\n" * (1 << 17))
        process.stdin.flush()
        unread = array("i", [1])
        while unread[0]:
            time.sleep(0.1)
            fcntl.ioctl(process.stdin, termios.FIONREAD, unread)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr.read() == process.stdout.read() == b""


def test_ctrl_c_exits_130_and_keeps_what_was_learned(place, tmp_path):
    rows = [(f"5.0.{n}.1", f"a{n}.example") for n in range(200)]
    asked = [row[0] for row in rows]
    output = tmp_path / "names.csv"
    with NameServer(Zone.of(rows)) as server:
        words = [*asked, "--resolver", server.address, "--rdns-rate", "50", "-o", output]
        command = [sys.executable, "-P", "-m", "flowlens", "rdns", *map(str, words)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) as process:
            while server.total < 20:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == b""
    assert not output.exists()
    found = lookup(asked, Settings(Mode.CACHE)).answers.values()
    assert sum(answer.status is Status.OK for answer in found) >= 5
