"""Data sets that are computed: nothing has to be downloaded."""
