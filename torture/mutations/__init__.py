"""Hypothesis strategies for files with a wrong structure, one module per format."""
