"""Scores of one trained model: metrics of its codes and images, and the file that keeps them."""
