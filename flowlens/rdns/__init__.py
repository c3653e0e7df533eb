"""Reverse DNS: names for addresses, asked for politely, kept on disk, and safe to show.

The source of the rules and figures in this package is what resolvers do under load, as the modules
say one by one; dnspython encodes and decodes, everything between is here.
"""
