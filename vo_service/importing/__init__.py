"""Copying the products of a running Photo-z Server, through its API."""
