"""The report as one HTML page that needs nothing else: no network, no server, no other file.

`page` puts it together from a template, `figures` are its charts, `cards` its scanners, `tables`
its tables with their SQL. `vega` is the script that makes charts live; without scripts a page holds
the same as pictures and plain tables. Every value in it is escaped by the template.
"""
