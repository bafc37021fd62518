"""Strategies of hypothesis for files that are wrong by structure, one module per format."""
