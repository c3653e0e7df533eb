"""The floor for S3: list a prefix, and download and decompress each object, in a pool of threads.

As many threads as flowlens has for this, and the fastest decompressor.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from isal import igzip

THREADS = 16


def main(bucket: str, prefix: str) -> None:
    """Print the bytes of all objects."""
    client = boto3.client("s3", config=Config(max_pool_connections=THREADS))

    def inflated(key: str) -> int:
        return len(igzip.decompress(client.get_object(Bucket=bucket, Key=key)["Body"].read()))

    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    with ThreadPoolExecutor(THREADS) as pool:
        print(sum(pool.map(inflated, keys)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
