"""Metrics of codes without factors."""
