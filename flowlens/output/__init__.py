"""Results to bytes: one small module a format, one place for escapes, values and the sink.

Import from the modules; `render.write` chooses among the formats. `formats`, `escape` and `sink`
need nothing but the standard library, so that `--help` stays quick.
"""
