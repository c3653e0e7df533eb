"""The job file: read, validated whole with every problem told, and written for a start."""
