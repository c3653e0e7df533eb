"""Which flowlens this is."""

from importlib.metadata import PackageNotFoundError, metadata


def version() -> str:
    """The installed version, or `unknown` where flowlens runs without having been installed."""
    try:
        return metadata("flowlens")["Version"]
    except PackageNotFoundError:
        return "unknown"
