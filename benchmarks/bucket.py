"""A bucket on loopback that holds a set's files, served by moto in a process of its own.

`python -m benchmarks.bucket DIRECTORY` is that process: it prints the URL of its S3 when the
objects are there, and ends with its standard input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.datasets import Dataset, make
from benchmarks.measure import ROOT, CommandFailedError

NAME = "flow-logs"
PREFIX = "AWSLogs/"
REGION = "eu-west-1"
ACCOUNT = "123456789012"

_DAY = f"{PREFIX}{ACCOUNT}/vpcflowlogs/{REGION}/2026/09/21"
_OBJECT = f"{ACCOUNT}_vpcflowlogs_{REGION}_fl-0123456789abcdef0_20260921T1415Z_{{}}"

_SURROUNDINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def served(dataset: Dataset) -> Iterator[None]:
    """The dataset in a bucket, where boto3 finds it: commands that run within inherit the way."""
    kept = dict(os.environ)
    for name in [name for name in kept if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_SURROUNDINGS)
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.bucket", str(make(dataset))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        with server:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                raise CommandFailedError("moto's server ended before it served anything")
            os.environ["AWS_ENDPOINT_URL"] = url
            yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _serve(directory: Path) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    s3 = boto3.client("s3", endpoint_url=url)
    s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in sorted(directory.iterdir()):
        key = f"{_DAY}/{_OBJECT.format(path.name)}"
        s3.put_object(Bucket=NAME, Key=key, Body=path.read_bytes())
    print(url, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
