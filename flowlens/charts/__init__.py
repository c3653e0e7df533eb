"""Pictures of answers, drawn without a browser and without a network.

`picking` chooses what suits a table by its columns; a module for each kind of picture writes a
Vega-Lite specification, with all of its data, as plain JSON values; `drawing` makes SVG and PNG.
"""
