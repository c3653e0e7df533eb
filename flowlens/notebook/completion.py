"""Tab within `flows.query("…`: the names of queries, and of a query's parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from flowlens.api import Flows
from flowlens.sql import catalog

_CALL = re.compile(
    r"""(?P<flows>[^\W\d]\w*)\s*\.\s*query\s*\(\s*(["'])(?P<name>\w*)(?P<rest>\2\s*,.*)?$""",
    re.DOTALL,
)
_WORD = re.compile(r"\w*$")
Matcher = Callable[[CompletionContext], SimpleMatcherResult]


def matcher_for(variables: Mapping[str, Any]) -> Matcher:
    """What may follow in a call of `query` of flows among these variables; nothing elsewhere."""

    @context_matcher(identifier="flowlens")
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line]
        before = "\n".join([*lines, context.text_until_cursor])
        call = _CALL.search(before)
        flows = variables.get(call["flows"]) if call else None
        if call is None or not isinstance(flows, Flows):
            return _nothing()
        known = {**catalog.shipped(), **flows.queries}
        rest = call["rest"] or ""
        if rest.count("(") < rest.count(")"):
            return _nothing()
        found = parameters(known, call["name"], rest) if rest else queries(known, call["name"])
        if not found:
            return _nothing()
        # The word that is replaced is ours, whatever IPython takes for one.
        word = _WORD.search(before)
        result: dict[str, Any] = {
            "completions": [SimpleCompletion(text, type="param") for text in found],
            "suppress": True,
            "matched_fragment": word[0] if word else "",
            "ordered": True,
        }
        return result

    made: Matcher = matcher
    return made


def _nothing() -> SimpleMatcherResult:
    """Made anew each time, for IPython writes into it."""
    return {"completions": [], "suppress": False}


def queries(known: Mapping[str, catalog.Query], begun: str) -> list[str]:
    """Names of queries that begin so; the steps of the detector are nobody's questions."""
    return sorted(
        name
        for name, query in known.items()
        if name.startswith(begun) and query.path.parent.name != "scans"
    )


def parameters(known: Mapping[str, catalog.Query], query: str, rest: str) -> list[str]:
    """Parameters of a query that begin as the last word does and aren't given yet."""
    if query not in known:
        return []
    *given, last = rest.lstrip("\"' ,\n").split(",")
    taken = {part.partition("=")[0].strip() for part in given}
    return [
        f"{param.name}="
        for param in known[query].params
        if param.name.startswith(last.strip()) and param.name not in taken
    ]
