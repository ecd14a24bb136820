"""The embedded engine: DuckDB over table files that are sorted by HEALPix index."""
