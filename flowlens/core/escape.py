r"""Hostile text made safe, one function for each kind of sink.

Tags, host names and unknown fields are written by strangers. On a terminal their control
characters move the cursor or reverse the reading order (CVE-2021-42574, "Trojan Source"); in a
spreadsheet a leading `=` is a formula; in Markdown and HTML they are links and scripts.
"""

from __future__ import annotations

import html as _html
import json as _json
import re

# C0, DEL, C1, the bidi controls of UAX #9, line and paragraph separators, byte order mark. A
# character class that Python's re and Arrow's RE2 both understand.
CONTROLS = (
    "\x00-\x1f\x7f-\x9f"
    "\N{ARABIC LETTER MARK}"
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
    "\N{LINE SEPARATOR}-\N{RIGHT-TO-LEFT OVERRIDE}"
    "\N{LEFT-TO-RIGHT ISOLATE}-\N{POP DIRECTIONAL ISOLATE}"
    "\N{ZERO WIDTH NO-BREAK SPACE}"
)

# OWASP, "CSV Injection", and ASVS 1.2.10: = + - @ tab CR LF NUL and the full-width forms, here
# also after blanks, which some spreadsheets trim. A text that looks guarded already is guarded
# once more: taking off one apostrophe gives every text back.
FORMULA = (
    r"\A'*[ ]*[=+\-@\t\r\n\x00"
    "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)

# A lone surrogate stands for a byte of a file name that is no UTF-8; writing it would fail.
_TERMINAL = re.compile(f"[{CONTROLS}\ud800-\udfff]")
_JSON = re.compile(f"[{CONTROLS}]")
_FORMULA = re.compile(FORMULA)
# Underscores inside a word (first_seen) are no emphasis on GitHub and stay readable.
_MARKDOWN = re.compile(r"[\\`*\[\]<>|&~]|(?<![^\W_])_|_(?![^\W_])")


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def terminal(text: str) -> str:
    r"""Text on one line whose control characters are visible escapes and do nothing.

    >>> print(terminal("a\x1b[31mb\nc\u202ed"))
    a\x1b[31mb\x0ac\u202ed
    """
    return _TERMINAL.sub(_visible, text)


def csv_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula; only for text, never for a number.

    >>> csv_cell("=1+1"), csv_cell(" @x"), csv_cell("'=1"), csv_cell("it's 1-1")
    ("'=1+1", "' @x", "''=1", "it's 1-1")
    """
    return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run a text."""
    return _FORMULA.match(text) is not None


def json_string(text: str) -> str:
    r"""A JSON string literal: exact for a parser, harmless on a terminal, other letters as UTF-8.

    >>> print(json_string('é "x" \x1b\x85'))
    "é \"x\" \u001b\u0085"
    """
    literal = _json.dumps(text, ensure_ascii=False)
    return _JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", literal)


def markdown(text: str) -> str:
    r"""Text for a cell of a GitHub table: no markup, no links, one line.

    >>> print(markdown("a|b `c` <d> first_seen _e_"))
    a\|b \`c\` \<d\> first_seen \_e\_
    """
    return _MARKDOWN.sub(r"\\\g<0>", terminal(text))


def html(text: str) -> str:
    """Text for an HTML element or a quoted attribute.

    >>> html('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return _html.escape(terminal(text), quote=True)
