"""Pipelines of an installation: their jobs over UWS and over the API of the Photo-z Server."""
