"""Published data sets, each in the format in which it is published."""
