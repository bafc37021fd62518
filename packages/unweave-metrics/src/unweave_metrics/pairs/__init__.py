"""Metrics of pairs: sets of samples, models, images, or codes and sources."""
