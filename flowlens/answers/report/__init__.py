"""The whole picture on rejected traffic: facts gathered once, then written for a reader.

`facts.gather` asks; `text`, `markdown`, `jsonreport`, `fragment` (notebooks) and `web` (one page of
HTML) write; they show the same numbers.
"""
