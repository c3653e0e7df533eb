"""The floor: decompress the files in as many threads as there are processors, and nothing else."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal import igzip_lib

PIECE = 1 << 20
BLOCK = 16 << 20


def inflated(path: Path) -> int:
    """The bytes that a file holds, decompressed in pieces of at most 16 MiB."""
    size = 0
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    with path.open("rb", buffering=0) as file:
        while not member.eof:
            data = file.read(PIECE) if member.needs_input else b""
            size += len(member.decompress(data, BLOCK))
    return size


def main(directory: str) -> None:
    """Print the bytes of all files."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        print(sum(pool.map(inflated, sorted(Path(directory).glob("*.log.gz")))))


if __name__ == "__main__":
    main(sys.argv[1])
