"""Scores of two things side by side: sets, models, images, codes and sources."""
