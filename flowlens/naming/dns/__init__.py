"""Reverse DNS: names for addresses, asked for politely, kept on disk, and safe to show.

dnspython encodes and decodes; transport, pace, zones, verdicts, confirmation and cache are here.
`lookup` is the way in.
"""
