"""`%%flows`: a cell that is one SELECT, with the notebook's variables as its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from keyword import iskeyword
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from flowlens.api import Flows
from flowlens.core.errors import UsageError, nearest
from flowlens.sql.queryfile import parameters_of

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart
    from flowlens.pipeline.result import Result

USUAL = "flows"
"""The variable that is asked where none is named."""

_VALUES = (str, int, float, bool, bytes, date, datetime, Decimal, UUID, type(None))
_TEXTS = (IPv4Address, IPv4Network, IPv6Address, IPv6Network, PurePath)
"""Values as they are, and what is a text in SQL."""


@magics_class
class FlowsMagic(Magics):
    """The magic, in one notebook."""

    @magic_arguments()
    @argument("flows", nargs="?", help="the variable that holds the flows; `flows` unless told")
    @argument("--to", metavar="NAME", help="keep the answer in this variable as well")
    @argument("--chart", action="store_true", help="show the chart instead of the table")
    @cell_magic("flows")
    def ask(self, line: str, cell: str) -> Result | Chart:
        """Ask one SELECT of the flows; `$name` is the notebook's variable of that name."""
        arguments = parse_argstring(self.ask, line)
        if arguments.to is not None and not _is_name(arguments.to):
            raise UsageError(f"%%flows --to {arguments.to}: a variable's name is needed")
        flows = chosen(self.shell.user_ns, arguments.flows)
        result = flows.sql(cell.strip().removesuffix(";"), **values(cell, self.shell.user_ns))
        result.arrow()
        if arguments.to is not None:
            self.shell.user_ns[arguments.to] = result
        return result.chart() if arguments.chart else result


def chosen(variables: Mapping[str, Any], name: str | None) -> Flows:
    """The flows that a cell asks: those named, else `flows`, else the only ones that there are.

    Raises:
        UsageError: there are none of that name, none at all, or several.
    """
    known = {
        key: value
        for key, value in variables.items()
        if isinstance(value, Flows) and not key.startswith("_")
    }
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    wanted = name or USUAL
    if wanted in known:
        return known[wanted]
    if not known:
        raise UsageError("%%flows: no flows here yet; flows = flowlens.read('logs/') makes some")
    if name is None:
        raise UsageError(f"%%flows: write which flows to ask: {', '.join(sorted(known))}")
    raise UsageError(f"%%flows {name}: no flows of that name; {nearest(name, known)}")


def values(sql: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a SELECT's parameters.

    Raises:
        UsageError: a variable isn't there, or SQL has no such values.
    """
    given = {}
    for name in parameters_of(sql):
        if name not in variables:
            usable = [key for key, value in variables.items() if _is_offered(key, value)]
            raise UsageError(f"${name}: no variable of that name; {nearest(name, usable)}")
        value = _plain(variables[name])
        if not _is_value(value):
            kind = type(value).__name__
            raise UsageError(f"${name}: no value for SQL ({kind}); a number, text or time is")
        given[name] = value
    return given


def _plain(value: object) -> object:
    """Numbers of numpy as Python's, and addresses as texts."""
    if isinstance(value, _TEXTS):
        return str(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _is_value(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, _VALUES) for item in value)
    return isinstance(value, _VALUES)


def _is_offered(name: str, value: object) -> bool:
    """Whether a variable is worth a hint: the user's own, and a value."""
    return not name.startswith("_") and name not in ("In", "Out") and _is_value(_plain(value))


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)
