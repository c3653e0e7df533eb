"""The envelope stage of flowlens alone: a file opened into blocks of lines, and nothing else."""

import io
import sys

from flowlens.reading.decompress import inflate
from flowlens.reading.envelopes.detect import opened


def main(path: str) -> None:
    """Print the lines that the file holds."""
    with io.FileIO(path) as file:
        print(sum(block.text.count(b"\n") for block in opened(inflate(file)).blocks))


if __name__ == "__main__":
    main(sys.argv[1])
