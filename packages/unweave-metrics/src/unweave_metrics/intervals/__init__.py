"""Confidence intervals of scores, by resampling of the rows."""
