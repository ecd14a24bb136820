"""Products from their first draft to their deletion: files, columns, publication, downloads."""
