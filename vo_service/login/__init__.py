"""Logging in and out: passwords, OpenID Connect, and proxies that know who is there."""
