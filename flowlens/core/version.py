"""Which flowlens this is."""

from importlib.metadata import PackageNotFoundError, metadata

DISTRIBUTION = "vpc-flowlens"
"""What is installed; on PyPI `flowlens` is somebody else's program."""


def version() -> str:
    """The installed version, or `unknown` where flowlens runs without having been installed."""
    try:
        return metadata(DISTRIBUTION)["Version"]
    except PackageNotFoundError:
        return "unknown"
