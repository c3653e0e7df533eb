"""AWS on loopback: moto's server for what it can do, and small fakes for what goes wrong."""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

REGION = "eu-west-1"

# The server ends with its standard input, so that it can't outlive the tests.
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@functools.cache
def _moto_url() -> str:
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def stop() -> None:
        server.stdin.close()
        server.wait(timeout=10)
        server.stdout.close()

    port = int(server.stdout.readline())
    atexit.register(stop)
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    """Dummy credentials, no configuration of whoever runs the tests, and few attempts."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def moto(credentials):
    """The URL of an AWS that holds nothing; every service of AWS is there."""
    url = _moto_url()
    credentials.setenv("AWS_ENDPOINT_URL", url)
    with urllib.request.urlopen(f"{url}/moto-api/reset", data=b""):
        pass
    return url


def client(service: str) -> Any:
    """A client of boto3 with what the environment says."""
    import boto3

    return boto3.Session().client(service)


def bucket(name: str, objects: dict[str, bytes]) -> str:
    """A bucket with these objects; its name as an input."""
    s3 = client("s3")
    place = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    for key, content in objects.items():
        s3.put_object(Bucket=name, Key=key, Body=content)
    return f"s3://{name}"


@dataclass(frozen=True)
class Request:
    """A request as the fake sees it; the path is still quoted, and has the query behind it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the fake answers; with `sent` only so many bytes of the body, then it hangs up.

    With status 0 it hangs up at once.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None


@dataclass
class Fake:
    """A fake AWS: where it is, and what it was asked."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def asked(self, word: str) -> list[Request]:
        """The requests whose path or target has this word."""
        return [
            request
            for request in self.requests
            if word in request.path or word in request.headers.get("x-amz-target", "")
        ]


@contextmanager
def fake(answer: Callable[[Request], Answer]) -> Iterator[Fake]:
    """An HTTP server on loopback that answers by a function."""
    made = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            made.requests.append(request)
            given = answer(request)
            if not given.status:
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body[: given.sent])
            if given.sent is not None:
                self.close_connection = True

        do_GET = do_POST = do_HEAD = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal(status: int, code: str, message: str = "so it is") -> Answer:
    """An error as S3 writes it."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


def exception(code: str, message: str = "so it is", status: int = 400) -> Answer:
    """An error as CloudWatch Logs writes it."""
    body = f'{{"__type":"{code}","message":"{message}"}}'.encode()
    return Answer(status, body, {"Content-Type": "application/x-amz-json-1.1"})


def listing(objects: dict[str, bytes]) -> Answer:
    """The objects of a bucket, all on one page."""
    each = "".join(
        f"<Contents><Key>{key}</Key><Size>{len(content)}</Size><ETag>&quot;e&quot;</ETag></Contents>"
        for key, content in objects.items()
    )
    body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{each}</ListBucketResult>"
    return Answer(200, body.encode(), {"Content-Type": "application/xml"})


def given(request: Request, content: bytes) -> Answer:
    """An object, or the part of it that is asked for."""
    asked = request.headers.get("range")
    if not asked:
        return Answer(200, content, {"ETag": '"e"'})
    first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
    part = content[first : last + 1]
    span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
    return Answer(206, part, {"ETag": '"e"', "Content-Range": span})


Twist = Callable[[Request, int], Answer | None]
"""What becomes of a request for an object, the first or a later one; None is what should be."""


@contextmanager
def twisted(objects: dict[str, bytes], twists: dict[str, Twist]) -> Iterator[Fake]:
    """A fake S3 with one bucket, whose objects behave well or are twisted."""
    counts: dict[str, int] = {}

    def answer(request: Request) -> Answer:
        path, _, query = request.path.partition("?")
        key = unquote(path).removeprefix("/bkt").removeprefix("/")
        if "list-type=2" in query:
            prefix = dict(parse_qsl(query)).get("prefix", "")
            return listing({k: v for k, v in objects.items() if k.startswith(prefix)})
        counts[key] = counts.get(key, 0) + 1
        twist = twists.get(key)
        changed = twist(request, counts[key]) if twist else None
        return changed or given(request, objects[key])

    with fake(answer) as made:
        yield made
