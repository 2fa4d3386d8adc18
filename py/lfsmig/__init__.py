"""Migration statistics from labour force surveys, estimated twice and compared cell by cell."""

__version__ = "0.1.0"
