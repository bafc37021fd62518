"""Scores of codes alone."""
