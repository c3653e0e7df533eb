"""How Sphinx builds this guide; `make docs` does, into docs/_build/html.

Python's own documentation comes from the installed flowlens, or else from the checkout around it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))

from flowlens.core.version import version as flowlens_version

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "flowlens"
author = "The flowlens authors"
version = release = flowlens_version()

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# In docstrings `x` is code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False

# Signatures name types that have no page: those of other libraries, whose inventories aren't
# fetched, and those of flowlens that a caller never makes. The interface itself must be found.
nitpick_ignore_regex = [("py:class", r"(?!flowlens\.[A-Z]).*")]

html_theme = "furo"
html_title = f"flowlens {release}"
html_static_path = ["_static"]
html_css_files = ["flowlens.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False


def named_alone(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contents: Element
) -> Element | None:
    """The target of a name without its module, as `Raises:` sections and signatures have it."""
    domain = env.domains["py"]
    name = node.get("reftarget", "")
    found = [full for full in domain.objects if full.rpartition(".")[2] == name]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, contents)


def link_pages(_app: Sphinx, _path: Path, _page: str, content: list[str]) -> None:
    """Link the documents at the top of the checkout to each other's pages, which are lower case."""
    content[:] = [
        re.sub(r"\]\(([A-Z]+)\.md\)", lambda link: f"]({link[1].lower()}.md)", text)
        for text in content
    ]


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("include-read", link_pages)
    app.connect("missing-reference", named_alone)
