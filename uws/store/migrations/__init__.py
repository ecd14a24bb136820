"""Alembic migrations of the job tables, shipped with the package."""
