"""Semantic image synthesis: a label map in, a photograph out."""

__version__ = "0.1.0"
