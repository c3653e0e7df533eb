"""flowlens: from AWS VPC flow logs to an answer.

    import flowlens as fl

    flows = fl.read("logs/**/*.log.gz", since="24h")
    flows.query("rejected_by_port", limit=20)
    flows.sql("select dstport, count(*) as records from flows group by dstport").polars()

`read` names the input; every question reads what it needs of it. See `Flows` and `Result`.
`resolve` asks for the names of addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowlens.core.errors import FlowlensError

if TYPE_CHECKING:
    from flowlens.answers.check.check import Check
    from flowlens.api import Flows, read
    from flowlens.naming.lookup import resolve
    from flowlens.pipeline.result import Result

__all__ = ["Check", "FlowlensError", "Flows", "Result", "read", "resolve"]

_HOMES = {
    "Check": "flowlens.answers.check.check",
    "Flows": "flowlens.api",
    "Result": "flowlens.pipeline.result",
    "read": "flowlens.api",
    "resolve": "flowlens.naming.lookup",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first used, so that `flowlens --help` feels instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flowlens' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext flowlens`: the magic `%%flows`, and names of queries on Tab."""
    from flowlens.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext flowlens`."""
    from flowlens.notebook import unload

    unload(shell)


def __dir__() -> list[str]:
    return sorted(__all__)
