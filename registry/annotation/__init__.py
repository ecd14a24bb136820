"""Annotation of columns: vocabularies, annotation files, suggestions, and their merging."""
