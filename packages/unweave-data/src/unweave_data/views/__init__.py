"""Stochastic views: data sets that look at stored frames through noise drawn for each image."""
