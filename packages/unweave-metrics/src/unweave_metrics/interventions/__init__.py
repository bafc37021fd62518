"""Scores of what codes do while a factor is held or changed."""
