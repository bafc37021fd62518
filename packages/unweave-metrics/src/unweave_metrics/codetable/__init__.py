"""Code tables: codes and what goes with them, in files."""
