"""In Jupyter and IPython, after `%load_ext flowlens`: SQL in a cell of its own, names on Tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_IDENTIFIER = "flowlens"


def load(shell: InteractiveShell) -> None:
    """What `%load_ext flowlens` does."""
    from flowlens.notebook.completion import matcher_for
    from flowlens.notebook.magic import FlowsMagic

    shell.register_magics(FlowsMagic(shell))
    unload(shell)
    shell.Completer.custom_matchers.append(matcher_for(shell.user_ns))


def unload(shell: InteractiveShell) -> None:
    """What `%unload_ext flowlens` does; the magic goes with the notebook."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if getattr(one, "matcher_identifier", "") != _IDENTIFIER]
