"""Metrics of the information between codes and factors."""
