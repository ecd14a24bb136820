"""Pipelines that make photometric-redshift products from other products."""
