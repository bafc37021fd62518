"""Metrics of the response of codes to fixed or changing factors."""
