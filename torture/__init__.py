"""A campaign of kills, mutated files and odd command lines: `nox -s torture`."""
