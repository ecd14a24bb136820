"""The relational database of the service: products and their columns; SQLite or PostgreSQL."""
