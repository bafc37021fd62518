"""Data sets that are computed, so that nothing has to be downloaded."""
