"""Methods of the literature: one row of the table each, or one file."""
