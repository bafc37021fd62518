"""Confidence intervals: how scores are resampled, and what the intervals cover."""
