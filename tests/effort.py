"""How hard the properties are tried: as often in every run, or many times as often on demand.

`FLOWLENS_EFFORT=20 pytest tests` draws twenty times the examples, other ones each time.
"""

import os

EFFORT = int(os.environ.get("FLOWLENS_EFFORT", "1"))


def stride(number: int) -> int:
    """How far apart cases lie that lie `number` apart in an ordinary run."""
    return max(1, number // EFFORT)


def examples(number: int) -> int:
    """How many examples a property gets that gets `number` in an ordinary run."""
    return number * EFFORT
