"""Scores of models that predict factors from codes."""
