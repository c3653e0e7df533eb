"""In Jupyter and IPython: cell magic, completion, progress."""
