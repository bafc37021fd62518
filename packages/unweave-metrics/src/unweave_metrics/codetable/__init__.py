"""Code tables: files of codes with their factors and metadata."""
