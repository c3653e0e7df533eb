"""Hostile text is harmless in every kind of sink, and honest text comes through unchanged."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlens.core import escape

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31mC1",
    "line\nbreak\rreturn\ttab",
    "\x00nul\x7fdel\x85nel",
    "user\u202etxt.exe\u2066\u2069\u200f\u061c",
    "para\u2028\u2029graph\ufeff",
]


def is_dangerous(letter: str) -> bool:
    """Judged by Unicode's own tables, not by the class under test."""
    bidi = unicodedata.bidirectional(letter) in {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    marks = letter in "\u061c\u200e\u200f\ufeff"
    return bidi or marks or unicodedata.category(letter) in {"Cc", "Zl", "Zp", "Cs"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "safe", [escape.terminal, escape.markdown, escape.html, escape.json_string]
)
def test_hostile_text_loses_every_control_character(safe, text):
    assert not any(map(is_dangerous, safe(text)))


@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_at_all_brings_a_control_character_to_the_terminal(text):
    assert not any(map(is_dangerous, escape.terminal(text)))


def test_an_escape_shows_the_code_point():
    assert escape.terminal("a\x1bb\u202ec\udc80") == r"a\x1bb\u202ec\udc80"


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1", "Grüße, 日本 👩‍👧", "a/b \\ 'c' \"d\"", "eni-0c4d"]
)
def test_honest_text_reaches_the_terminal_unchanged(text):
    assert escape.terminal(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        "  =1",
        "＝1",
        "＋1",
        "－1",
        "＠a",
    ],
)
def test_a_formula_gets_an_apostrophe(text):
    assert escape.csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "10.0.0.1", "it's", "'quoted'", "2016-09-24", " a-b"])
def test_text_that_is_no_formula_gets_none(text):
    assert escape.csv_cell(text) == text


@given(st.lists(st.text("'= +-@a", max_size=5), unique=True))
def test_the_formula_guard_never_makes_two_texts_one(texts):
    assert len({escape.csv_cell(text) for text in texts}) == len(texts)


@given(st.text())
def test_a_json_string_is_exact(text):
    assert json.loads(escape.json_string(text)) == text


def test_json_keeps_letters_as_utf8():
    assert escape.json_string("Grüße 日本") == '"Grüße 日本"'


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", r"a\|b"),
        ("\\|", r"\\\|"),
        ("`x` <img> &lt;", r"\`x\` \<img\> \&lt;"),
        ("![t](http://e)", r"!\[t\](http://e)"),
        ("*b* ~s~ _e_", r"\*b\* \~s\~ \_e\_"),
        ("first_seen", "first_seen"),
        ("a\nb", r"a\\x0ab"),
    ],
)
def test_markdown_has_no_markup_left(text, safe):
    assert escape.markdown(text) == safe


@given(st.text())
def test_html_has_no_tag_no_quote_and_no_bare_ampersand(text):
    assert not re.search(r"[<>\"']|&(?!(lt|gt|amp|quot|#x27);)", escape.html(text))
