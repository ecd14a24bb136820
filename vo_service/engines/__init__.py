"""Engines that answer typed queries: the seam, and one package per database."""
