"""Files of arrays, opened so that a stranger's file can be wrong but not dangerous."""
