"""Stochastic views: data sets of stored frames with noise that is drawn for each image."""
