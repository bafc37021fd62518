"""Read files of arrays, so that a file from an unknown source may be wrong but not dangerous."""
