"""The whole picture on rejected traffic: facts gathered once, then written for a reader.

`facts.gather` asks, `text`, `markdown` and `jsonreport` write; they show the same numbers.
"""
