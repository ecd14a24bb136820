"""The engine for sites with a database server: PostgreSQL, with pgSphere, with Q3C or alone."""
