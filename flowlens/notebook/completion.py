"""Tab within `flows.query("…`: the names of queries, and of a query's parameters."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from flowlens import named

_CALL = re.compile(r"""\.query\(\s*(["'])(?P<name>\w*)(?P<rest>\1\s*,.*)?$""", re.DOTALL)
_WORD = re.compile(r"[\w]*$")


@context_matcher(identifier="flowlens")
def matcher(context: CompletionContext) -> SimpleMatcherResult:
    """What may follow in a call of `query`; nothing elsewhere."""
    before = context.text_until_cursor
    call = _CALL.search(before)
    if call is None or (call["rest"] or "").count("(") < (call["rest"] or "").count(")"):
        return {"completions": [], "suppress": False}
    found = parameters(call["name"], call["rest"]) if call["rest"] else queries(call["name"])
    if not found:
        return {"completions": [], "suppress": False}
    # The word that is replaced is ours, whatever IPython takes for one.
    word = _WORD.search(before)
    result: dict[str, Any] = {
        "completions": [SimpleCompletion(text, type="param") for text in found],
        "suppress": True,
        "matched_fragment": word[0] if word else "",
        "ordered": True,
    }
    return result


def queries(begun: str) -> list[str]:
    """Names of queries that begin so; the steps of the detector are nobody's questions."""
    return sorted(
        name
        for name, query in named.shipped().items()
        if name.startswith(begun) and query.path.parent.name != "scans"
    )


def parameters(query: str, rest: str) -> list[str]:
    """Parameters of a query that begin as the last word does and aren't given yet."""
    known = named.shipped().get(query)
    if known is None:
        return []
    *given, last = rest.lstrip("\"' ,").split(",")
    taken = {part.partition("=")[0].strip() for part in given}
    begun = last.strip()
    return [
        f"{param.name}="
        for param in known.params
        if param.name.startswith(begun) and param.name not in taken
    ]
